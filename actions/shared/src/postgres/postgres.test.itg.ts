import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Client } from 'pg';
import type { Secret } from '@papergate/config';
import { isRunning, startOf, type ProcessId } from '../process/facts.ts';
import { waitFor } from '../process/wait.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './index.ts';
import { makeOutside, sweepOutside } from './outside.ts';
import { settlePlace } from './place.ts';

jest.setTimeout(60_000);

const COMMAND = fileURLToPath(new URL('main.ts', import.meta.url));
let dir: string;
let started: EmbeddedPostgres[] = [];
let commands: ChildProcess[] = [];
let outside: string[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-pg-test-'));
});
afterEach(async () => {
  for (const postgres of started) await postgres.stop();
  for (const child of commands) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
  for (const folder of [dir, ...outside]) rmSync(folder, { recursive: true, force: true });
  started = [];
  commands = [];
  outside = [];
});

/** The data folder of the test's cluster, wherever it lies; an outside one is removed after the test. */
function dataOf(folder = join(dir, 'pg')): string {
  const { data } = settlePlace(folder);
  if (!data.startsWith(dir)) outside.push(join(data, '..'));
  return data;
}

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'pg'), durable: false, ...options });
  started.push(postgres);
  if (options.dataDir === undefined) dataOf();
  return postgres;
}

