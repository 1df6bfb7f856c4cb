import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ExternalError, readSecret, UserError, type EnvSource } from '@papergate/config';
import {
  bindEvidence,
  STAGES,
  type GateDecision,
  type OnProgress,
  type StageName,
  type StageResult,
} from '../evidence/index.ts';
import type { RunRecord } from '../evidence/run.ts';
import type { Home } from '../home/index.ts';
import type { Manifest } from '../release/index.ts';
import { askStatus } from '../supervisor/client.ts';
import type { StagingStatus } from '../supervisor/status.ts';
import { findRun, readEvidence, RunStore } from './run-store.ts';
import { judgeRun } from './stages/gate.ts';
import type { ReportFiles, ShipStages } from './types.ts';

export interface RerunOptions {
  home: Home;
  env: EnvSource;
  stages: ShipStages;
  onProgress: OnProgress;
  signal: AbortSignal;
}

export interface Rerun {
  result: StageResult;
  runDir: string;
  report: ReportFiles | undefined;
}

/** Smokes or loads the staging that is up and replaces that stage's evidence in its run. */
export async function rerunStage(stage: 'smoke' | { load: 'full' | 'quick' }, options: RerunOptions): Promise<Rerun> {
  const { home, env, stages, onProgress, signal } = options;
  const status = await needStaging(home);
  const store = new RunStore(home.runs, status.run_id);
  const call = {
    releaseDir: status.release_dir,
    urls: Object.fromEntries(status.services.map(({ name, url }) => [name, url])),
    token: readSecret(env, 'API_TOKEN'),
    env,
    onProgress,
    signal,
  };
  const startedAt = new Date();
  const result =
    stage === 'smoke'
      ? await stages.runSmoke(call)
      : await stages.runLoad({ ...call, profile: stage.load, outDir: store.dir });
  const manifest = { digest: status.manifest_digest, commit: status.commit };
  return bindRerun(stage, result, { store, manifest, startedAt }, options);
}

/** Puts a stage's new result in the place of its old one, and asks the gate again where it had spoken. */
export async function bindRerun(
  stage: 'smoke' | { load: 'full' | 'quick' },
  result: StageResult,
  of: { store: RunStore; manifest: Pick<Manifest, 'digest' | 'commit'>; startedAt: Date },
  options: Pick<RerunOptions, 'stages'>,
): Promise<Rerun> {
  const { store, manifest, startedAt } = of;
  const { stages } = options;
  const binding = { manifestDigest: manifest.digest, commit: manifest.commit, startedAt, finishedAt: new Date() };
  const name = stage === 'smoke' ? 'smoke' : 'load';
  store.writeEvidence(bindEvidence(result, { stage: name, ...binding }));
  const record = readRecord(store.dir);
  if (record !== undefined && stage !== 'smoke') record.load_profile = stage.load;
  // A word that the gate gave on other evidence is worth nothing now: it is asked again, on the same terms.
  const before = readEvidence(store.dir).find((evidence) => evidence.stage === 'gate')?.data;
  if (record?.manifest !== undefined && before !== undefined) {
    askGate(store, record, record.manifest, termsOf(before).required, termsOf(before).maxAgeMs, stages);
  }
  return { result, runDir: store.dir, report: await rewriteReport(store, record, options) };
}

/** Asks the gate again about a run: the one that is named, else the last. */
export async function rerunGate(
  run: string | undefined,
  required: StageName[],
  maxAgeMs: number,
  options: Pick<RerunOptions, 'home' | 'stages'>,
): Promise<{ decision: GateDecision; runDir: string; report: ReportFiles | undefined }> {
  const runDir = findRun(options.home.runs, run);
  const record = readRecord(runDir);
  const { manifest } = record ?? {};
  if (record === undefined || manifest === undefined) {
    throw new UserError({
      code: 'RUN_INCOMPLETE',
      message: `run ${basename(runDir)} ended before there was a release to judge`,
      fix: 'ship the commit again, or name another run with --run',
    });
  }
  const store = new RunStore(options.home.runs, basename(runDir));
  const decision = askGate(store, record, manifest, required, maxAgeMs, options.stages);
  return { decision, runDir, report: await rewriteReport(store, record, options) };
}

function askGate(
  store: RunStore,
  record: RunRecord,
  manifest: NonNullable<RunRecord['manifest']>,
  required: StageName[],
  maxAgeMs: number,
  stages: ShipStages,
): GateDecision {
  const startedAt = new Date();
  const { decision, result } = judgeRun({ runDir: store.dir, manifest, required, maxAgeMs, stages });
  record.gate = decision;
  const { digest: manifestDigest, commit } = manifest;
  store.writeEvidence(
    bindEvidence(result, { stage: 'gate', manifestDigest, commit, startedAt, finishedAt: new Date() }),
  );
  return decision;
}

/** On what terms the gate judged: what it left in its own evidence. */
function termsOf(data: Record<string, unknown>): { required: StageName[]; maxAgeMs: number } {
  const required = Array.isArray(data['required'])
    ? STAGES.filter((stage) => (data['required'] as unknown[]).includes(stage))
    : [];
  const maxAgeMs = Number(data['max_age_ms']);
  // Terms that cannot be read are the strictest: everything, and none of it old.
  return {
    required: required.length === 0 ? ['validate', 'build', 'deploy', 'smoke', 'load'] : required,
    maxAgeMs: maxAgeMs > 0 ? maxAgeMs : 1,
  };
}

async function needStaging(home: Home): Promise<StagingStatus> {
  const status = await askStatus(home);
  if (status?.state === 'up') return status;
  throw new ExternalError({
    code: 'NO_STAGING',
    message: status === undefined ? `no staging runs in ${home.dir}` : `staging is ${status.state}`,
    fix: 'start it: npx papergate ship --detach',
  });
}

export function readRecord(runDir: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(runDir, 'run.json'), 'utf8')) as RunRecord;
  } catch {
    return undefined;
  }
}

// While the run's own ship is still at it there is no record yet, and the report is its to write.
async function rewriteReport(
  store: RunStore,
  record: RunRecord | undefined,
  { stages }: Pick<RerunOptions, 'stages'>,
): Promise<ReportFiles | undefined> {
  if (record === undefined) return undefined;
  record.evidence = readEvidence(store.dir);
  store.write('run.json', record);
  return stages.writeReport({ dir: store.dir, run: record });
}
