import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { STAGES, type StageName, type StageResult } from '../evidence/index.ts';
import type { RunRecord, StageTiming } from '../evidence/run.ts';
import type { EvidenceStore } from '../evidence/store.ts';
import { redact } from '../supervisor/redact.ts';
import { writeReport } from '../report/index.ts';
import { machineFacts } from '../ship/machine.ts';
import { newRunId } from '../ship/run-store.ts';

/** A stage that was carried out, with its times. */
export interface StageRun {
  stage: StageName;
  result: StageResult;
  startedAt: Date;
  finishedAt: Date;
}

/** Runs a stage and takes its times. */
export async function timed(stage: StageName, act: () => Promise<StageResult>): Promise<StageRun> {
  const startedAt = new Date();
  const result = await act();
  return { stage, result, startedAt, finishedAt: new Date() };
}

export type RunFacts = Partial<
  Pick<RunRecord, 'subject' | 'environment' | 'target' | 'load_profile' | 'urls' | 'error'>
>;

/** Keeps the evidence of stages, and makes the report of the release anew with them. */
export async function keepEvidence(
  store: EvidenceStore,
  runs: readonly StageRun[],
  facts: RunFacts,
): Promise<{ html: string; json: string; summary: string }> {
  for (const { stage, result, startedAt, finishedAt } of runs) store.write(stage, result, { startedAt, finishedAt });
  const before = readRecord(store.dir);
  const record: RunRecord = { ...(before ?? newRecord(store, runs)), ...facts };
  if (facts.error === undefined) delete record.error;
  record.stages = record.stages.map((known) => timingOf(runs.find(({ stage }) => stage === known.stage)) ?? known);
  record.urls = { ...before?.urls, ...facts.urls };
  record.evidence = store.all();
  record.finished_at = (runs.at(-1)?.finishedAt ?? new Date()).toISOString();
  const k6 = runs.find(({ stage }) => stage === 'load')?.result.data?.['k6'];
  if (typeof k6 === 'string') record.machine.k6 = k6;
  store.writeFile('run.json', record);
  return writeReport({ dir: store.dir, run: record });
}

function readRecord(dir: string): RunRecord | undefined {
  const path = join(dir, 'run.json');
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as RunRecord;
  } catch {
    return undefined;
  }
}

function newRecord({ manifest }: EvidenceStore, runs: readonly StageRun[]): RunRecord {
  const startedAt = runs[0]?.startedAt ?? new Date();
  return {
    schema: 1,
    run_id: newRunId(startedAt),
    commit: manifest.commit,
    subject: '',
    uncommitted_changes: false,
    environment: '',
    target: '',
    load_profile: 'none',
    started_at: startedAt.toISOString(),
    finished_at: startedAt.toISOString(),
    machine: machineFacts(),
    manifest,
    stages: STAGES.filter((stage) => stage !== 'promote').map((stage) => ({
      stage,
      status: 'not reached',
      duration_ms: 0,
    })),
    evidence: [],
    urls: {},
  };
}

function timingOf(run: StageRun | undefined): StageTiming | undefined {
  if (run === undefined) return undefined;
  const { stage, result, startedAt, finishedAt } = run;
  const failed = result.checks.filter(({ status }) => status === 'failed').map(({ name }) => name);
  return {
    stage,
    status: result.status,
    duration_ms: finishedAt.getTime() - startedAt.getTime(),
    ...(failed.length === 0 ? {} : { reason: redact(`failed: ${failed.join(', ')}`) }),
  };
}
