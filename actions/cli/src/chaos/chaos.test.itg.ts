import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { PapergateError } from '@papergate/config';
import { describeReport, runChaos } from './chaos.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const RUNS = 20;

describe('the order path under chaos', () => {
  test('loses no acknowledged order and sends none twice, wherever it is killed or stopped', async () => {
    const seed = Number(process.env['PAPERGATE_TEST_SEED'] ?? randomInt(1_000_000));
    const lines: string[] = [];
    // Said at once: a run that hangs has to be replayed too.
    process.stdout.write(`chaos test: npm run chaos -- --seed ${seed} --runs ${RUNS}\n`);
    const all = () =>
      runChaos({ root: ROOT, env: process.env, seed, runs: RUNS, first: 0, print: (line) => lines.push(line) });
    // Once in some hundred runs an engine that took over did not become ready within a minute, and did when the same
    // run was repeated. That is tried again, and said; nothing that the books say is.
    const report = await all().catch((error: unknown) => {
      if (!(error instanceof PapergateError) || error.code !== 'CHAOS_NOT_READY') throw error;
      process.stdout.write(`${lines.join('\n')}\n${error.message}\n`);
      return all();
    });
    if (report.failed_runs.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
    expect([describeReport(report), report.failed_runs]).toEqual([expect.any(String), []]);
    expect(report.runs).toBe(RUNS);
    expect(report.blows).toBeGreaterThanOrEqual(RUNS / 2);
    expect(report.acknowledged).toBeGreaterThan(RUNS * 5);
    expect(report.duration_ms).toBeGreaterThan(0);
  }, 600_000);
});
