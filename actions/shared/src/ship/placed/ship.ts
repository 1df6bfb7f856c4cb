import { EXIT, PapergateError } from '@papergate/config';
import { describeFailure } from './describe.ts';
import { deliver, goodReleases, renderDiagnosis, rollback, takeDown } from '../../deliver/index.ts';
import type { DeliverEvent } from '../../deliver/events.ts';
import type { DeliverOutcome } from '../../deliver/options.ts';
import type { StageResult } from '../../evidence/index.ts';
import type { Manifest, Release } from '../../release/index.ts';
import { pruneReleases } from '../../release/index.ts';
import { INTERRUPTED, judge, report, skipped, validate, type ShipParts } from '../parts.ts';
import type { OpenPlace } from '../place/open.ts';
import { RunLog } from '../run-log.ts';
import { checkReportFolder, newRunId, pruneRuns, RunStore } from '../run-store.ts';
import type { ShipEvent, ShipOptions, ShipOutcome, ShipStages } from '../types.ts';
import { Delivery } from './delivery.ts';
import type { PlaceKind, StageCall } from './kind.ts';
import { deployEvidence, withRestarts } from './evidence.ts';

const KEPT_RELEASES = 5;
const KEPT_RUNS = 20;

/**
 * Takes a commit through all stages to a place that goes on without us. Never throws for what goes wrong on the
 * way: the outcome tells it. What does not pass the gate goes back to the release before.
 */
export async function shipToPlace(
  options: ShipOptions,
  kind: PlaceKind,
  stages: ShipStages,
  tell: (event: ShipEvent) => void,
  runId = newRunId(new Date()),
): Promise<ShipOutcome> {
  if (options.report !== undefined) checkReportFolder(options.report);
  const store = new RunStore(options.home.runs, runId);
  const log = new RunLog(runId, options, store, tell);
  tell({ type: 'run', run_id: runId, dir: store.dir, environment: options.environment });
  return new PlacedShipping({ options, stages, tell, runId, store, log }, kind).run();
}

/** What was found wanting is not pushed. */
function demandBuilt({ checks }: StageResult): void {
  const failed = checks.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return;
  throw new PapergateError({
    code: 'BUILD_REFUSED',
    exitCode: EXIT.blocked,
    message: `what was built is not as it has to be: ${failed.map(({ name, observed, limit, detail }) => `${name}${observed === undefined ? '' : `: ${observed}, has to be ${limit ?? 'otherwise'}`}${detail === undefined ? '' : ` (${detail})`}`).join('; ')}`,
    fix: 'mend what is named and commit; nothing was pushed',
  });
}

class PlacedShipping {
  readonly #parts: ShipParts;
  readonly #kind: PlaceKind;
  #open: OpenPlace | undefined;

  constructor(parts: ShipParts, kind: PlaceKind) {
    this.#parts = parts;
    this.#kind = kind;
  }

