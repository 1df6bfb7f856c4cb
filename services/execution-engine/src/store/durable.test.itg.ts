import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createPool, type Pool } from '@papergate/service-kit';
import { startTestDatabase, type TestDatabase } from '@papergate/service-kit/testing';
import { DURABLE_SESSION, requireDurable } from './durable.ts';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await startTestDatabase({ migrate: false });
  pool = createPool({ url: database.url, poolSize: 1, applicationName: 'test' });
}, 120_000);

afterAll(async () => {
  await pool.end();
  await database.close();
});

describe('a database that answers a commit before it is on disk', () => {
  test.each([
    ['the role', 'ALTER ROLE CURRENT_USER SET', 'ALTER ROLE CURRENT_USER RESET', 'user', 'ALTER ROLE … RESET'],
    ['the database', 'ALTER DATABASE :db SET', 'ALTER DATABASE :db RESET', 'database', 'ALTER DATABASE … RESET'],
  ])('is refused where %s says so, with where and how to mend it', async (_who, set, reset, source, fix) => {
    const { rows } = await pool.query<{ db: string }>('SELECT quote_ident(current_database()) AS db');
    const named = (text: string): string => text.replace(':db', rows[0]?.db ?? '');
    await pool.query(`${named(set)} synchronous_commit = off`);
    try {
      await expect(requireDurable(database.url)).rejects.toMatchObject({
        code: 'DATABASE_NOT_DURABLE',
        message: expect.stringContaining(`synchronous_commit is off at 127.0.0.1`),
        fix: expect.stringContaining(fix),
      });
      await expect(requireDurable(database.url)).rejects.toThrow(`(set by: ${source})`);
      // A session that is opened after somebody turned it off commits as it has to all the same.
      const ours = createPool({ url: database.url, poolSize: 1, applicationName: 'test', options: DURABLE_SESSION });
      const shown = await ours.query<{ synchronous_commit: string }>('SHOW synchronous_commit');
      await ours.end();
      expect(shown.rows).toEqual([{ synchronous_commit: 'on' }]);
    } finally {
      await pool.query(`${named(reset)} synchronous_commit`);
    }
    await expect(requireDurable(database.url)).resolves.toBeUndefined();
  });
});
