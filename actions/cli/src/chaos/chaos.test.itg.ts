import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { describeReport, runChaos } from './chaos.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const RUNS = 20;

describe('the order path under chaos', () => {
  test('loses no acknowledged order and sends none twice, wherever it is killed or stopped', async () => {
    const seed = Number(process.env['PAPERGATE_TEST_SEED'] ?? randomInt(1_000_000));
    const lines: string[] = [];
    // Said at once: a run that hangs has to be replayed too.
    process.stdout.write(`chaos test: npm run chaos -- --seed ${seed} --runs ${RUNS}\n`);
    const print = (line: string): void => void lines.push(line);
    const report = await runChaos({ root: ROOT, env: process.env, seed, runs: RUNS, first: 0, print }).catch(
      (error: unknown) => {
        process.stdout.write(`${lines.join('\n')}\n`);
        throw error;
      },
    );
    if (report.failed_runs.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
    expect([describeReport(report), report.failed_runs]).toEqual([expect.any(String), []]);
    expect(report.runs).toBe(RUNS);
    expect(report.blows).toBeGreaterThanOrEqual(RUNS / 2);
    expect(report.acknowledged).toBeGreaterThan(RUNS * 5);
    expect(report.duration_ms).toBeGreaterThan(0);
  }, 1_800_000);
});
