import { join } from 'node:path';
import { UserError, type EnvSource } from '@papergate/config';
import {
  deliver,
  DeliveryWatch,
  DeploymentRecord,
  EvidenceStore,
  githubOf,
  isDelivered,
  keepEvidence,
  loggedIn,
  manifestOf,
  openHome,
  outcomeOfDelivery,
  placeOf,
  placeSettings,
  PrivateFolder,
  recordMissing,
  registryNamespace,
  releaseSource,
  reportDelivery,
  stray,
  timed,
  validateRelease,
  withOpenPlace,
  withSecrets,
  type ActionJob,
  type DeliverOutcome,
  type Home,
  type Manifest,
  type OpenOptions,
  type OpenPlace,
  type Outcome,
  type PlaceRecord,
  type ServiceUrls,
  type ShipStages,
  type StageRun,
} from '@papergate/delivery';
import type { INPUTS, OUTPUTS } from './inputs.ts';
import { wantedOf } from './wanted.ts';

export type DeployJob = ActionJob<typeof INPUTS, typeof OUTPUTS> & { stages?: ShipStages };

/** Moves a place to a release that was built before; on any failure back to what ran. */
export async function deploy(job: DeployJob): Promise<Outcome> {
  const { inputs, context } = job;
  checkInputs(job);
  const home = openHome(job);
  const folder = new PrivateFolder(context);
  job.saveState('folder', folder.dir);
  const token = inputs['github-token'];
  if (inputs['require-record'] && token === undefined) throw recordMissing();
  const api = await githubOf({ token, env: job.env, signal: new AbortController().signal }, context);
  try {
    const choice = placeOf(inputs, folder);
    const registry = registryNamespace(inputs, context);
    const env = loggedIn(withSecrets(job.env, inputs), inputs, registry, folder);
    const work = new Deploy(
      job,
      home,
      env,
      new DeploymentRecord({
        api,
        required: inputs['require-record'],
        log: job.log,
        context,
        environment: inputs.environment,
        task: 'deploy',
      }),
    );
    return await work.at({ choice, registry });
  } finally {
    await api?.close();
    folder.remove();
  }
}

function checkInputs({ inputs }: DeployJob): void {
  if (inputs.target === 'compose') {
    if (inputs['database-url'] === undefined) return;
    throw stray('database-url', 'the target process: compose makes a database of its own', 'set target: process');
  }
  for (const name of [
    'registry',
    'registry-token',
    'require-signature',
    'grafana-password',
    'database-password',
  ] as const) {
    if (inputs[name] !== undefined)
      throw stray(name, 'a Docker Engine, and the target is process', 'set target: compose');
  }
}

class Deploy {
  readonly #job: DeployJob;
  readonly #home: Home;
  readonly #env: EnvSource;
  readonly #record: DeploymentRecord;
  #validated: StageRun | undefined;

  constructor(job: DeployJob, home: Home, env: EnvSource, record: DeploymentRecord) {
    this.#job = job;
    this.#home = home;
    this.#env = env;
    this.#record = record;
  }

  async at({ choice, registry }: Pick<OpenOptions, 'choice'> & { registry: string }): Promise<Outcome> {
    const { inputs, signal, stages } = this.#job;
    const { ports, monitoring, 'require-signature': publicKey } = inputs;
    const settings = {
      ...placeSettings({ ports, monitoring }),
      ...(choice.kind === 'process' || inputs.registry === undefined ? {} : { registry }),
      ...(publicKey === undefined ? {} : { signed_with: `${publicKey}\n` }),
    };
    try {
      return await withOpenPlace(
        {
          choice,
          repository: inputs['working-directory'],
          home: this.#home,
          env: this.#env,
          signal,
          settings,
          next: (record) => this.#next(record, registry),
          ...(stages && { stages }),
        },
        (open) => this.#deliver(open),
      );
    } catch (error) {
      await this.#record.failed('error', 'it could not be carried out');
      throw error;
    }
  }