async function query<T>(url: Secret | string, text: string): Promise<T[]> {
  const client = new Client({ connectionString: typeof url === 'string' ? url : url.reveal() });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

function command(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  commands.push(child);
  if (args.includes('--fast')) dataOf();
  return child;
}

async function firstLine(child: ChildProcess): Promise<{ url: string; pid: number }> {
  if (child.stdout === null) throw new Error('no stdout');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return JSON.parse(line) as { url: string; pid: number };
}

function idOf(pid: number): ProcessId {
  return { pid, started: startOf(pid) ?? 'gone' };
}

describe('embedded PostgreSQL', () => {
  test('is a real server on loopback only, with a password and without a socket', async () => {
    const postgres = await start();
    expect(postgres.version).toMatch(/^18/);
    const [row] = await query<Record<string, string>>(
      postgres.adminUrl,
      `SELECT current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS socket,
        current_setting('password_encryption') AS encryption, current_setting('server_encoding') AS encoding`,
    );
    expect(row).toEqual({ listen: '127.0.0.1', socket: '', encryption: 'scram-sha-256', encoding: 'UTF8' });
    const wrong = postgres.url.reveal().replace(/:[^:@/]+@/, ':wrong@');
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  });

  test('keeps its durability promises unless it is a throw-away one', async () => {
    const settings = `SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) AS it FROM pg_settings
      WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')`;
    const durable = await start({ durable: true });
    expect(await query(durable.url, settings)).toEqual([{ it: 'fsync=on full_page_writes=on synchronous_commit=on' }]);
  });

  test('gives services an account that is no superuser, and makes databases only where it is asked to', async () => {
    const postgres = await start();
    const [role] = await query<{ super: string }>(postgres.url, `SELECT current_setting('is_superuser') AS super`);
    expect(role?.super).toBe('off');
    await expect(query(postgres.url, 'CREATE DATABASE another')).rejects.toThrow(/permission denied/);
    await postgres.stop();
    const allowed = await start({ createDatabases: true });
    await expect(query(allowed.url, 'CREATE DATABASE another')).resolves.toEqual([]);
  });

  test('keeps its data and its passwords between runs', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
    await first.stop();
    const second = await start({ port: first.port });
    expect(second.url.reveal()).toBe(first.url.reveal());
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  test('keeps its passwords to itself', async () => {
    await start();
    expect(statSync(join(dir, 'pg', 'passwords.json')).mode & 0o077).toBe(0);
    expect(statSync(dataOf()).mode & 0o077).toBe(0);
  });

  test('recovers what was committed when the server was killed', async () => {
    const first = await start({ durable: true });
    await query(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    await first.stop();
    const second = await start({ durable: true });
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  test('starts although a lock file names a process that is a stranger by now', async () => {
    const first = await start();
    await first.stop();
    const data = dataOf();
    writeFileSync(join(data, 'postmaster.pid'), `${process.pid}\n${data}\n`);
    await expect(start()).resolves.toBeDefined();
  });

  test('begins anew where initdb was cut off', async () => {
    const data = dataOf();
    writeFileSync(join(data, 'PG_VERSION'), '18\n');
    await expect(start()).resolves.toBeDefined();
  });

  test('says so when the data is there and the passwords are gone', async () => {
    const first = await start();
    await first.stop();
    rmSync(join(dir, 'pg', 'passwords.json'));
    await expect(start()).rejects.toMatchObject({ code: 'PG_PASSWORDS_LOST', exitCode: 3 });
  });

  test('a wanted port that is taken is named, and nothing is left behind', async () => {
    const holder = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => {
      holder.listen(0, '127.0.0.1', resolve);
    });
    const { port } = holder.address() as { port: number };
    try {
      const refused = start({ port });
      await expect(refused).rejects.toMatchObject({ code: 'PG_START', exitCode: 3 });
      await expect(refused).rejects.toThrow(new RegExp(`127.0.0.1:${port}.*could not bind`));
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
    expect(existsSync(join(dir, 'pg', 'owner.json'))).toBe(false);
    await expect(start({ port })).resolves.toBeDefined();
  });

  test('a folder that cannot be made is the caller’s mistake', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(start({ dataDir: join(dir, 'file', 'pg') })).rejects.toMatchObject({
      code: 'PG_BAD_FOLDER',
      exitCode: 2,
    });
  });

  test('under a folder that the database’s own user may not enter, the data goes where it may', async () => {
    const closed = join(dir, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    chmodSync(closed, 0o700);
    const folder = join(closed, 'pg');
    // For an ordinary user the folder is its own, and there is nothing to avoid.
    expect(dataOf(folder).startsWith(closed)).toBe(process.getuid?.() !== 0);
    const postgres = await start({ dataDir: folder });
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

test('what stands in for a folder that is gone is removed, and for one that is there is not', () => {
  const parent = join(dir, 'parent');
  const there = join(parent, `papergate-${'1'.repeat(16)}`);
  const gone = join(parent, `papergate-${'2'.repeat(16)}`);
  const strange = join(parent, 'papergate-not-ours');
  const unknown = join(parent, `papergate-${'3'.repeat(16)}`);
  makeOutside(there, dir);
  makeOutside(gone, join(dir, 'removed'));
  for (const folder of [strange, unknown]) mkdirSync(folder);
  mkdirSync(join(gone, 'data'));
  sweepOutside(parent);
  expect([there, gone, strange, unknown].map(existsSync)).toEqual([true, false, true, true]);
});

describe('the command', () => {
  test('prints one JSON line and runs until its stdin closes', async () => {
    const child = command('--data', join(dir, 'pg'), '--fast', '--json');
    const { url, pid } = await firstLine(child);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const server = idOf(pid);
    const exited = once(child, 'exit');
    child.stdin?.end();
    expect((await exited)[0]).toBe(0);
    expect(isRunning(server)).toBe(false);
  });

  test('stops on SIGTERM', async () => {
    const child = command('--data', join(dir, 'pg'), '--fast', '--json');
    const { pid } = await firstLine(child);
    const server = idOf(pid);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    expect(isRunning(server)).toBe(false);
  });

  test('killed outright, it takes its server with it, and the next one starts on the same data', async () => {
    const child = command('--data', join(dir, 'pg'), '--fast', '--json');
    const server = idOf((await firstLine(child)).pid);
    child.kill('SIGKILL');
    expect(await waitFor(() => !isRunning(server), { timeoutMs: 15_000 })).toBe(true);
    const next = command('--data', join(dir, 'pg'), '--fast', '--json');
    expect(await query((await firstLine(next)).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('a second one on the same data is told who uses it', async () => {
    const child = command('--data', join(dir, 'pg'), '--fast', '--json');
    await firstLine(child);
    const second = command('--data', join(dir, 'pg'), '--fast', '--json');
    let words = '';
    second.stderr?.setEncoding('utf8').on('data', (text: string) => (words += text));
    expect((await once(second, 'close'))[0]).toBe(3);
    expect(words).toContain(`PG_IN_USE: the database in ${join(dir, 'pg')} is in use by process ${child.pid}`);
  });

  test.each([
    [['--port', '5'], '--data is missing'],
    [['--data', 'x', '--port', '70000'], '--port is "70000", allowed: 0 (a free one) to 65535'],
    [['--data', 'x', '--prot', '1'], "Unknown option '--prot'"],
  ])('refuses %j with a message and exit 2', async (args, message) => {
    const child = command(...args);
    let words = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (words += text));
    expect((await once(child, 'close'))[0]).toBe(2);
    expect(words).toContain(message);
    expect(words).not.toMatch(/\n\s+at /);
  });
});

test('the log of a server that is started again and again does not grow without end', async () => {
  const first = await start();
  await first.stop();
  const log = join(dir, 'pg', 'postgres.log');
  writeFileSync(log, 'x'.repeat(11 * 1024 * 1024));
  await start();
  expect(readFileSync(log, 'utf8').length).toBeLessThan(100_000);
  expect(existsSync(`${log}.1`)).toBe(true);
});
