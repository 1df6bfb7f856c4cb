import { ExternalError, messageOf, PapergateError, type EnvSource, type Secret } from '@papergate/config';
import type { ActionContext } from '../action/context.ts';
import type { ActionLog } from '../action/output/log.ts';
import type { GitHub, GitHubDeployment, NewStatus } from '../github/index.ts';
import { imageName, type Manifest } from '../release/manifest.ts';

/** The part of GitHub's API that records of deployments need. */
export type DeploymentApi = Pick<GitHub, 'openDeployment' | 'setStatus' | 'deactivateOlder' | 'close'>;

export interface RecordOptions {
  /** Undefined: nothing is recorded. */
  api: DeploymentApi | undefined;
  /** What cannot be recorded is not done. */
  required: boolean;
  log: Pick<ActionLog, 'warning' | 'info'>;
  context: Pick<ActionContext, 'runId' | 'runUrl'>;
  environment: string;
  task: 'deploy' | 'rollback';
}

/** Digests of a release as a deployment carries them: of its images, else of its services' folders. */
export const digestsOfManifest = ({ images, services }: Manifest): Record<string, string> =>
  images === undefined
    ? Object.fromEntries(Object.entries(services).map(([name, { digest }]) => [name, digest]))
    : Object.fromEntries(Object.entries(images).map(([name, image]) => [name, imageName(image)]));

/**
 * One delivery in GitHub's list of deployments. Where the job has an `environment:` GitHub has made the deployment
 * already: then that one is used. What goes wrong with the record is a warning, and an error where it is required.
 */
export class DeploymentRecord {
  readonly #options: RecordOptions;
  #deployment: GitHubDeployment | undefined;
  #manifest: Manifest | undefined;
  #isEnded = false;

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  /** The deployment's number at GitHub; undefined where there is none. */
  get id(): number | undefined {
    return this.#deployment?.id;
  }

  /** Before anything is touched. @throws those of GitHub's client, where the record is required */
  async begin(manifest: Manifest): Promise<void> {
    const { api, context, environment, task } = this.#options;
    this.#manifest = manifest;
    if (api === undefined) return;
    await this.#tried('begin', async () => {
      const { deployment, isOfJob } = await api.openDeployment({
        sha: manifest.commit,
        environment,
        task,
        description: `${task} of ${manifest.commit.slice(0, 12)}`,
        payload: {
          manifest_digest: manifest.digest,
          images: digestsOfManifest(manifest),
          run_id: Number(context.runId),
          evidence_url: context.runUrl,
        },
      });
      this.#deployment = deployment;
      this.#options.log.info(
        `deployment ${deployment.id} to ${environment}${isOfJob ? ', the one that the job made' : ''}`,
      );
      await this.#set({ state: 'in_progress', description: `${task} by run ${context.runId}` });
    });
  }

  /** How far it is. What goes wrong here is a warning: what is under way is not stopped for want of a status. */
  async progress(words: string): Promise<void> {
    if (this.#isEnded || this.id === undefined) return;
    await this.#set({ state: 'in_progress', description: words }).catch((error: unknown) => this.#warn(error));
  }

  /** Names what was proven: the digest over all evidence, which an artifact of the run can be held against. */
  async evidence(digest: string): Promise<void> {
    // A status of its own: GitHub takes 140 characters, and this one and the manifest's would not go into one.
    if (this.id === undefined) return;
    const { api, context } = this.#options;
    await api
      ?.setStatus(this.id, { state: 'in_progress', description: `evidence ${digest}`, logUrl: context.runUrl })
      .catch((error: unknown) => this.#warn(error));
  }

  /** It runs: deployments before it are over. */
  async succeeded({ url, words }: { url: string | undefined; words: string }): Promise<void> {
    const { api, environment } = this.#options;
    const id = this.id;
    this.#isEnded = true;
    if (api === undefined || id === undefined) return;
    await this.#tried('end', async () => {
      await this.#set({
        state: 'success',
        description: words,
        ...(url === undefined ? {} : { environmentUrl: url }),
      });
      await api.deactivateOlder({ environment, keep: id });
    });
  }

  /** `failure`: it was refused or undone. `error`: it could not be carried out. */
  async failed(state: 'failure' | 'error', words: string): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.id === undefined) return;
    // The job fails for another reason, which must not be hidden by this one.
    await this.#set({ state, description: words }).catch((error: unknown) => this.#warn(error));
  }

  async #set(status: NewStatus): Promise<void> {
    const { api, context } = this.#options;
    const id = this.id;
    if (api === undefined || id === undefined) return;
    await api.setStatus(id, {
      logUrl: context.runUrl,
      ...(this.#manifest === undefined ? {} : { manifestDigest: this.#manifest.digest }),
      ...status,
    });
  }

  async #tried(when: 'begin' | 'end', act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (this.#options.required) {
        if (when === 'begin') await this.failed('error', 'it could not be recorded');
        throw error;
      }
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    const why = error instanceof PapergateError ? `${error.code}: ${error.message}` : String(error);
    this.#options.log.warning(`this deployment is not fully recorded at GitHub: ${why}`, {
      title: 'deployment record',
    });
  }
}

/**
 * The record of a release that was found wanting after it was delivered: its deployments failed, and what runs
 * again has one of its own. Whatever goes wrong here is a warning.
 */
export async function recordGoneBack(
  options: Omit<RecordOptions, 'api' | 'required' | 'task'> & { api: GitHub | undefined },
  { from, to, why }: { from: Manifest; to: Manifest | undefined; why: string },
): Promise<void> {
  const { api, environment, context } = options;
  if (api === undefined) return;
  try {
    const delivered = await api.listDeployments({ environment, sha: from.commit });
    for (const { id, manifestDigest, state } of delivered) {
      if (manifestDigest !== from.digest || state !== 'success') continue;
      await api.setStatus(id, {
        state: 'failure',
        description: why,
        manifestDigest: from.digest,
        logUrl: context.runUrl,
      });
    }
  } catch (error) {
    options.log.warning(`GitHub still shows ${from.commit.slice(0, 12)} as delivered: ${messageOf(error)}`);
  }
  if (to === undefined) return;
  const record = new DeploymentRecord({ ...options, required: false, task: 'rollback' });
  await record.begin(to);
  await record.succeeded({ url: undefined, words: `runs again: ${why}` });
}

/** A client where there is a token. Nothing is asked before it is used. @throws UserError GITHUB_TOKEN_MISSING, … */
export async function githubOf(
  { token, env, signal }: { token: Secret | undefined; env: EnvSource; signal: AbortSignal },
  { apiUrl, repository }: Pick<ActionContext, 'apiUrl' | 'repository'>,
): Promise<GitHub | undefined> {
  if (token === undefined) return undefined;
  const { openGitHub } = await import('../github/index.ts');
  return openGitHub({ apiUrl, repository, token, env, signal });
}

export const recordMissing = (): ExternalError =>
  new ExternalError({
    code: 'RECORD_MISSING',
    message: 'input require-record is true, and there is no github-token to record the deployment with',
    fix: 'add github-token: ${{ github.token }} and "permissions: deployments: write", or set require-record: false',
  });
