import { EXIT, ExternalError, PapergateError } from '@papergate/config';
import { urlsOf } from '../deploy/plan.ts';
import type { StageName, StageResult } from '../evidence/index.ts';
import { Journal } from '../journal/index.ts';
import { acquireLease, type Lease } from '../lease/index.ts';
import { makeRelease, pruneReleases, resolveCommit, type Release } from '../release/index.ts';
import { askStatus, type SupervisorHandle } from '../supervisor/client.ts';
import { endOrphans } from '../supervisor/processes.ts';
import { checkReportFolder, copyReport, newRunId, pruneRuns, RunStore } from './run-store.ts';
import { RunLog } from './run-log.ts';
import { buildRelease } from './stages/build.ts';
import { deployResult, startDeploy } from './stages/deploy.ts';
import { judgeRun } from './stages/gate.ts';
import { probeSimulator, validateRelease, type RunCredentials } from './stages/validate.ts';
import type { ReportFiles, ShipEvent, ShipOptions, ShipOutcome, ShipStages } from './types.ts';

const KEPT_RELEASES = 5;
const KEPT_RUNS = 20;
/** Exit code of a run that a signal ended before it was through: 128 + SIGINT, as shells have it. */
export const INTERRUPTED = 130;

/** Takes a commit through all stages. Never throws for what goes wrong on the way: the outcome tells it. */
export async function ship(
  options: ShipOptions,
  stages: ShipStages,
  tell: (event: ShipEvent) => void,
): Promise<ShipOutcome> {
  if (options.report !== undefined) checkReportFolder(options.report);
  const runId = newRunId(new Date());
  const lease = await acquireLease({ dir: options.home.lease, command: options.command });
  const store = new RunStore(options.home.runs, runId);
  const log = new RunLog(runId, options, store, tell);
  const shipping = new Shipping({ options, stages, tell, runId, lease, store, log });
  tell({ type: 'run', run_id: runId, dir: store.dir, environment: options.environment });
  return shipping.run();
}

interface Parts {
  options: ShipOptions;
  stages: ShipStages;
  tell: (event: ShipEvent) => void;
  runId: string;
  lease: Lease;
  store: RunStore;
  log: RunLog;
}