  async run(): Promise<ShipOutcome> {
    const { options, log, tell, store } = this.#parts;
    let exitCode: number;
    try {
      exitCode = await this.#chain();
      if (exitCode === EXIT.ok) {
        tell({ type: 'staging', state: 'up', urls: log.record.urls, detached: true, flags: this.#open?.flags ?? '' });
      }
    } catch (error) {
      exitCode = options.signal.aborted
        ? INTERRUPTED
        : error instanceof PapergateError
          ? error.exitCode
          : EXIT.external;
      if (exitCode !== INTERRUPTED) log.fail(error);
    } finally {
      await this.#open?.close();
    }
    log.record.finished_at = new Date().toISOString();
    store.write('run.json', log.record);
    const outcome: ShipOutcome = { exitCode, run: log.record, dir: store.dir };
    const files = await report(this.#parts);
    if (files !== undefined) outcome.report = files;
    pruneRuns(options.home.runs, KEPT_RUNS);
    return outcome;
  }

  async #chain(): Promise<number> {
    const { options } = this.#parts;
    const { signal } = options;
    const { release, manifest, open } = await this.#prepare();
    const outcome = await this.#deliver(open, manifest);
    const delivered = outcome.status === 'delivered' || outcome.status === 'unchanged';
    let decision: 'pass' | 'block';
    try {
      if (delivered) await this.#look(open, release, manifest);
      decision = await judge(this.#parts, manifest, signal);
    } catch (error) {
      // Nothing stays that was not judged.
      if (delivered) await this.#goBack(open, outcome, signal.aborted ? 'interrupted' : 'it could not be judged');
      throw error;
    }
    if (delivered && decision !== 'pass') await this.#goBack(open, outcome, 'the gate blocked it');
    const good = (await goodReleases(open.place)).map((kept) => kept.manifest.commit);
    pruneReleases(options.home.releases, KEPT_RELEASES, [release.manifest.commit, ...good]);
    return decision === 'pass' ? EXIT.ok : EXIT.blocked;
  }

  async #prepare(): Promise<{ release: Release; manifest: Manifest; open: OpenPlace }> {
    const { options, log } = this.#parts;
    const { signal } = options;
    let plain: Manifest | undefined;
    try {
      const { release, credentials } = await validate(this.#parts, signal, (made) => (plain = made.manifest));
      const open = (this.#open = await this.#kind.open(release, credentials, this.#call()));
      const build = async (): Promise<{ result: StageResult }> => ({
        result: await this.#kind.build(release, this.#call()),
      });
      demandBuilt((await log.stage('build', signal, build)).result);
      const { manifest } = await log.stage('push', signal, () => this.#kind.push(release, this.#call()));
      log.settle(manifest);
      return { release, manifest, open };
    } catch (error) {
      // What was found out before there was a manifest with images is about the one without.
      if (log.record.manifest === undefined && plain !== undefined) log.settle(plain);
      throw error;
    }
  }

  #call(): StageCall {
    const { options, log } = this.#parts;
    return { onProgress: (message, fraction) => log.progress(message, fraction), signal: options.signal };
  }

  /** The stages deploy and smoke: one call of the engine, which undoes what does not hold. */
  async #deliver(open: OpenPlace, manifest: Manifest): Promise<DeliverOutcome> {
    const { log, options, tell } = this.#parts;
    const never = new AbortController().signal;
    await open.keepSettings('before');
    const delivery = new Delivery((onEvent) =>
      deliver({ ...open.moving(options.command, onEvent, options.signal), next: manifest }),
    );
    const onEvent = (event: DeliverEvent): void => {
      tell({ type: 'delivery', event });
      if (event.type === 'step' && event.state === 'begin') log.progress(event.step);
      if (event.type === 'progress') log.progress(`${event.step}: ${event.message}`, event.fraction);
    };
    // The signal is the engine's: when it is aborted, what was begun is undone before this returns.
    const outcome = delivery.start(onEvent);
    await log.stage('deploy', never, async () => ({ result: await delivery.deployed(this.#refuse) }));
    const done = await log.stage('smoke', never, async () => ({ result: await delivery.smoked(this.#refuse) }));
    void done;
    const settled = await outcome;
    log.amend('deploy', deployEvidence(settled));
    if (settled.status === 'delivered' || settled.status === 'unchanged') await open.keepSettings('delivered');
    return settled;
  }

  /** Turns a delivery that ended without its release into the error of its stage. */
  readonly #refuse = (outcome: DeliverOutcome): Error => {
    const { tell } = this.#parts;
    if (outcome.diagnosis !== undefined) {
      tell({ type: 'diagnosis', diagnosis: outcome.diagnosis, text: renderDiagnosis(outcome.diagnosis) });
    }
    return describeFailure(outcome);
  };

  async #look(open: OpenPlace, release: Release, manifest: Manifest): Promise<void> {
    const { log } = this.#parts;
    const urls = await open.target.urls(manifest);
    for (const [name, url] of Object.entries(urls)) if (url !== undefined) log.record.urls[name] = url;
    await this.#load(open, release, manifest);
  }

  async #load(open: OpenPlace, release: Release, manifest: Manifest): Promise<StageResult> {
    const { options, log, store, stages } = this.#parts;
    const profile = options.load;
    const { result } = await log.stage('load', options.signal, async () => {
      if (profile === 'none') return { result: skipped('left out: --load none') };
      const loaded = await stages.runLoad({
        releaseDir: release.dir,
        urls: log.record.urls,
        token: await open.target.token(),
        env: options.env,
        onProgress: ({ message, fraction }) => log.progress(message, fraction),
        signal: options.signal,
        profile,
        outDir: store.dir,
      });
      log.record.machine.k6 = typeof loaded.data?.['k6'] === 'string' ? loaded.data['k6'] : '';
      return { result: withRestarts(loaded, await open.target.observe(), manifest) };
    });
    return result;
  }

  async #goBack(open: OpenPlace, { status, from }: DeliverOutcome, why: string): Promise<void> {
    const { options, tell } = this.#parts;
    if (status === 'unchanged') {
      tell({ type: 'note', message: 'this release was running before; it was left as it is' });
      return;
    }
    const onEvent = (event: DeliverEvent): void => tell({ type: 'delivery', event });
    const command = `${options.command} (${why})`;
    // Whoever presses Ctrl-C now wants an end, not a release that was just found wanting.
    const never = new AbortController().signal;
    if (from === undefined) {
      tell({ type: 'staging', state: 'stopping', reason: `${why}, and there is no release before it` });
      await takeDown({ ...open.acting(command, onEvent, never), volumes: false, condemn: true });
      tell({ type: 'staging', state: 'stopped' });
      return;
    }
    tell({ type: 'note', message: `${why}; going back to ${from.commit.slice(0, 12)}` });
    const back = await rollback({ ...open.moving(command, onEvent, never), sha: from.digest, condemn: true });
    if (back.status === 'delivered' || back.status === 'unchanged') {
      tell({ type: 'note', message: `${from.commit.slice(0, 12)} runs again` });
      return;
    }
    throw this.#refuse(back);
  }
}
