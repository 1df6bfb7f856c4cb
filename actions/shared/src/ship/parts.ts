import type { StageName, StageResult } from '../evidence/index.ts';
import { makeRelease, resolveCommit, type Manifest, type Release } from '../release/index.ts';
import { copyReport, type RunStore } from './run-store.ts';
import type { RunLog } from './run-log.ts';
import { judgeRun } from './stages/gate.ts';
import { validateRelease, type RunCredentials } from './stages/validate.ts';
import type { ReportFiles, ShipEvent, ShipOptions, ShipStages } from './types.ts';

/** Exit code of a run that a signal ended before it was through: 128 + SIGINT, as shells have it. */
export const INTERRUPTED = 130;

/** What every stage of a ship works with. */
export interface ShipParts {
  options: ShipOptions;
  stages: ShipStages;
  tell: (event: ShipEvent) => void;
  runId: string;
  store: RunStore;
  log: RunLog;
}

export function skipped(detail: string): StageResult {
  return { status: 'skipped', checks: [], data: { reason: detail } };
}

/** The stage `validate`: the commit, its tree, its configuration and the credentials. */
export async function validate(
  { options, log, tell }: ShipParts,
  signal: AbortSignal,
  onRelease: (release: Release) => void = () => {},
): Promise<{ release: Release; credentials: RunCredentials }> {
  return log.stage('validate', signal, async () => {
    log.progress(`reading ${options.sha}`);
    const { sha, subject, uncommittedChanges } = await resolveCommit(options.repository, options.sha, signal);
    Object.assign(log.record, { commit: sha, subject, uncommitted_changes: uncommittedChanges });
    tell({ type: 'commit', commit: sha, subject, uncommitted_changes: uncommittedChanges });
    const made = await makeRelease(options.repository, options.home.releases, sha, signal);
    onRelease(made);
    log.progress('configuration and credentials');
    const validated = await validateRelease(made.dir, options);
    return { ...validated, release: made };
  });
}

/** The stage `gate`: all evidence of the run, as it lies on disk. */
export async function judge(
  { options, log, store, stages, tell }: ShipParts,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<'pass' | 'block'> {
  const required: StageName[] = ['validate', 'build', 'deploy', 'smoke'];
  if (options.place !== undefined) required.push('push');
  if (options.load !== 'none') required.push('load');
  await log.stage('gate', signal, () => {
    const maxAgeMs = options.maxEvidenceAgeMs;
    const { decision, result } = judgeRun({ runDir: store.dir, manifest, required, maxAgeMs, stages });
    log.record.gate = decision;
    return Promise.resolve({ result });
  });
  const { gate } = log.record;
  // After its stage, so that whoever draws the stages has the last one finished.
  if (gate !== undefined) tell({ type: 'gate', ...gate });
  return gate?.decision ?? 'block';
}

/** Report of a run that came as far as a commit; copied to where the caller wants it. */
export async function report({ options, log, store, stages, tell }: ShipParts): Promise<ReportFiles | undefined> {
  if (log.record.commit === '') return undefined;
  const files = await stages.writeReport({ dir: store.dir, run: log.record });
  if (options.report !== undefined) copyReport(store.dir, options.report, Object.values(files));
  tell({ type: 'report', ...files });
  return files;
}

/** The promise, or the signal's reason if that comes first. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
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