class Shipping {
  readonly #parts: Parts;
  readonly #gone = new AbortController();
  readonly #signal: AbortSignal;
  #supervisor: SupervisorHandle | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#signal = AbortSignal.any([parts.options.signal, this.#gone.signal]);
  }

  async run(): Promise<ShipOutcome> {
    const { options, log, tell, store, lease } = this.#parts;
    let exitCode: number = EXIT.external;
    try {
      exitCode = await this.#chain();
    } catch (error) {
      exitCode = this.#exitCodeOf(error);
    }
    const keep = exitCode === EXIT.ok && this.#supervisor !== undefined && !this.#signal.aborted;
    if (!keep) await this.#stop(exitCode === INTERRUPTED ? 'interrupted' : 'the commit did not get through');
    log.record.finished_at = new Date().toISOString();
    store.write('run.json', log.record);
    const report = await this.#report();
    if (this.#supervisor === undefined) await lease.release();

    const outcome: ShipOutcome = { exitCode, run: log.record, dir: store.dir };
    if (report !== undefined) outcome.report = report;
    const supervisor = this.#supervisor;
    if (!keep || supervisor === undefined) return outcome;
    const { urls } = log.record;
    tell({ type: 'staging', state: 'up', urls, detached: options.detach });
    if (options.detach) supervisor.detach();
    else outcome.staging = { urls, ended: supervisor.ended, stop: (reason) => this.#stop(reason) };
    return outcome;
  }

  #exitCodeOf(error: unknown): number {
    const { options, log } = this.#parts;
    if (options.signal.aborted) return INTERRUPTED;
    // A stage that was cut off because staging went away says so in its own words, which help nobody.
    const cutOff = this.#gone.signal.aborted && !(error instanceof PapergateError);
    const told: unknown = cutOff ? this.#gone.signal.reason : error;
    log.fail(told);
    return told instanceof PapergateError ? told.exitCode : EXIT.external;
  }

  /** All stages in order. @returns the exit code; throws where a stage could not be carried out at all */
  async #chain(): Promise<number> {
    const { options, log } = this.#parts;
    await this.#clearPlace();
    const { release, credentials } = await this.#validateAndBuild();
    await log.stage('push', this.#signal, () =>
      Promise.resolve({ result: skipped('not needed: the process target runs the release where it was built') }),
    );
    const deployed = await this.#deploy(release, credentials);
    const smoke = deployed.status === 'passed' ? await this.#smoke(release, credentials) : deployed;
    if (smoke.status === 'passed') await this.#load(release, credentials);
    const decision = await this.#gate(release);
    pruneReleases(options.home.releases, KEPT_RELEASES, release.manifest.commit);
    pruneRuns(options.home.runs, KEPT_RUNS);
    return decision === 'pass' ? EXIT.ok : EXIT.blocked;
  }

  async #clearPlace(): Promise<void> {
    const { options, tell } = this.#parts;
    await endOrphans(options.home.supervisor, (name) =>
      tell({ type: 'note', message: `an earlier run was killed and left ${name} behind; ending it` }),
    );
  }

  async #validateAndBuild(): Promise<{ release: Release; credentials: RunCredentials }> {
    const { options, log, tell } = this.#parts;
    const { release, credentials } = await log.stage('validate', this.#signal, async () => {
      log.progress(`reading ${options.sha}`);
      const { sha, subject, uncommittedChanges } = await resolveCommit(options.repository, options.sha, this.#signal);
      Object.assign(log.record, { commit: sha, subject, uncommitted_changes: uncommittedChanges });
      tell({ type: 'commit', commit: sha, subject, uncommitted_changes: uncommittedChanges });
      const made = await makeRelease(options.repository, options.home.releases, sha, this.#signal);
      log.record.manifest = made.manifest;
      log.progress('configuration and credentials');
      const validated = await validateRelease(made.dir, options);
      return { ...validated, release: made };
    });
    await log.stage('build', this.#signal, async () => {
      const onProgress = (message: string): void => log.progress(message);
      return { result: await buildRelease(options.repository, release, { signal: this.#signal, onProgress }) };
    });
    return { release, credentials };
  }

  async #deploy(release: Release, credentials: RunCredentials): Promise<StageResult> {
    const { options, log, store, lease, runId } = this.#parts;
    const { result } = await log.stage('deploy', this.#signal, async () => {
      const onProgress = (message: string): void => log.progress(message);
      const journal = new Journal(options.home.journal, runId);
      const { supervisor, system } = await journal.during('deploy', { commit: release.manifest.commit }, () =>
        startDeploy({ ship: options, runId, release, credentials, lease, store, onProgress }),
      );
      this.#supervisor = supervisor;
      void supervisor.ended.then((reason) => this.#gone.abort(stagingGone(reason)));
      log.record.urls = urlsOf(system);
      const status = await untilAborted(supervisor.up, options.signal);
      log.record.machine.postgres = status.database.version ?? '';
      const probed = await probeSimulator(log.record.urls['paper-exchange'] ?? '', credentials, this.#signal);
      return { result: deployResult(status, probed) };
    });
    return result;
  }

  async #smoke(release: Release, credentials: RunCredentials): Promise<StageResult> {
    const { log, stages } = this.#parts;
    const { result } = await log.stage('smoke', this.#signal, async () => ({
      result: await stages.runSmoke(this.#call(release, credentials)),
    }));
    return result;
  }

  async #load(release: Release, credentials: RunCredentials): Promise<StageResult> {
    const { options, log, store, stages } = this.#parts;
    const profile = options.load;
    const { result: loaded } = await log.stage('load', this.#signal, async () => {
      if (profile === 'none') return { result: skipped('left out: --load none') };
      const call = { ...this.#call(release, credentials), profile, outDir: store.dir };
      const result = await stages.runLoad(call);
      log.record.machine.k6 = typeof result.data?.['k6'] === 'string' ? result.data['k6'] : '';
      return { result: await this.#withRestarts(result) };
    });
    return loaded;
  }

  // A bundle that lost a service under load and got it back has not held.
  async #withRestarts(result: StageResult): Promise<StageResult> {
    // Asked first: a service that crashed a moment ago refuses connections before its supervisor has been told.
    const gone = await refusing(this.#parts.log.record.urls);
    const status = await askStatus(this.#parts.options.home);
    const restarted = (status?.services ?? []).filter(({ restarts, state }) => restarts > 0 || state !== 'ready');
    const crashed = [...new Set([...gone, ...restarted.map(({ name }) => name)])];
    const failed = status === undefined || crashed.length > 0;
    const check = {
      name: 'no service crashed since the deploy',
      status: failed ? ('failed' as const) : ('passed' as const),
      observed: status === undefined ? 'the supervisor does not answer' : crashed.length,
      limit: '0',
      ...(crashed.length === 0 ? {} : { detail: crashed.join(', ') }),
    };
    return { ...result, status: failed ? 'failed' : result.status, checks: [...result.checks, check] };
  }

  #call(release: Release, credentials: RunCredentials) {
    const { options, log } = this.#parts;
    return {
      releaseDir: release.dir,
      urls: log.record.urls,
      token: credentials.secrets.get('API_TOKEN'),
      env: options.env,
      onProgress: ({ message, fraction }: { message: string; fraction?: number }) => log.progress(message, fraction),
      signal: this.#signal,
    };
  }

  async #gate(release: Release): Promise<'pass' | 'block'> {
    const { options, log, store, stages, tell } = this.#parts;
    const required: StageName[] = ['validate', 'build', 'deploy', 'smoke'];
    if (options.load !== 'none') required.push('load');
    await log.stage('gate', this.#signal, () => {
      const { decision, result } = judgeRun({
        runDir: store.dir,
        manifest: release.manifest,
        required,
        maxAgeMs: options.maxEvidenceAgeMs,
        stages,
      });
      log.record.gate = decision;
      return Promise.resolve({ result });
    });
    const { gate } = log.record;
    // After its stage, so that whoever draws the stages has the last one finished.
    if (gate !== undefined) tell({ type: 'gate', ...gate });
    return gate?.decision ?? 'block';
  }

  async #report(): Promise<ReportFiles | undefined> {
    const { options, log, store, stages, tell } = this.#parts;
    if (log.record.commit === '') return undefined;
    const report = await stages.writeReport({ dir: store.dir, run: log.record });
    if (options.report !== undefined) copyReport(store.dir, options.report, Object.values(report));
    tell({ type: 'report', ...report });
    return report;
  }

  async #stop(reason: string): Promise<void> {
    const { options, tell } = this.#parts;
    const supervisor = this.#supervisor;
    if (supervisor === undefined) return;
    tell({ type: 'staging', state: 'stopping', reason });
    supervisor.stop(reason, options.hurry.aborted);
    const hurry = (): void => supervisor.stop(reason, true);
    options.hurry.addEventListener('abort', hurry, { once: true });
    await supervisor.ended;
    options.hurry.removeEventListener('abort', hurry);
    tell({ type: 'staging', state: 'stopped' });
  }
}

function skipped(detail: string): StageResult {
  return { status: 'skipped', checks: [], data: { reason: detail } };
}

/** Names of those at whose address nobody listens. One that is merely slow to answer is not among them. */
async function refusing(urls: Record<string, string>): Promise<string[]> {
  const looks = Object.entries(urls).map(async ([name, url]) => {
    try {
      await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
      return [];
    } catch (error) {
      const { cause } = error as { cause?: { code?: string } };
      return cause?.code === 'ECONNREFUSED' ? [name] : [];
    }
  });
  return (await Promise.all(looks)).flat();
}

function stagingGone(reason: string): PapergateError {
  return new ExternalError({
    code: 'STAGING_STOPPED',
    message: `staging was taken down while it was needed: ${reason}`,
    fix: 'ship again; somebody may have called "npx papergate stop"',
  });
}

/** The promise, or the signal's reason if that comes first. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave);
  }
}
