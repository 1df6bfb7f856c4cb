import { messageOf, PapergateError } from '@papergate/config';
import type { Outcome } from '../action/outcome.ts';
import type { ActionLog } from '../action/output/log.ts';
import type { Inline } from '../action/output/markdown.ts';
import type { Summary } from '../action/output/summary.ts';
import { goodReleases, type PlaceLease } from '../deliver/index.ts';
import type { Check, StageResult } from '../evidence/index.ts';
import type { EvidenceStore } from '../evidence/store.ts';
import type { Manifest } from '../release/manifest.ts';
import {
  looker,
  monotonic,
  rollOut,
  scopeApi,
  symbolWords,
  type RolloutClock,
  type RolloutEvent,
  type RollOutOutcome,
  type RolloutPlan,
  type RolloutStep,
} from '../rollout/index.ts';
import { alertsOf, type OpenPlace } from '../ship/place/index.ts';
import { annotateFailures, checkTable } from './checks.ts';
import { goBack } from './delivery.ts';
import type { DeploymentRecord } from './deployment.ts';
import type { StageRun } from './record.ts';

export interface RollOutRelease {
  open: OpenPlace;
  /** What was delivered and runs, still without any order. */
  manifest: Manifest;
  plan: RolloutPlan;
  store: EvidenceStore;
  record: Pick<DeploymentRecord, 'progress'>;
  log: ActionLog;
  /** Nothing was delivered anew: where it was rolled out to its end before, that is all. */
  resume: boolean;
  /** `deploy action, run 4711`. */
  command: string;
  signal: AbortSignal;
  /** The place, held from the delivery on to the end of this: nobody else delivers while it is watched. */
  held: PlaceLease;
  clock?: RolloutClock;
}

/** What a roll-out has come to, with whatever had to be undone. */
export interface RolledOut {
  rollout: RollOutOutcome;
  /** Evidence of the stage promote. */
  run: StageRun;
  ended: Outcome;
  /** What runs now; undefined where nobody can tell. */
  runs: Manifest | undefined;
  /** Brought back: the release before. */
  back: Manifest | undefined;
  /** What the place is like now, for people. */
  words: string;
}

/** Lets a release at the market step by step; where a step does not hold, it is undone and the release before runs again. */
export async function rollOutRelease(options: RollOutRelease): Promise<RolledOut> {
  const { manifest, log } = options;
  const startedAt = new Date();
  const watched = new Watched(options);
  const rollout = await log.group(`Roll-out of ${manifest.commit.slice(0, 12)}`, () => rolled(options, watched));
  const undone = rollout.status === 'complete' ? undefined : await undo(options, rollout);
  await watched.told;
  const result = resultOf(rollout, undone);
  const run: StageRun = { stage: 'promote', result, startedAt, finishedAt: new Date() };
  if (undone === undefined) {
    const words = rollout.already ? 'it was rolled out before, to all orders' : 'all orders go out';
    return { rollout, run, ended: { verdict: 'pass' }, runs: manifest, back: undefined, words };
  }
  annotateFailures(log, 'roll-out', result.checks);
  const { failure } = rollout;
  const why = `${failure?.message ?? ''}; ${undone.words}`;
  const ended: Outcome = {
    verdict: undone.isUndone ? 'block' : 'failed',
    reasonCode: failure?.code ?? 'ROLLOUT_FAILED',
    message: `the roll-out ended at the step ${failure?.step ?? ''}: ${why}`,
    fix: undone.fix ?? 'mend what is named, and let the mended commit through staging and the gate',
  };
  return { rollout, run, ended, runs: undone.runs, back: undone.back, words: undone.words };
}

async function rolled(options: RollOutRelease, { onEvent }: Watched): Promise<RollOutOutcome> {
  const { open, manifest, plan, resume, command: by, held, clock = monotonic } = options;
  const signal = AbortSignal.any([options.signal, held.lost]);
  let eyes: Awaited<ReturnType<typeof eyesOn>>;
  try {
    eyes = await eyesOn(open, manifest, plan);
  } catch (error) {
    const code = error instanceof PapergateError ? error.code : 'ROLLOUT_FAILED';
    const failure = { step: plan.stages[0]?.name ?? '', code, message: messageOf(error) };
    const closed = { isClosed: false, words: 'it was let no order through, or what it was let through ends by itself' };
    return { status: 'failed', steps: [], reached: undefined, already: false, failure, closed };
  }
  const { look, scope, close } = eyes;
  const recheck = (by: AbortSignal): Promise<StageResult> => open.target.smoke(manifest, () => undefined, by);
  try {
    return await rollOut({ release: manifest.commit, plan, scope, look, by, clock, signal, resume, recheck, onEvent });
  } finally {
    await close();
  }
}

