import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { waitFor } from '../../process/wait.ts';
import { containers, containersCache } from '../../testing/containers/index.ts';
import { docker, runDocker } from '../docker/run.ts';
import { buildAirgapBases, type AirgapBases } from './index.ts';

const env = { ...process.env, ...containers().env };
const options = { env };
const registry = `${containers().registry}/base`;
const cacheDir = join(containersCache(process.env), 'bases');
const id = randomBytes(4).toString('hex');
const PASSWORD = `pass-${id}-word`;
const started: string[] = [];

let dir: string;
let bases: AirgapBases;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-airgap-'));
  bases = await buildAirgapBases({ env, registry, cacheDir });
});
afterAll(async () => {
  if (started.length > 0) await runDocker(['rm', '--force', '--volumes', ...started], options);
  await runDocker(['volume', 'rm', '--force', `papergate-airgap-${id}`], options);
  rmSync(dir, { recursive: true, force: true });
});

const exec = (container: string, ...command: string[]) => runDocker(['exec', container, ...command], options);

/** Starts a server and waits until it is the real one, not the one that only its own scripts can reach. */
async function startPostgres(name: string, ...args: string[]): Promise<string> {
  const container = `papergate-airgap-${name}-${id}`;
  started.push(container);
  await docker(['run', '--detach', '--name', container, ...args, bases.postgres], options);
  await serves(container);
  return container;
}
async function serves(container: string): Promise<void> {
  const up = await waitFor(async () => (await exec(container, 'pg_isready', '-h', '127.0.0.1')).code === 0, {
    timeoutMs: 60_000,
    everyMs: 100,
  });
  if (up !== true) throw new Error((await runDocker(['logs', container], options)).stderr);
}
const ask = async (container: string, user: string, database: string, sql: string): Promise<string> =>
  (await exec(container, 'psql', '-U', user, '-d', database, '-Atc', sql)).stdout.trim();

describe('the base images', () => {
  test('are used again: a second call gives the same names at once', async () => {
    const before = performance.now();
    expect(await buildAirgapBases({ env, registry, cacheDir })).toEqual(bases);
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(bases.node).toMatch(/^\S+\/base\/node@sha256:[0-9a-f]{64}$/);
  });

  test('of Node run the pinned Node and npm', async () => {
    const said = await docker(['run', '--rm', bases.node, 'sh', '-c', 'node --version && npm --version'], options);
    expect(said).toMatch(/^v24\.\d+\.\d+\n\d+\.\d+\.\d+\n$/);
  });
});

describe('the PostgreSQL stand-in keeps what the official image promises', () => {
  test('a first start makes user, database and what the scripts say, and listens as postgres without the password in its environment', async () => {
    const scripts = join(dir, 'initdb');
    mkdirSync(scripts);
    writeFileSync(join(scripts, '1.sql'), 'CREATE TABLE t (a integer); INSERT INTO t VALUES (1);');
    writeFileSync(join(scripts, '2.sh'), 'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "INSERT INTO t VALUES (2)"');
    const password = join(dir, 'password');
    writeFileSync(password, `${PASSWORD}\n`);
    for (const path of [dir, scripts]) chmodSync(path, 0o755);
    const container = await startPostgres(
      'first',
      '--env=POSTGRES_USER=boss',
      '--env=POSTGRES_DB=app',
      '--env=POSTGRES_PASSWORD_FILE=/run/password',
      `--volume=${password}:/run/password:ro`,
      `--volume=${scripts}:/docker-entrypoint-initdb.d:ro`,
    );
    expect(await ask(container, 'boss', 'app', 'SELECT sum(a) FROM t')).toBe('3');
    expect(await ask(container, 'boss', 'app', "SELECT setting FROM pg_settings WHERE name = 'listen_addresses'")).toBe(
      '*',
    );
    const login = async (given: string) =>
      (
        await runDocker(
          [
            'exec',
            '--env',
            `PGPASSWORD=${given}`,
            container,
            'psql',
            '-h',
            containerAddress,
            '-U',
            'boss',
            '-d',
            'app',
            '-c',
            '',
          ],
          options,
        )
      ).code;
    const containerAddress = (await exec(container, 'hostname', '-i')).stdout.trim();
    expect([await login(PASSWORD), await login('wrong')]).toEqual([0, 2]);
    const seen = await exec(container, 'sh', '-c', 'grep Uid /proc/1/status');
    expect(seen.stdout).toMatch(/999\s+999\s+999\s+999/);
    const environment = await runDocker(['exec', '--user', 'postgres', container, 'cat', '/proc/1/environ'], options);
    expect(environment.stdout).toContain('PGDATA=');
    expect(environment.stdout).not.toContain(PASSWORD);

    // SIGINT, as its image says: sessions are ended, and the server too.
    await docker(['stop', '--time', '30', container], options);
    expect((await docker(['inspect', '--format', '{{.State.ExitCode}}', container], options)).trim()).toBe('0');
    await docker(['start', container], options);
    await serves(container);
    expect(await ask(container, 'boss', 'app', 'SELECT count(*) FROM t')).toBe('2');
  });

  test('it runs as 999 on a read-only root without capabilities, and a first start that was killed is begun anew', async () => {
    const volume = `papergate-airgap-${id}`;
    const args = [
      '--user=999:999',
      '--read-only',
      '--cap-drop=ALL',
      '--security-opt=no-new-privileges',
      '--tmpfs=/tmp',
      '--tmpfs=/run/postgresql:uid=999,gid=999,mode=3777',
      `--env=POSTGRES_PASSWORD=${PASSWORD}`,
      `--volume=${volume}:/var/lib/postgresql`,
    ];
    const container = await startPostgres('hardened', ...args);
    await ask(container, 'postgres', 'postgres', 'CREATE TABLE half ()');
    // As a kill in the middle of the first start would leave it: a cluster, and the mark beside it.
    await exec(container, 'sh', '-c', ': > "$PGDATA.unfinished"');
    await docker(['kill', container], options);
    const again = await startPostgres('again', ...args);
    expect(await ask(again, 'postgres', 'postgres', "SELECT count(*) FROM pg_class WHERE relname = 'half'")).toBe('0');
  });

  test('without a password it refuses to make a database', async () => {
    const refused = await runDocker(['run', '--rm', bases.postgres], options);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('set POSTGRES_PASSWORD') });
  });

  test('its client programs are there', async () => {
    const script = 'for p in pg_dump pg_restore psql pg_isready; do $p --version; done';
    const said = await docker(['run', '--rm', '--entrypoint', 'sh', bases.postgres, '-c', script], options);
    expect(said.trim().split('\n')).toHaveLength(4);
  });
});
