import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import type { Secret } from '@papergate/config';
import { ADMIN_USER } from './init.ts';
import type { Passwords } from './passwords.ts';

export interface Accounts {
  port: number;
  database: string;
  user: string;
  passwords: Passwords;
  /** Whether the services' account may create databases; for tests, which each want their own. */
  createDatabases: boolean;
  /** Databases whose names begin like this are dropped, but for the last `keep` by name. */
  older?: { prefix: string; keep: number };
}

export function urlOf(user: string, password: Secret, port: number, database: string): string {
  return `postgres://${user}:${password.reveal()}@127.0.0.1:${port}/${database}`;
}

/** Whether the server answers and the password is right. */
export async function isReady(port: number, password: Secret): Promise<boolean> {
  const client = new Client({
    connectionString: urlOf(ADMIN_USER, password, port, 'postgres'),
    connectionTimeoutMillis: 2000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    await client.end();
    return true;
  } catch {
    // Not waited for: after a connection that timed out, the end never comes.
    client.end().catch(() => {});
    return false;
  }
}

/** The account that the services use (no superuser) and its database. Safe to repeat. */
export async function ensureAccounts(accounts: Accounts): Promise<string> {
  const { port, database, user, passwords, createDatabases, older } = accounts;
  const client = new Client({ connectionString: urlOf(ADMIN_USER, passwords.admin, port, 'postgres') });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
    const attributes = `LOGIN NOSUPERUSER ${createDatabases ? 'CREATEDB' : 'NOCREATEDB'} PASSWORD ${escapeLiteral(passwords.app.reveal())}`;
    await client.query(`${rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${escapeIdentifier(user)} ${attributes}`);
    const existing = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (existing.rowCount === 0) {
      await client.query(`CREATE DATABASE ${escapeIdentifier(database)} OWNER ${escapeIdentifier(user)}`);
    }
    if (older !== undefined) await dropOlder(client, database, older);
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? 'unknown';
  } finally {
    await client.end();
  }
}

async function dropOlder(
  client: Client,
  inUse: string,
  { prefix, keep }: { prefix: string; keep: number },
): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1) AND datname <> $2 ORDER BY datname DESC',
    [prefix, inUse],
  );
  for (const { datname } of rows.slice(keep - 1))
    await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(datname)}`);
}
