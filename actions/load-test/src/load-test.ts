import {
  keptTimed,
  lookAtRunning,
  releaseSource,
  removePrivateFolder,
  stagesOf,
  suitesOf,
  withRestarts,
  type ActionJob,
  type Outcome,
  type PostJob,
  type ShipStages,
  type StageResult,
} from '@papergate/delivery';
import { floorsOf, heldTo } from './floors.ts';
import type { INPUTS, OUTPUTS } from './inputs.ts';

export type LoadTestJob = ActionJob<typeof INPUTS, typeof OUTPUTS> & { stages?: ShipStages };

/** Loads what runs with the four suites of its own release, and holds it to the floors. */
export function loadTest(job: LoadTestJob): Promise<Outcome> {
  const { inputs, log, signal, summary } = job;
  const { profile, 'working-directory': repository } = inputs;
  const floors = floorsOf(inputs.floors);
  return lookAtRunning(job, async ({ open, manifest, store, home, env, token }) => {
    const { dir } = await releaseSource({ repository, home, signal }, manifest);
    const { target } = open;
    const urls = await target.urls(manifest);
    const load = async (): Promise<StageResult> => {
      const onProgress = linesOf((line) => log.info(line));
      const call = { releaseDir: dir, urls, token, env, onProgress, signal, profile, outDir: store.dir };
      const result = await stagesOf(job).runLoad(call);
      return heldTo(withRestarts(result, await target.observe(), manifest), floors);
    };
    const { environment, target: kind } = inputs;
    const facts = { environment, target: kind, load_profile: profile };
    const run = await log.group(`load test of ${manifest.commit.slice(0, 12)}, ${profile}`, () =>
      keptTimed({ stage: 'load', store: () => store, facts }, load),
    );
    tableOfLatencies(summary, run.result);
    const isUnproven = run.result.checks.some(({ name, status }) => name === 'k6' && status === 'failed');
    const reasonCode = isUnproven ? 'TOOL_MISSING' : 'LOAD_FAILED';
    return { title: 'Load test', run, facts, reasonCode, isUnproven };
  });
}

/** A line a suite, not one every half second. */
function linesOf(say: (line: string) => void): (progress: { message: string }) => void {
  let told = '';
  return ({ message }) => {
    const step = message.replace(/\d+ s of .*/, '').replace(/[: ]+$/, '');
    if (step === told) return;
    told = step;
    say(step);
  };
}

function tableOfLatencies(summary: LoadTestJob['summary'], result: StageResult): void {
  const rows = suitesOf(result).flatMap(({ title, latencies }) =>
    latencies.map(({ label, count, p50, p95, p99, max }) => [title, label, count, ...[p50, p95, p99, max].map(inMs)]),
  );
  if (rows.length === 0) return;
  summary.details('latencies', (inner) =>
    inner.table(['suite', 'latency', 'samples', 'p50', 'p95', 'p99', 'highest'], rows),
  );
}

const inMs = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;

/** Removes the key that a killed step left. */
export function cleanUp({ state, context }: PostJob<typeof INPUTS>): Promise<void> {
  removePrivateFolder(state('folder'), context);
  return Promise.resolve();
}
