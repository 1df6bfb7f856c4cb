import { describeError, PapergateError } from '@papergate/config';
import { bindEvidence, STAGES, type Evidence, type StageName, type StageResult } from '../evidence/index.ts';
import type { RunRecord, StageTiming } from '../evidence/run.ts';
import type { Manifest } from '../release/manifest.ts';
import { redact } from '../supervisor/redact.ts';
import { machineFacts } from './machine.ts';
import type { RunStore } from './run-store.ts';
import type { ShipEvent, ShipOptions, StageOutcome } from './types.ts';

/** Stages of a ship; `promote` is of production. */
const SHIPPED = STAGES.filter((stage) => stage !== 'promote');

interface Finished {
  result: StageResult;
  startedAt: Date;
  finishedAt: Date;
}

/** What a run has come to so far: times, evidence, the record that the report is made of. */
export class RunLog {
  readonly record: RunRecord;
  readonly #store: RunStore;
  readonly #tell: (event: ShipEvent) => void;
  readonly #finished = new Map<StageName, Finished>();
  #current: { stage: StageName; startedAt: Date } | undefined;

  constructor(runId: string, options: ShipOptions, store: RunStore, tell: (event: ShipEvent) => void) {
    this.#store = store;
    this.#tell = tell;
    const now = new Date().toISOString();
    this.record = {
      schema: 1,
      run_id: runId,
      commit: '',
      subject: '',
      uncommitted_changes: false,
      environment: options.environment,
      target: options.place?.choice.kind ?? 'process',
      load_profile: options.load,
      started_at: now,
      finished_at: now,
      machine: machineFacts(),
      stages: SHIPPED.map((stage) => ({ stage, status: 'not reached', duration_ms: 0 })),
      evidence: [],
      urls: {},
    };
  }

  /** Runs a stage, times it and keeps its result. A stage that throws is written down as failed or interrupted. */
  async stage<T extends { result: StageResult }>(
    stage: StageName,
    signal: AbortSignal,
    act: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const startedAt = new Date();
    const begun = performance.now();
    this.#current = { stage, startedAt };
    this.#tell({ type: 'stage', stage, state: 'started' });
    try {
      const done = await act();
      signal.throwIfAborted();
      const { result } = done;
      this.#finished.set(stage, { result, startedAt, finishedAt: new Date() });
      this.#close(stage, result.status, begun, summaryOf(result));
      this.#bind();
      return done;
    } catch (error) {
      const interrupted = signal.aborted;
      this.#close(stage, interrupted ? 'interrupted' : 'failed', begun, interrupted ? 'interrupted' : reasonOf(error));
      throw error;
    }
  }

  #close(stage: StageName, state: StageOutcome, begun: number, reason: string | undefined): void {
    const duration = Math.round(performance.now() - begun);
    const timing: StageTiming = { stage, status: state, duration_ms: duration };
    if (state !== 'passed' && reason !== undefined) timing.reason = reason;
    this.record.stages = this.record.stages.map((known) => (known.stage === stage ? timing : known));
    this.#current = undefined;
    this.#tell({
      type: 'stage',
      stage,
      state,
      duration_ms: duration,
      ...(reason === undefined ? {} : { summary: reason }),
    });
  }

  /** Turns results into evidence as soon as there is a manifest to bind them to. */
  #bind(): void {
    const { manifest, commit } = this.record;
    if (manifest === undefined) return;
    const known = new Set(this.record.evidence.map(({ stage }) => stage));
    for (const [stage, { result, startedAt, finishedAt }] of this.#finished) {
      if (known.has(stage)) continue;
      const binding = { stage, manifestDigest: manifest.digest, commit, startedAt, finishedAt };
      const evidence: Evidence = bindEvidence(result, binding);
      this.#store.writeEvidence(evidence);
      this.record.evidence.push(evidence);
    }
  }

  /** Says more of a stage that is over: what came out only later. Its times stay. */
  amend(stage: StageName, result: StageResult): void {
    const known = this.#finished.get(stage);
    if (known === undefined) return;
    this.#finished.set(stage, { ...known, result });
    this.record.evidence = this.record.evidence.filter((evidence) => evidence.stage !== stage);
    const timing = this.record.stages.find((found) => found.stage === stage);
    if (timing !== undefined) {
      timing.status = result.status;
      const reason = result.status === 'passed' ? undefined : summaryOf(result);
      if (reason !== undefined) timing.reason = reason;
    }
    this.#bind();
  }

  /** The manifest that evidence is bound to from now on. */
  settle(manifest: Manifest): void {
    this.record.manifest = manifest;
    this.#bind();
  }

  progress(message: string, fraction?: number): void {
    const stage = this.#current?.stage;
    if (stage === undefined) return;
    this.#tell({ type: 'progress', stage, message, ...(fraction === undefined ? {} : { fraction }) });
  }

  fail(error: unknown): void {
    const known = error instanceof PapergateError;
    this.record.error = {
      code: known ? error.code : 'UNEXPECTED',
      message: redact(known ? error.message : describeError(error)),
      ...(known && error.fix !== undefined ? { fix: error.fix } : {}),
    };
  }
}

function summaryOf({ status, checks, data }: StageResult): string | undefined {
  const failed = checks.filter((check) => check.status === 'failed');
  if (failed.length > 0)
    return `${failed.length} of ${checks.length} checks failed: ${failed.map(({ name }) => name).join(', ')}`;
  if (status === 'passed') return `${checks.length} checks`;
  return typeof data?.['reason'] === 'string' ? data['reason'] : undefined;
}

function reasonOf(error: unknown): string {
  return redact((error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '');
}
