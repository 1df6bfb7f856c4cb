import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createPool, type Pool } from '@papergate/service-kit';
import { startTestDatabase, type TestDatabase } from '@papergate/service-kit/testing';
import { recordStop, stopsOf } from './stops.ts';

jest.setTimeout(120_000);

const STUCK = fileURLToPath(new URL('../testing/stuck.ts', import.meta.url));

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 1, applicationName: 'test' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});

async function run(): Promise<{ code: number | null; signal: string | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [STUCK, database.url.reveal()], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const [[code, signal], output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, signal, output, errors };
}

describe('a strategy that never gives the thread back', () => {
  test('ends the process, which says whose fault that is; the next one goes on without it', async () => {
    const first = await run();
    expect({ signal: first.signal, errors: first.errors }).toEqual({ signal: 'SIGKILL', errors: '' });
    expect(JSON.parse(first.output)).toMatchObject({
      level: 60,
      code: 'STRATEGY_STUCK',
      strategy: 'endless',
      kept: 'in strategy_stops',
    });
    expect(first.output).not.toContain(database.url.reveal());

    const next = await run();
    expect(next).toMatchObject({ code: 0, errors: '' });
    const { bars, strategies } = JSON.parse(next.output) as {
      bars: number;
      strategies: { detail: string };
    };
    expect(bars).toBe(1);
    expect(strategies.detail).toContain('"endless" (stuck: one call did not come to its end in 0.5 s)');
  });

  test('is started anew by another release, and after an hour where nobody knows the release', async () => {
    const releases = ['a'.repeat(40), 'unreleased'];
    for (const release of releases) await recordStop(pool, release, { strategy: 'own', detail: 'd' });
    expect(await stopsOf(pool, 'b'.repeat(40))).toEqual([]);
    const later = async () => Promise.all(releases.map(async (release) => (await stopsOf(pool, release)).length));
    expect(await later()).toEqual([1, 1]);
    await pool.query(`UPDATE strategy_stops SET stopped_at = stopped_at - interval '61 minutes'`);
    expect(await later()).toEqual([1, 0]);
  });
});
