import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPool, type Pool } from '../database/pool.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { startTestDatabase, type TestDatabase } from '../testing/postgres.ts';
import { createAuditLog } from './audit.ts';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await startTestDatabase();
  pool = createPool({ url: database.url, poolSize: 2, applicationName: 'test' });
}, 60_000);
afterAll(async () => {
  await pool.end();
  await database.close();
});

test('the audit is a table to which rows are only ever added', async () => {
  const log = createAuditLog({
    pool,
    service: 'risk-manager',
    release: 'abc',
    logger: { error: () => undefined },
    metrics: createMetrics('risk-manager', { runtime: false }),
  });
  const by = { actor: { name: 'olga', role: 'operator' }, id: 'front-1' } as const;
  await log.record(by, { action: 'breaker.trip', reason: 'drill' }, 'OK');
  await log.close();
  for (const change of ["UPDATE access_audit SET actor = 'eve'", 'DELETE FROM access_audit', 'TRUNCATE access_audit']) {
    await expect(pool.query(change)).rejects.toThrow('access_audit is append only');
  }
  const { rows } = await pool.query(
    'SELECT service, actor, role, action, subject, reason, outcome, request_id, release FROM access_audit',
  );
  expect(rows).toEqual([
    {
      service: 'risk-manager',
      actor: 'olga',
      role: 'operator',
      action: 'breaker.trip',
      subject: null,
      reason: 'drill',
      outcome: 'OK',
      request_id: 'front-1',
      release: 'abc',
    },
  ]);
});
