import { Client, escapeIdentifier } from 'pg';
import { ExternalError, messageOf, Secret } from '@papergate/config';
import { databaseFailed } from './errors.ts';

/** Texts are the same whatever the server or the role have set, and names come with their schema. */
const SETTINGS = [
  ['search_path', ''],
  ['datestyle', 'ISO, YMD'],
  ['intervalstyle', 'postgres'],
  ['timezone', 'UTC'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
  ['statement_timeout', '0'],
  ['idle_in_transaction_session_timeout', '0'],
  ['row_security', 'off'],
] as const;

export interface Connection {
  client: Client;
  /** Of the server, as a number: `180004`. */
  version: number;
  close(): Promise<void>;
}

/** The name of the database that an address leads to. */
export function databaseOf(url: Secret): string {
  return decodeURIComponent(new URL(url.reveal()).pathname.slice(1));
}

export function userOf(url: Secret): string {
  return decodeURIComponent(new URL(url.reveal()).username);
}

/** The same server and account, another database. */
export function withDatabase(url: Secret, database: string): Secret {
  const changed = new URL(url.reveal());
  changed.pathname = `/${encodeURIComponent(database)}`;
  return new Secret(changed.href);
}

/** Host, port and name: all of an address that may be printed. */
export function describeAddress(url: Secret): string {
  const { hostname, port, pathname } = new URL(url.reveal());
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`;
}

/** @throws ExternalError DATABASE_UNREACHABLE */
export async function connect(url: Secret, signal?: AbortSignal): Promise<Connection> {
  signal?.throwIfAborted();
  const client = new Client({
    connectionString: url.reveal(),
    application_name: 'papergate-database-care',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // A connection that dies between two queries says so by an event, which without a listener would end the process.
  client.on('error', () => {});
  // With a query under way this cuts the connection, and the query fails.
  const onAbort = (): void => void client.end().catch(() => {});
  try {
    await client.connect();
    signal?.addEventListener('abort', onAbort, { once: true });
    const values = SETTINGS.map(([name, value]) => `set_config('${name}', '${value}', false)`);
    await client.query(`SELECT ${values.join(', ')}`);
    const { rows } = await client.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
    return {
      client,
      version: Number(rows[0]?.version),
      close: async () => {
        signal?.removeEventListener('abort', onAbort);
        await client.end().catch(() => {});
      },
    };
  } catch (error) {
    signal?.removeEventListener('abort', onAbort);
    client.end().catch(() => {});
    throw new ExternalError({
      code: 'DATABASE_UNREACHABLE',
      message: `${describeAddress(url)} does not answer: ${messageOf(error)}`,
      fix: 'start the database (`papergate status` shows whether it runs), and try again',
      cause: error,
    });
  }
}

/** Opens, works, closes; a failure of the server is told with the address and what was being done. */
export async function during<T>(
  url: Secret,
  what: string,
  work: (connection: Connection) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const connection = await connect(url, signal);
  try {
    return await work(connection);
  } catch (error) {
    signal?.throwIfAborted();
    throw isOfServer(error) ? databaseFailed(what, describeAddress(url), error) : error;
  } finally {
    await connection.close();
  }
}

/** Whether the server said it, or the connection to it broke. */
export function isOfServer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return (
    (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) || /^(Connection terminated|Client )/.test(error.message)
  );
}

export const quoted = (name: string): string => escapeIdentifier(name);
