import pg from 'pg';
import { ExternalError, messageOf, type Secret } from '@papergate/config';

export type Pool = pg.Pool;
export type PoolClient = pg.PoolClient;

export interface DatabaseOptions {
  url: Secret;
  poolSize: number;
  applicationName: string;
  /** What every session begins with, as libpq's `options`: it outweighs what a role or a database sets. */
  options?: string;
  onError?: (error: Error) => void;
}

/** A pool whose idle connections may die without taking the process along: the next query opens another. */
export function createPool(options: DatabaseOptions): Pool {
  const pool = new pg.Pool({
    connectionString: options.url.reveal(),
    max: options.poolSize,
    application_name: `papergate-${options.applicationName}`,
    ...(options.options === undefined ? {} : { options: options.options }),
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    keepAlive: true,
  });
  pool.on('error', (error) => options.onError?.(error));
  return pool;
}

/** Runs `work` in a transaction; what it throws rolls back and is thrown on. */
export async function transaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that dies between two queries says so by an event, which without a listener would end the process.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollback: Error) => {
      broken = rollback; // a connection that cannot roll back is thrown away, not handed to the next
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/** Host, port and name of a database URL: all of it that may be printed. */
export function describeDatabase(url: Secret): string {
  try {
    const { hostname, port, pathname } = new URL(url.reveal());
    return `${hostname}:${port === '' ? '5432' : port}${pathname}`;
  } catch {
    return 'the database (its URL cannot be parsed)';
  }
}

/** One round trip; a refusal says which database and why. */
export async function checkDatabase(pool: Pool, url: Secret): Promise<void> {
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    throw new ExternalError({
      code: 'DATABASE_UNREACHABLE',
      message: `${describeDatabase(url)} does not answer: ${messageOf(error)}`,
      fix: 'start the database or correct DATABASE_URL',
      cause: error,
    });
  }
}