/** What the roll-out sees and moves of a place. */
async function eyesOn(open: OpenPlace, manifest: Manifest, { limits }: RolloutPlan) {
  const { target } = open;
  const [urls, token] = [await target.urls(manifest), await target.token()];
  const severities = limits.alert_severities;
  const reader = severities.length === 0 ? undefined : await alertsOf(open);
  const alerts = reader === undefined ? undefined : () => reader.firing(severities);
  return {
    look: looker({ target, manifest, urls, token, alerts }),
    scope: scopeApi({ url: urls['risk-manager'] ?? '', token }),
    close: async () => reader?.close(),
  };
}

/** A line now and then is enough: each look would be a thousand. */
const SAY_EVERY_MS = 60_000;

/** Tells log, evidence and GitHub what happens. */
class Watched {
  readonly #options: RollOutRelease;
  #saidAt = -Infinity;
  #number = 0;
  #startedAt = new Date();
  /** Settles when GitHub knows all; the roll-out does not wait for it. */
  told: Promise<void> = Promise.resolve();

  constructor(options: RollOutRelease) {
    this.#options = options;
  }

  readonly onEvent = (event: RolloutEvent): void => {
    const { log } = this.#options;
    switch (event.type) {
      case 'step':
        return this.#begun(event);
      case 'sample':
        return this.#sampled(event);
      case 'closed':
        return log.warning(event.words, { title: 'roll-out' });
      default:
        return this.#ended(event);
    }
  };

  #begun({ stage, number, of }: Extract<RolloutEvent, { type: 'step' }>): void {
    const { log, record } = this.#options;
    const words = `roll-out ${number}/${of}: ${stage.name} (${symbolWords(stage.symbols)})`;
    this.#number = number;
    this.#startedAt = new Date();
    this.#saidAt = -Infinity;
    log.info(`${words}, watched for ${Math.round(stage.watchMs / 1000)} s`);
    this.told = this.told.then(() => record.progress(words));
  }

  #sampled({ left, samples, lacking }: Extract<RolloutEvent, { type: 'sample' }>): void {
    const now = performance.now();
    if (lacking.length === 0 && now - this.#saidAt < SAY_EVERY_MS) return;
    this.#saidAt = now;
    const missing = lacking.length === 0 ? '' : `; missing: ${lacking.join('; ')}`;
    this.#options.log.info(`  ${samples} looks, ${Math.ceil(left / 1000)} s to go${missing}`);
  }

  #ended({ stage, result }: Extract<RolloutEvent, { type: 'step-end' }>): void {
    const { log, store, manifest } = this.#options;
    log.info(`${result.status === 'passed' ? '✔' : '✖'} ${stage.name}`);
    store.writeFile(`rollout.${this.#number}-${stage.name}.json`, {
      schema: 1,
      step: stage.name,
      manifest_digest: manifest.digest,
      commit: manifest.commit,
      started_at: this.#startedAt.toISOString(),
      finished_at: new Date().toISOString(),
      ...result,
    });
  }
}

interface Undone {
  isUndone: boolean;
  runs: Manifest | undefined;
  back: Manifest | undefined;
  words: string;
  fix?: string;
}

/** The release before runs again, with the orders that it is let through; where there is none, this one stays without any. */
async function undo(options: RollOutRelease, { failure, closed }: RollOutOutcome): Promise<Undone> {
  const { open, manifest, log, command, held } = options;
  const scopeWords = closed?.words ?? '';
  // Whoever took the place has put right what we began: it is theirs now.
  if (failure?.code === 'OTHER_RELEASE' || held.lost.aborted) {
    const fix = 'see who delivered meanwhile, and what runs now';
    return { isUndone: false, runs: undefined, back: undefined, words: `nothing was undone: ${scopeWords}`, fix };
  }
  const why = `its roll-out failed at ${failure?.step ?? ''}: ${failure?.code ?? ''}`;
  try {
    const releases = await goodReleases(open.place);
    if (!releases.some((release) => release.manifest.digest !== manifest.digest)) {
      const words = `${scopeWords}; there is no release before it: it goes on running without order flow`;
      return { isUndone: closed?.isClosed === true, runs: manifest, back: undefined, words };
    }
    const { to, words } = await log.group(`going back: ${why}`, () =>
      goBack(open, manifest, { why, command, log, held }),
    );
    const flow = to === undefined ? '' : await flowOf(open, to, log);
    return { isUndone: true, runs: to, back: to, words: `${scopeWords}; ${words}${flow}` };
  } catch (error) {
    const code = error instanceof PapergateError ? `${error.code}: ` : '';
    return {
      isUndone: false,
      runs: undefined,
      back: undefined,
      words: `${scopeWords}; the release before could not be brought back: ${code}${messageOf(error)}`,
      fix: 'look at what runs at once (papergate status), and go back with the workflow rollback',
    };
  }
}

