import { afterEach, describe, expect, test } from '@jest/globals';
import type { Role } from '@papergate/config';
import { buildServiceApp, HttpError } from '../app/build-app.ts';
import type { Pool } from '../database/pool.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { testContext } from '../testing/context.ts';
import { ROLE_TOKENS, WITH_ROLES } from '../testing/roles.ts';
import { until } from '../testing/until.ts';
import type { ActingRequest } from './actor.ts';
import { createAuditLog, type AuditLog } from './audit.ts';
import { audited, textOf } from './audited.ts';

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
  test('says who did what, why, and what came of it', async () => {
    const { log, rows } = setUp();
    await log.record(BY, { action: 'breaker.trip', subject: 'HALTED', reason: 'drill' }, 'OK');
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

  test('holds an act up no longer than its patience while the database is away, and loses no row', async () => {
    const { log, rows, state } = setUp({ patienceMs: 1 });
    state.down = true;
    await log.record(BY, { action: 'emergency_stop', reason: 'fire' }, 'OK');
    expect(log.waiting).toBe(1);
    state.down = false;
    await until('the row', () => rows.length === 1);
    expect(rows[0]?.slice(3, 7)).toEqual(['emergency_stop', null, 'fire', 'OK']);
  });

  test('a flood of refusals leaves room for acts, and what is left out is counted', async () => {
    const { log, rows, state, lost } = setUp({ capacity: 4, patienceMs: 1 });
    state.down = true;
    for (let at = 0; at < 10; at += 1) log.refused(BY, { action: 'order.place' }, 'RISK_HALTED');
    await log.record(BY, { action: 'breaker.trip' }, 'OK');
    expect(log.waiting).toBe(3);
    expect(await lost()).toBe('8');
    state.down = false;
    await log.close();
    expect(rows.map((row) => row[3])).toEqual(['order.place', 'order.place', 'breaker.trip']);
  });
});

describe('a route whose acts are written down', () => {
  test('answers when the row is stored: what was done, what failed, and what the guard refused; strangers leave none', async () => {
    const { log, rows } = setUp();
    const app = await buildServiceApp(testContext('risk-manager', WITH_ROLES));
    const onSend = audited(log, ({ body }) => ({ action: 'breaker.trip', reason: textOf(body, 'reason') }));
    app.post('/trip', { onSend }, ({ body }) => {
      if (textOf(body, 'reason') === 'late') throw new HttpError(503, 'ORDERS_UNDER_WAY', 'wait');
      if (textOf(body, 'reason') === 'bug') throw new TypeError('a defect');
      return { state: 'HALTED' };
    });
    const trip = async (reason: string, role: Role = 'operator') => {
      const headers = { authorization: `Bearer ${ROLE_TOKENS[role]}` };
      const { statusCode } = await app.inject({ method: 'POST', url: '/trip', headers, payload: { reason } });
      return [statusCode, rows.length];
    };
    expect(await trip('drill')).toEqual([200, 1]);
    expect(await trip('late')).toEqual([503, 2]);
    expect(await trip('bug')).toEqual([500, 3]);
    expect((await trip('mine', 'viewer'))[0]).toBe(403);
    expect((await app.inject({ method: 'POST', url: '/trip', payload: {} })).statusCode).toBe(401);
    await until('the refusal', () => rows.length === 4);
    expect(rows.map(([, actor, role, , , reason, outcome]) => [actor, role, reason, outcome])).toEqual([
      ['a-operator', 'operator', 'drill', 'OK'],
      ['a-operator', 'operator', 'late', 'ORDERS_UNDER_WAY'],
      ['a-operator', 'operator', 'bug', 'INTERNAL'],
      ['a-viewer', 'viewer', null, 'ROLE_REQUIRED'],
    ]);
    await app.close();
  });
});
