import { EXIT, ExternalError, messageOf, PapergateError } from '@papergate/config';
import { goodReleases } from '../deliver/history.ts';
import { urlsOf } from '../deploy/plan.ts';
import type { StageResult } from '../evidence/index.ts';
import { Journal } from '../journal/index.ts';
import { acquireLease, type Lease } from '../lease/index.ts';
import { pruneReleases, type Release } from '../release/index.ts';
import { askStatus, type SupervisorHandle } from '../supervisor/client.ts';
import { endOrphans } from '../supervisor/processes.ts';
import { adoptStaging, closeRecord } from '../targets/process/index.ts';
import { openPlace, type OpenPlace } from './place/open.ts';
import { composeKind } from './placed/compose.ts';
import { processKind } from './placed/process.ts';
import { shipToPlace } from './placed/ship.ts';
import { checkReportFolder, newRunId, pruneRuns, RunStore } from './run-store.ts';
import { RunLog } from './run-log.ts';
import { buildRelease } from './stages/build.ts';
import { deployResult, startDeploy } from './stages/deploy.ts';
import { probeSimulator, type RunCredentials } from './stages/validate.ts';
import { INTERRUPTED, judge, report, skipped, untilAborted, validate, type ShipParts } from './parts.ts';
import type { ShipEvent, ShipOptions, ShipOutcome, ShipStages } from './types.ts';

const KEPT_RELEASES = 5;
const KEPT_RUNS = 20;
export { INTERRUPTED } from './parts.ts';

/** Takes a commit through all stages. Never throws for what goes wrong on the way: the outcome tells it. */
export async function ship(
  options: ShipOptions,
  stages: ShipStages,
  tell: (event: ShipEvent) => void,
): Promise<ShipOutcome> {
  if (options.report !== undefined) checkReportFolder(options.report);
  const runId = newRunId(new Date());
  if (options.place !== undefined) {
    return shipToPlace(options, composeKind(options, options.place, stages, runId), stages, tell, runId);
  }
  const running = await askStatus(options.home);
  if (running?.state === 'up' && running.detached) {
    return shipToPlace(options, processKind(options, stages, runId), stages, tell, runId);
  }
  const lease = await acquireLease({ dir: options.home.lease, command: options.command });
  const store = new RunStore(options.home.runs, runId);
  const log = new RunLog(runId, options, store, tell);
  const shipping = new Shipping({ options, stages, tell, runId, lease, store, log });
  tell({ type: 'run', run_id: runId, dir: store.dir, environment: options.environment });
  return shipping.run();
}

interface Parts extends ShipParts {
  lease: Lease;
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
    const files = await report(this.#parts);
    if (this.#supervisor === undefined) await lease.release();

    const outcome: ShipOutcome = { exitCode, run: log.record, dir: store.dir };
    if (files !== undefined) outcome.report = files;
    const supervisor = this.#supervisor;
    if (!keep || supervisor === undefined) return outcome;
    const { urls } = log.record;
    tell({ type: 'staging', state: 'up', urls, detached: options.detach });
    if (options.detach) {
      supervisor.detach();
      await this.#adopt();
    } else outcome.staging = { urls, ended: supervisor.ended, stop: (reason) => this.#stop(reason) };
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
    const decision = await judge(this.#parts, release.manifest, this.#signal);
    pruneReleases(options.home.releases, KEPT_RELEASES, await this.#kept(release.manifest.commit));
    pruneRuns(options.home.runs, KEPT_RUNS);
    return decision === 'pass' ? EXIT.ok : EXIT.blocked;
  }

  /** From now on this staging can be delivered over, and gone back to. */
  async #adopt(): Promise<void> {
    const { options, log, runId, tell } = this.#parts;
    const { manifest } = log.record;
    if (manifest === undefined) return;
    await this.#withPlace(async ({ place }) => {
      const { home, env, command } = options;
      await adoptStaging({ place, home, manifest, runId, env, command });
    }).catch((error: unknown) => {
      tell({ type: 'note', message: `this staging could not be put on record: ${messageOf(error)}` });
    });
  }

  /** Trees that somebody may still need: this one, and those that can be gone back to. */
  async #kept(commit: string): Promise<string[]> {
    const kept = [commit];
    await this.#withPlace(async ({ place }) => {
      for (const { manifest } of await goodReleases(place)) kept.push(manifest.commit);
    });
    return kept;
  }

  async #withPlace(act: (open: OpenPlace) => Promise<void>): Promise<void> {
    const { repository, home, env, environment, signal } = this.#parts.options;
    const { stages } = this.#parts;
    const open = await openPlace({ choice: { kind: 'process', environment }, repository, home, env, stages, signal });
    try {
      await act(open);
    } finally {
      await open.close();
    }
  }

  async #clearPlace(): Promise<void> {
    const { options, tell } = this.#parts;
    await this.#withPlace(({ target }) => closeRecord(target, options.env, options.command));
    await endOrphans(options.home.supervisor, (name) =>
      tell({ type: 'note', message: `an earlier run was killed and left ${name} behind; ending it` }),
    );
  }

  async #validateAndBuild(): Promise<{ release: Release; credentials: RunCredentials }> {
    const { options, log } = this.#parts;
    const { release, credentials } = await validate(this.#parts, this.#signal, (made) => log.settle(made.manifest));
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

/** Nobody listens, or somebody did until a moment ago: a process that dies closes its connections first. */
const GONE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Names of those at whose address nobody listens. One that is merely slow to answer is not among them. */
async function refusing(urls: Record<string, string>): Promise<string[]> {
  const looks = Object.entries(urls).map(async ([name, url]) => {
    try {
      await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
      return [];
    } catch (error) {
      const { cause } = error as { cause?: { code?: string } };
      return GONE.has(cause?.code ?? '') ? [name] : [];
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
