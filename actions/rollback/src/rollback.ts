import { UserError, type EnvSource } from '@papergate/config';
import {
  carryOut,
  deliver,
  flowOf,
  isDelivered,
  warnOfPassing,
  DeploymentRecord,
  EvidenceStore,
  githubEnvironment,
  githubOf,
  goodReleases,
  loggedIn,
  manifestOf,
  movingBy,
  openHomeOf,
  placeOf,
  planRollback,
  PrivateFolder,
  recordMissing,
  refuseProductionUnderAct,
  registryNamespace,
  removePrivateFolder,
  renderRollbackPlan,
  rollback as goBackTo,
  withOpenPlace,
  withSecrets,
  type ActionJob,
  type CarryOut,
  type GitHub,
  type Home,
  type Manifest,
  type OpenPlace,
  type Outcome,
  type PlaceChoice,
  type PostJob,
  type ShipStages,
} from '@papergate/delivery';
import { defaultBranch, demandOnBranch } from './branch.ts';
import { demandImages, demandSame, healthyDeployment, neverHealthy } from './healthy.ts';
import type { INPUTS, OUTPUTS } from './inputs.ts';

export type RollbackJob = ActionJob<typeof INPUTS, typeof OUTPUTS> & { stages?: ShipStages };

/** Goes back to a release that was healthy before: by digest, without building anything. */
export async function rollback(job: RollbackJob): Promise<Outcome> {
  const { inputs, context, log, signal } = job;
  demandConfirmed(job);
  const token = inputs['github-token'];
  if (inputs['require-record'] && token === undefined) throw recordMissing();
  refuseProductionUnderAct(job, inputs);
  const home = openHomeOf(job, inputs);
  warnOfPassing(job, inputs);
  const folder = new PrivateFolder(context);
  job.saveState('folder', folder.dir);
  const api = await githubOf({ token, env: job.env, signal: new AbortController().signal }, context);
  try {
    const choice = placeOf(inputs, folder);
    const registry = registryNamespace(inputs, context);
    const env = loggedIn(withSecrets(job.env, inputs), inputs, registry, folder);
    const { sha, 'working-directory': repository } = inputs;
    const branch = defaultBranch(inputs['default-branch'], context);
    await demandOnBranch({ sha, branch, api, repository, log, signal });
    return await new Rollback({ job, home, env, api, choice, registry }).run();
  } finally {
    await api?.close();
    folder.remove();
  }
}

/** @throws UserError NOT_CONFIRMED */
function demandConfirmed({ inputs }: RollbackJob): void {
  const { sha, confirm, 'restore-db': restoreDb } = inputs;
  if (confirm === undefined && restoreDb === 'false') return;
  if (confirm === sha) return;
  throw new UserError({
    code: 'NOT_CONFIRMED',
    message:
      confirm === undefined
        ? `input restore-db is ${restoreDb}, which takes away whatever came after that checkpoint, and input confirm is missing`
        : `input confirm is ${confirm}, and input sha is ${sha}`,
    fix: 'put the same 40 digits into sha and confirm; nothing was done',
  });
}

interface Parts {
  job: RollbackJob;
  home: Home;
  env: EnvSource;
  api: GitHub | undefined;
  choice: PlaceChoice;
  registry: string;
}

