import { UserError, type EnvSource, type GateEvidence } from '@papergate/config';
import {
  carryOut,
  deliver,
  demandGateOf,
  warnOfPassing,
  DeploymentRecord,
  EvidenceStore,
  githubEnvironment,
  githubOf,
  holdPlace,
  isDelivered,
  keepBrokenOff,
  keptTimed,
  loggedIn,
  manifestOf,
  movingBy,
  openHomeOf,
  placeOf,
  placeSettings,
  PrivateFolder,
  recordGoneBack,
  recordMissing,
  registryNamespace,
  releaseSource,
  rollOutRelease,
  stray,
  validateRelease,
  withOpenPlace,
  withSecrets,
  type ActionJob,
  type DeliverOutcome,
  type GitHub,
  type Home,
  type Manifest,
  type OpenOptions,
  type OpenPlace,
  type Outcome,
  type PlaceLease,
  type PlaceRecord,
  type RolledOut,
  type RolloutPlan,
  type ShipStages,
  type StageRun,
} from '@papergate/delivery';
import type { INPUTS, OUTPUTS } from './inputs.ts';
import { gateOf, rolloutPlanOf } from './production.ts';
import { wantedOf } from './wanted.ts';

export type DeployJob = ActionJob<typeof INPUTS, typeof OUTPUTS> & { stages?: ShipStages };

/**
 * Moves a place to a release that was built before; on any failure back to what ran. In production it is then let at the
 * market step by step.
 */
export async function deploy(job: DeployJob): Promise<Outcome> {
  const { inputs, context } = job;
  checkInputs(job);
  const gate = gateOf(job);
  const home = openHomeOf(job, inputs);
  warnOfPassing(job, inputs);
  const folder = new PrivateFolder(context);
  job.saveState('folder', folder.dir);
  const token = inputs['github-token'];
  if (inputs['require-record'] && token === undefined) throw recordMissing();
  const api = await githubOf({ token, env: job.env, signal: new AbortController().signal }, context);
  try {
    const choice = placeOf(inputs, folder);
    const registry = registryNamespace(inputs, context);
    const env = loggedIn(withSecrets(job.env, inputs), inputs, registry, folder);
    const work = new Deploy({
      job,
      home,
      env,
      gate,
      api,
      record: new DeploymentRecord({
        api,
        required: inputs['require-record'],
        log: job.log,
        context,
        environment: githubEnvironment(inputs),
        task: 'deploy',
      }),
    });
    return await work.at({ choice, registry });
  } finally {
    await api?.close();
    folder.remove();
  }
}

/** What the target process has no use for: one workflow serves both targets. */
const OF_COMPOSE = ['registry', 'registry-token', 'database-password', 'grafana-password'] as const;

function checkInputs({ inputs, log }: DeployJob): void {
  if (inputs.target === 'compose') {
    if (inputs['database-url'] === undefined) return;
    throw stray('database-url', 'the target process: compose makes a database of its own', 'set target: process');
  }
  if (inputs['require-signature'] !== undefined) {
    throw stray('require-signature', 'images, and the target process runs none', 'set target: compose');
  }
  for (const name of OF_COMPOSE) if (inputs[name] !== undefined) log.info(`the target process has no use for ${name}`);
}

interface Parts {
  job: DeployJob;
  home: Home;
  env: EnvSource;
  /** Production: what its gate left. */
  gate: GateEvidence | undefined;
  api: GitHub | undefined;
  record: DeploymentRecord;
}