  /** The manifest that is wanted; its configuration and the secrets pass the policy before anything is opened for it. */
  async #next(record: PlaceRecord, registry: string): Promise<Manifest> {
    const { inputs, context, signal, log } = this.#job;
    const repository = inputs['working-directory'];
    const caller = { repository, home: this.#home, env: this.#env, signal };
    const said = record.settings.registry ?? registry;
    const manifest = await manifestOf(record, caller, wantedOf(inputs, context, said));
    demandCommit(manifest, inputs.sha);
    const { dir } = await releaseSource(caller, manifest);
    const { environment } = record.place;
    this.#validated = await log.group('configuration and credentials', () =>
      timed('validate', async () => {
        const { result } = await validateRelease(dir, { environment: stagingOf(environment), env: this.#env, signal });
        for (const { name } of result.checks) log.info(`✔ ${name}`);
        return result;
      }),
    );
    return manifest;
  }

  async #deliver(open: OpenPlace): Promise<Outcome> {
    const { inputs, context, log, signal, setOutput } = this.#job;
    const { next } = open;
    if (next === undefined) throw new Error('there is no manifest to deliver');
    const folder = inputs.evidence;
    const store = EvidenceStore.open(next, folder === undefined ? { home: this.#home } : { dir: folder });
    setOutput('manifest-digest', next.digest);
    setOutput('evidence', store.dir);
    await this.#record.begin(next);
    setOutput('deployment-id', this.#record.id ?? '');
    const watch = new DeliveryWatch(log);
    await open.keepSettings('before');
    const outcome = await log.group(`delivery of ${next.commit.slice(0, 12)} to ${open.place.project}`, () =>
      deliver({ ...open.moving(`deploy action, run ${context.runId}`, watch.onEvent, signal), next }),
    );
    const urls = isDelivered(outcome) ? await urlsOf(open, next) : {};
    if (isDelivered(outcome)) await open.keepSettings('delivered');
    const runs = [...(this.#validated === undefined ? [] : [this.#validated]), ...watch.stages(outcome)];
    const { environment, kind } = open.place;
    await keepEvidence(store, runs, { environment, target: kind, urls: definedOf(urls) });
    await this.#tell(outcome, urls, store);
    return outcomeOfDelivery(outcome);
  }

  async #tell(outcome: DeliverOutcome, urls: ServiceUrls, store: EvidenceStore): Promise<void> {
    const { inputs, summary, setOutput, saveState } = this.#job;
    const { from, to, status } = outcome;
    const delivered = isDelivered(outcome);
    const url = inputs['environment-url'] ?? urls['dashboard'];
    const running = delivered ? to : from;
    setOutput('outcome', status);
    setOutput('sha', running?.commit ?? '');
    setOutput('previous-sha', from?.commit ?? '');
    setOutput('manifest', delivered ? join(store.dir, 'manifest.json') : '');
    setOutput('urls', JSON.stringify(urls));
    setOutput('url', delivered ? (url ?? '') : '');
    const ended = outcomeOfDelivery(outcome);
    summary.heading(`Deploy of ${to.commit.slice(0, 12)} to ${inputs.environment}`);
    summary.verdict(
      ended.verdict,
      ended.verdict === 'pass' ? `${status}${url === undefined ? '' : ` at ${url}`}` : ended.message,
    );
    await reportDelivery(this.#job, outcome);
    if (!delivered) {
      const code = ended.verdict === 'pass' ? '' : ended.reasonCode;
      await this.#record.failed(status === 'undo-failed' ? 'error' : 'failure', `${status}: ${code}`);
      return;
    }
    if (!inputs.keep) saveState('take-down', 'true');
    const words = `${status}; evidence ${store.digest().slice(7, 19)}`;
    await this.#record.succeeded({ url, words });
  }
}

/** Addresses that still hold when we are gone: tunnels to a host do not. */
async function urlsOf({ options, target }: OpenPlace, manifest: Manifest): Promise<ServiceUrls> {
  return options.choice.host === undefined ? target.urls(manifest) : {};
}

const definedOf = (urls: ServiceUrls): Record<string, string> =>
  Object.fromEntries(Object.entries(urls).flatMap(([name, url]) => (url === undefined ? [] : [[name, url]])));

function stagingOf(environment: PlaceRecord['place']['environment']): 'development' | 'staging' {
  if (environment !== 'production') return environment;
  throw new Error('production is not delivered to by this action');
}

function demandCommit(manifest: Manifest, sha: string | undefined): void {
  if (sha === undefined || manifest.commit === sha) return;
  throw new UserError({
    code: 'MANIFEST_FOREIGN',
    message: `input manifest is of commit ${manifest.commit}, and input sha is ${sha}`,
    fix: 'give the manifest that was built of this commit, or leave one of them out',
  });
}