class Rollback {
  readonly #parts: Parts;
  readonly #record: DeploymentRecord;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { job, api } = parts;
    const { inputs, log, context } = job;
    this.#record = new DeploymentRecord({
      api,
      required: inputs['require-record'],
      log,
      context,
      environment: githubEnvironment(inputs),
      task: 'rollback',
    });
  }

  async run(): Promise<Outcome> {
    try {
      return (await this.#ofPlace()) ?? (await this.#ofRecord());
    } catch (error) {
      await this.#record.failed('error', 'it could not be carried out');
      throw error;
    }
  }

  /** To one of the good releases of the place; undefined where it is none of them. */
  async #ofPlace(): Promise<Outcome | undefined> {
    const { job, env } = this.#parts;
    const { inputs, signal, log } = job;
    const restoreDb = inputs['restore-db'] === 'false' ? undefined : inputs['restore-db'];
    return this.#open({}, async (open) => {
      const known = (await goodReleases(open.place)).find(({ manifest }) => manifest.commit === inputs.sha);
      if (known === undefined) return undefined;
      const { manifest } = known;
      log.info(`delivered and healthy at ${known.delivered_at}, by the record of the place`);
      if (open.place.kind === 'compose') await demandImages(manifest, env, signal);
      const wanted = { sha: manifest.digest, ...(restoreDb === undefined ? {} : { restoreDb }) };
      const command = this.#command();
      const plan = await planRollback({ ...open.acting(command, () => {}, signal), ...wanted });
      await log.group('plan', () => log.info(renderRollbackPlan(plan)));
      return this.#carryOut(open, manifest, (watch) =>
        goBackTo({ ...movingBy(open, command, watch, signal), ...wanted }),
      );
    });
  }

  /** To a release that is too long ago for the place, and that GitHub remembers: what is at the registry is delivered anew. */
  async #ofRecord(): Promise<Outcome> {
    const { job, home, env, api, choice, registry } = this.#parts;
    const { inputs, signal, log } = job;
    const { sha, 'working-directory': repository } = inputs;
    const environment = githubEnvironment(inputs);
    const found = choice.kind === 'compose' ? await healthyDeployment(api, { environment, sha }) : undefined;
    if (found === undefined)
      throw neverHealthy(sha, await this.#open({}, (open) => goodReleases(open.place)), environment);
    if (inputs['restore-db'] !== 'false') throw restoreTooOld(sha);
    log.info(`delivered and healthy at ${found.at}, by deployment ${found.id} at GitHub`);
    const caller = { repository, home, env, signal };
    const next = async (record: Parameters<typeof manifestOf>[0]): Promise<Manifest> => {
      const said = inputs.registry ?? record.settings.registry ?? registry;
      const manifest = await manifestOf(record, caller, { sha, registry: said });
      demandSame(manifest, found);
      await demandImages(manifest, env, signal);
      return manifest;
    };
    return this.#open({ next }, (open) => {
      const manifest = open.next;
      if (manifest === undefined) throw new Error('there is no manifest to go back to');
      return this.#carryOut(open, manifest, (watch) =>
        deliver({ ...movingBy(open, this.#command(), watch, signal), next: manifest }),
      );
    });
  }

  #open<T>(more: Pick<Parameters<typeof withOpenPlace>[0], 'next'>, act: (open: OpenPlace) => Promise<T>): Promise<T> {
    const { job, home, env, choice } = this.#parts;
    const { inputs, signal, stages } = job;
    const repository = inputs['working-directory'];
    return withOpenPlace({ choice, repository, home, env, signal, ...(stages && { stages }), ...more }, act);
  }

  #command(): string {
    const { inputs, context } = this.#parts.job;
    return `rollback action, run ${context.runId}: ${inputs.reason}`;
  }

  async #carryOut(open: OpenPlace, to: Manifest, deliverIt: CarryOut['deliver']): Promise<Outcome> {
    const { job, home } = this.#parts;
    const { inputs, log } = job;
    return carryOut(job, {
      open,
      to,
      store: EvidenceStore.open(to, { home }),
      record: this.#record,
      title: `Rollback of ${open.place.environment} to ${to.commit.slice(0, 12)}`,
      url: inputs['environment-url'],
      note: `Reason: ${inputs.reason}`,
      before: [],
      deliver: async (watch) => {
        const outcome = await deliverIt(watch);
        // In production it resumes with the orders that it was let through; who goes back wants to know.
        if (open.place.environment === 'production' && isDelivered(outcome))
          log.info(`${to.commit.slice(0, 12)} runs${await flowOf(open, to, log)}`);
        return outcome;
      },
    });
  }
}

const restoreTooOld = (sha: string): UserError =>
  new UserError({
    code: 'RESTORE_TOO_OLD',
    message: `${sha} is none of the last good releases of the place, and only with one of those can the database go back too`,
    fix: 'set restore-db: false, or go back to a newer commit',
  });

/** Removes keys and logins that a killed step left. */
export function cleanUp({ state, context }: PostJob<typeof INPUTS>): Promise<void> {
  removePrivateFolder(state('folder'), context);
  return Promise.resolve();
}