class Deploy {
  readonly #parts: Parts;
  readonly #job: DeployJob;
  readonly #home: Home;
  readonly #env: EnvSource;
  readonly #record: DeploymentRecord;
  #validated: StageRun | undefined;
  /** What is delivered, once it is known to be what was meant. */
  #wanted: Manifest | undefined;
  /** The engine was called, and what came of that is kept. */
  #called = false;
  /** Production only. */
  #plan: RolloutPlan | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#job = parts.job;
    this.#home = parts.home;
    this.#env = parts.env;
    this.#record = parts.record;
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
          ...(this.#parts.gate === undefined ? {} : { gate: this.#parts.gate }),
          next: (record) => this.#next(record, registry),
          ...(stages && { stages }),
        },
        (open) => this.#deliver(open),
      );
    } catch (error) {
      await this.#keepUncalled(error);
      await this.#record.failed('error', 'it could not be carried out');
      throw error;
    }
  }

  #storeOf(manifest: Manifest): EvidenceStore {
    const folder = this.#job.inputs.evidence;
    return EvidenceStore.open(manifest, folder === undefined ? { home: this.#home } : { dir: folder });
  }

  /** What kept the engine from being called at all is a failed deploy, too: an earlier one does not speak for it any more. */
  async #keepUncalled(error: unknown): Promise<void> {
    const manifest = this.#wanted;
    if (manifest === undefined || this.#called) return;
    const { environment, target } = this.#job.inputs;
    const facts = { environment, target };
    await keepBrokenOff({ stage: 'deploy', store: () => this.#storeOf(manifest), facts }, error);
  }

  /** The manifest that is wanted; its configuration and the secrets pass the policy before anything is opened for it. */
  async #next(record: PlaceRecord, registry: string): Promise<Manifest> {
    const { inputs, context, signal, log } = this.#job;
    const repository = inputs['working-directory'];
    const caller = { repository, home: this.#home, env: this.#env, signal };
    const said = record.settings.registry ?? registry;
    const manifest = await manifestOf(record, caller, wantedOf(inputs, context, said));
    demandCommit(manifest, inputs.sha);
    const { gate } = this.#parts;
    if (gate !== undefined) demandGateOf(manifest, gate, Date.now());
    const { dir } = await releaseSource(caller, manifest);
    const { environment } = record.place;
    const { commit } = manifest;
    this.#wanted = manifest;
    const facts = { environment, target: record.place.kind };
    this.#validated = await log.group('configuration and credentials', () =>
      keptTimed({ stage: 'validate', store: () => this.#storeOf(manifest), facts }, async () => {
        const { result } = await validateRelease(dir, {
          environment,
          env: this.#env,
          signal,
          behind: gate === undefined ? undefined : { commit, gate },
        });
        for (const { name } of result.checks) log.info(`✔ ${name}`);
        return result;
      }),
    );
    if (environment === 'production') this.#plan = rolloutPlanOf(dir);
    return manifest;
  }

  async #deliver(open: OpenPlace): Promise<Outcome> {
    const { inputs, context, signal, saveState, log } = this.#job;
    const { next } = open;
    const plan = this.#plan;
    if (next === undefined) throw new Error('there is no manifest to deliver');
    const store = this.#storeOf(next);
    // From the delivery to the end of the roll-out the place is ours: nobody delivers into what is being watched.
    let held: PlaceLease | undefined;
    const carried = carryOut(this.#job, {
      open,
      to: next,
      store,
      record: this.#record,
      title: `Deploy of ${next.commit.slice(0, 12)} to ${open.place.environment}`,
      url: inputs['environment-url'],
      before: this.#validated === undefined ? [] : [this.#validated],
      deliver: async (watch) => {
        this.#called = true;
        await open.keepSettings('before');
        const moving = movingBy(open, `deploy action, run ${context.runId}`, watch, signal);
        if (plan !== undefined) held = await holdPlace(moving);
        const outcome = await deliver({ ...moving, next, ...(held && { held }) });
        if (isDelivered(outcome)) await open.keepSettings('delivered');
        return outcome;
      },
      ...(plan === undefined
        ? {}
        : { rollOut: (outcome: DeliverOutcome) => this.#rollOut(open, plan, { outcome, store, held }) }),
      onGoneBack: (to, why) =>
        recordGoneBack(
          { api: this.#parts.api, log, context, environment: githubEnvironment(inputs) },
          { from: next, to, why },
        ),
    });
    const letGo = async (): Promise<void> => held?.release();
    const ended = await endedWith(carried, letGo);
    if (ended.verdict === 'pass' && !inputs.keep) saveState('take-down', 'true');
    return ended;
  }

  async #rollOut(
    open: OpenPlace,
    plan: RolloutPlan,
    { outcome, store, held }: { outcome: DeliverOutcome; store: EvidenceStore; held: PlaceLease | undefined },
  ): Promise<RolledOut> {
    if (held === undefined) throw new Error('the place is not held');
    const { log, signal, context, setOutput } = this.#job;
    const rolled = await rollOutRelease({
      open,
      manifest: outcome.to,
      plan,
      store,
      record: this.#record,
      log,
      signal,
      held,
      resume: outcome.status === 'unchanged',
      command: `deploy action, run ${context.runId}`,
    });
    const { status, reached, failure } = rolled.rollout;
    setOutput('rollout', JSON.stringify({ status, reached: reached ?? null, failed: failure?.step ?? null }));
    return rolled;
  }
}

async function endedWith<T>(act: Promise<T>, last: () => Promise<void>): Promise<T> {
  try {
    return await act;
  } finally {
    await last();
  }
}

function demandCommit(manifest: Manifest, sha: string | undefined): void {
  if (sha === undefined || manifest.commit === sha) return;
  throw new UserError({
    code: 'MANIFEST_FOREIGN',
    message: `input manifest is of commit ${manifest.commit}, and input sha is ${sha}`,
    fix: 'give the manifest that was built of this commit, or leave one of them out',
  });
}
