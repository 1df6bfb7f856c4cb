import { afterEach, describe, expect, test } from '@jest/globals';
import { HttpError } from '../app/http-error.ts';
import type { Pool } from '../database/pool.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { until } from '../testing/until.ts';
import type { ActingRequest } from './actor.ts';
import { createAuditLog, type AuditLog } from './audit.ts';

const BY: ActingRequest = { actor: { name: 'olga', role: 'operator' }, id: 'front-1' };
const open: AuditLog[] = [];
afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
});

function setUp({ capacity = 100, patienceMs = 60_000 } = {}) {
  /** Rows as the database got them, each its columns in order. */
  const rows: unknown[][] = [];
  const state = { down: false };
  const metrics = createMetrics('risk-manager', { runtime: false });
  const log = createAuditLog({
    pool: {
      query: ((query: { values: [...string[][], string, string] }) => {
        if (state.down) return Promise.reject(new Error('down'));
        const columns = query.values.slice(0, 8) as string[][];
        for (const at of (columns[0] ?? []).keys()) {
          rows.push([...columns.map((column) => column[at]), ...query.values.slice(8)]);
        }
        return Promise.resolve({ rows: [] });
      }) as unknown as Pool['query'],
    },
    service: 'risk-manager',
    release: 'abc',
    logger: { error: () => undefined },
    metrics,
    now: () => 1_000,
    capacity,
    patienceMs,
    retryMs: 5,
  });
  open.push(log);
  const lost = async () => /lost_total\S* (\d+)/.exec(await metrics.registry.metrics())?.[1];
  return { log, rows, state, lost };
}

describe('the audit', () => {
  test('says who did what, why, and what came of it, before the answer goes out', async () => {
    const { log, rows } = setUp();
    const done = await log.run(BY, { action: 'breaker.trip', subject: 'HALTED', reason: 'drill' }, () => 'done');
    expect(done).toBe('done');
    expect(rows).toEqual([
      [
        '1970-01-01T00:00:01.000Z',
        'olga',
        'operator',
        'breaker.trip',
        'HALTED',
        'drill',
        'OK',
        'front-1',
        'risk-manager',
        'abc',
      ],
    ]);
  });

  test('keeps the code of a refusal, and throws it on as it is', async () => {
    const { log, rows } = setUp();
    const refusal = new HttpError(409, 'BREAKER_COOLING_DOWN', 'later');
    const reset = (failure: Error) =>
      log.run(BY, { action: 'breaker.reset' }, () => {
        throw failure;
      });
    await expect(reset(refusal)).rejects.toBe(refusal);
    await expect(reset(new TypeError('a defect'))).rejects.toThrow('a defect');
    expect(rows.map((row) => row[6])).toEqual(['BREAKER_COOLING_DOWN', 'INTERNAL']);
  });

  test('holds an act up no longer than its patience while the database is away, and loses no row', async () => {
    const { log, rows, state } = setUp({ patienceMs: 1 });
    state.down = true;
    expect(await log.run(BY, { action: 'emergency_stop', reason: 'fire' }, () => 1)).toBe(1);
    expect(log.waiting).toBe(1);
    state.down = false;
    await until('the row', () => rows.length === 1);
    expect(rows[0]?.slice(3, 7)).toEqual(['emergency_stop', null, 'fire', 'OK']);
  });

  test('a flood of refusals leaves room for acts, and what is left out is counted', async () => {
    const { log, rows, state, lost } = setUp({ capacity: 4, patienceMs: 1 });
    state.down = true;
    for (let at = 0; at < 10; at += 1) log.refused(BY, { action: 'order.place' }, 'RISK_HALTED');
    await log.run(BY, { action: 'breaker.trip' }, () => 1);
    expect(log.waiting).toBe(3);
    expect(await lost()).toBe('8');
    state.down = false;
    await log.close();
    expect(rows.map((row) => row[3])).toEqual(['order.place', 'order.place', 'breaker.trip']);
  });
});
