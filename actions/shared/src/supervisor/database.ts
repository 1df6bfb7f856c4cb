import { closeSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Client } from 'pg';
import { ExternalError, messageOf, UserError, type Secret } from '@papergate/config';
import type { Guard } from '../guard/index.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../postgres/index.ts';
import { lastLines, logSize, openLog, readableLine } from './log-file.ts';
import type { DatabasePlan } from './plan.ts';
import { redact } from './redact.ts';

/** The database of a staging, wherever it runs. */
export interface StagingDatabase {
  kind: DatabasePlan['kind'];
  url: Secret | undefined;
  port: number | null;
  version: string | null;
  /** Present where we run the server. */
  server?: EmbeddedPostgres;
}

export async function openDatabase(
  plan: DatabasePlan,
  folder: string,
  guard: Guard,
  external: Secret | undefined,
): Promise<StagingDatabase> {
  if (plan.kind === 'none') return { kind: 'none', url: undefined, port: null, version: null };
  if (plan.kind === 'external') {
    return { kind: 'external', url: external, port: null, version: await checkExternal(external) };
  }
  const { port, name, user, older } = plan;
  const options = { dataDir: folder, port, database: name, user, guard };
  const server = await startEmbeddedPostgres(older === undefined ? options : { ...options, older });
  return { kind: 'embedded', url: server.url, port: server.port, version: server.version, server };
}

/** Connects once, so that a wrong `DATABASE_URL` is told before any service stumbles over it. */
export async function checkExternal(url: Secret | undefined): Promise<string> {
  if (url === undefined || url.isEmpty) {
    throw new UserError({
      code: 'DATABASE_URL_EMPTY',
      message: 'DATABASE_URL is empty, allowed: postgres://user:password@host:port/database',
      fix: 'set it, or unset it to use the embedded PostgreSQL',
    });
  }
  let client: Client;
  try {
    if (!/^postgres(ql)?:\/\//.test(url.reveal())) throw new Error('not a postgres:// address');
    client = new Client({ connectionString: url.reveal(), connectionTimeoutMillis: 10_000 });
  } catch (error) {
    throw new UserError({
      code: 'DATABASE_URL_INVALID',
      message: 'DATABASE_URL is not an address of a PostgreSQL, allowed: postgres://user:password@host:port/database',
      fix: 'correct it, or unset it to use the embedded PostgreSQL',
      cause: redact(messageOf(error), [url.reveal()]),
    });
  }
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? 'unknown';
  } catch (error) {
    throw new ExternalError({
      code: 'DATABASE_UNREACHABLE',
      message: `the PostgreSQL of DATABASE_URL (${client.host}:${client.port}, database ${client.database ?? ''}) cannot be used: ${redact(messageOf(error), [url.reveal()])}`,
      fix: 'start it or correct DATABASE_URL; or unset it to use the embedded PostgreSQL',
    });
  } finally {
    await client.end().catch(() => {});
  }
}

export interface MigrationOptions {
  release: string;
  script: string;
  env: Record<string, string>;
  logPath: string;
  secrets: readonly string[];
  signal?: AbortSignal | undefined;
}

/** Runs the release's own migrations. @throws ExternalError MIGRATION_FAILED with their last words */
export async function migrate({ release, script, env, logPath, secrets, signal }: MigrationOptions): Promise<void> {
  const from = logSize(logPath);
  const log = openLog(logPath);
  const child = spawn(process.execPath, [script], { cwd: release, env, signal, stdio: ['ignore', log, log] });
  closeSync(log);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) return;
  throw new ExternalError({
    code: 'MIGRATION_FAILED',
    message: redact(
      `the migrations of the database ended with ${code ?? 'a signal'}:\n${lastLines(logPath, 8, from)
        .map((line) => `    ${readableLine(line)}`)
        .join('\n')}`,
      secrets,
    ),
    fix: `mend what they name (${logPath}); nothing was started`,
  });
}
