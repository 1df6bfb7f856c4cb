import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describePlan, planRun, type Treatment } from './plan.ts';
import { VERDICTS, type Verdict } from './judge.ts';
import { carryOut, type RunResult } from './run.ts';
import { World } from './world.ts';

export interface ChaosOptions {
  root: string;
  env: NodeJS.ProcessEnv;
  seed: number;
  runs: number;
  /** Number of the first run: a single one is replayed with it. */
  first: number;
  /** Main blows of this kind alone. */
  only?: Treatment | undefined;
  signal?: AbortSignal;
  print: (line: string) => void;
}

export interface ChaosReport {
  seed: number;
  /** The kind of blows that it was kept to. */
  only?: Treatment;
  runs: number;
  blows: number;
  acknowledged: number;
  at_exchange: number;
  repeats_refused: number;
  totals: Record<Verdict, number>;
  failed_runs: number[];
  duration_ms: number;
  results: RunResult[];
}

/** Runs the plan that follows from the seed against real processes, and says what the books show. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { root, env, seed, runs, first, only, print, signal } = options;
  const startedAt = performance.now();
  print(
    `chaos: seed ${seed}, runs ${first} to ${first + runs - 1}; replay: npm run chaos -- --seed ${seed} --runs ${runs} --first ${first}${flagOf(only)}`,
  );
  const world = await World.open({
    root,
    dir: mkdtempSync(join(tmpdir(), 'papergate-chaos-')),
    env,
    ...(signal === undefined ? {} : { signal }),
  });
  const results: RunResult[] = [];
  try {
    for (let run = first; run < first + runs; run += 1) {
      if (signal?.aborted === true) break;
      const plan = planRun(seed, run, only);
      print(describePlan(plan));
      const result = await carryOut(plan, world);
      results.push(result);
      print(`  ${describeResult(result)}`);
      for (const { verdict, message } of result.findings.slice(0, 20)) print(`  ${verdict}: ${message}`);
      if (result.findings.length > 0) print(world.logs());
    }
  } finally {
    await world.close();
  }
  return report(options, results, performance.now() - startedAt);
}

const flagOf = (only: Treatment | undefined): string => (only === undefined ? '' : ` --only ${only}`);

function describeResult({
  acknowledged,
  unanswered,
  atExchange,
  repeatsRefused,
  struck,
  findings,
  durationMs,
}: RunResult): string {
  const verdict = findings.length === 0 ? 'ok' : `FAILED, ${findings.length} findings`;
  return `${verdict}: ${acknowledged} acknowledged, ${unanswered} unanswered, ${atExchange} at the exchange, ${repeatsRefused} refused there, ${struck} blows struck, ${(durationMs / 1000).toFixed(1)} s`;
}

function report({ seed, only }: ChaosOptions, results: RunResult[], durationMs: number): ChaosReport {
  const sum = (of: (result: RunResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const totals = Object.fromEntries(
    VERDICTS.map((verdict) => [
      verdict,
      sum(({ findings }) => findings.filter((found) => found.verdict === verdict).length),
    ]),
  ) as Record<Verdict, number>;
  return {
    seed,
    ...(only === undefined ? {} : { only }),
    runs: results.length,
    blows: sum(({ struck }) => struck),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    at_exchange: sum(({ atExchange }) => atExchange),
    repeats_refused: sum(({ repeatsRefused }) => repeatsRefused),
    totals,
    failed_runs: results.filter(({ findings }) => findings.length > 0).map(({ run }) => run),
    duration_ms: Math.round(durationMs),
    results,
  };
}

export function describeReport(found: ChaosReport): string {
  const { runs, blows, acknowledged, totals, failed_runs: failed, duration_ms: ms, only, seed } = found;
  const verdicts = Object.entries(totals).map(([verdict, count]) => `${verdict} ${count}`);
  return [
    `${runs} runs, ${blows} blows, ${acknowledged} acknowledged orders in ${(ms / 1000).toFixed(0)} s: ${verdicts.join(', ')}`,
    ...failed.map((run) => `failed: npm run chaos -- --seed ${seed} --runs 1 --first ${run}${flagOf(only)}`),
  ].join('\n');
}