/** A release that is gone back to resumes with what it was let through before. */
export async function flowOf(open: OpenPlace, manifest: Manifest, log: Pick<ActionLog, 'warning'>): Promise<string> {
  try {
    const [urls, token] = [await open.target.urls(manifest), await open.target.token()];
    const { effective, stage } = await scopeApi({ url: urls['risk-manager'] ?? '', token }).read();
    if (effective !== 'all') {
      log.warning(
        `${manifest.commit.slice(0, 12)} runs with ${symbolWords(effective)} (${stage}): its own roll-out did not end`,
        {
          title: 'order scope',
        },
      );
    }
    return `, with ${effective === 'all' ? 'all orders' : symbolWords(effective)}`;
  } catch (error) {
    log.warning(`what orders it lets through is not known: ${messageOf(error)}`, { title: 'order scope' });
    return '';
  }
}

function resultOf(
  { status, steps, failure, reached, already }: RollOutOutcome,
  undone: Undone | undefined,
): StageResult {
  const checks: Check[] = steps.map(({ stage, result }) => ({
    name: `step ${stage.name}`,
    status: result.status === 'passed' ? 'passed' : 'failed',
    observed: samplesOf({ result }),
    unit: 'looks',
    detail: symbolWords(stage.symbols),
  }));
  if (already) checks.push({ name: 'rolled out', status: 'passed', observed: 'before', detail: 'all orders go out' });
  if (failure !== undefined) {
    const detail = failure.message;
    checks.push({
      name: `roll-out, at ${failure.step}`,
      status: 'failed',
      observed: failure.code,
      limit: 'complete',
      detail,
    });
  }
  if (undone !== undefined) {
    const observed = undone.isUndone ? 'undone' : 'not undone';
    checks.push({
      name: 'undone by itself',
      status: undone.isUndone ? 'passed' : 'failed',
      observed,
      detail: undone.words,
    });
  }
  const data = {
    rollout: status,
    reached: reached ?? null,
    steps: steps.map(({ stage, result, startedAt, finishedAt }) => ({
      step: stage.name,
      symbols: stage.symbols,
      started_at: startedAt.toISOString(),
      finished_at: finishedAt.toISOString(),
      ...result,
    })),
  };
  return { status: status === 'complete' ? 'passed' : 'failed', checks, data };
}

/** The roll-out in the summary of the job: each step, what was seen of it, and what is now. */
export function reportRollOut(summary: Summary, { rollout, words }: RolledOut): void {
  const { steps, failure } = rollout;
  summary.heading('Roll-out', 4);
  if (failure !== undefined) summary.text({ code: failure.code }, ` at ${failure.step}: ${failure.message}`);
  summary.text(words);
  if (steps.length === 0) return;
  summary.table(
    ['', 'step', 'orders', 'looks', 'watched'],
    steps.map((step): Inline[] => [
      step.result.status === 'passed' ? '✅' : '⛔',
      { code: step.stage.name },
      symbolWords(step.stage.symbols),
      String(samplesOf(step)),
      `${Math.round(watchedMs(step) / 1000)} of ${Math.round(step.stage.watchMs / 1000)} s`,
    ]),
  );
  for (const { stage, result } of steps) {
    summary.details(`what was seen of ${stage.name}`, (inner) => checkTable(inner, result.checks));
  }
}

const samplesOf = ({ result }: Pick<RolloutStep, 'result'>): number => Number(result.data?.['samples'] ?? 0);

const watchedMs = ({ startedAt, finishedAt }: RolloutStep): number => finishedAt.getTime() - startedAt.getTime();
