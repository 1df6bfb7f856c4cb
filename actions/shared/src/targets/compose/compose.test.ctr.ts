import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { Client } from 'pg';
import { localHost, sshHost } from '../../host/index.ts';
import { startSshd, type TestSshd } from '../../host/testing/sshd.ts';
import { waitFor } from '../../process/wait.ts';
import { withImages, type Manifest } from '../../release/manifest.ts';
import { shortDigest } from '../../deliver/place.ts';
import { composeKit, quiet, untilReady, type ComposeKit } from './testing/kit.ts';

// The first test of a machine makes the base images.
jest.setTimeout(600_000);

describe('a place on a Docker Engine', () => {
  let kit: ComposeKit;
  let good: Manifest;
  let next: Manifest;
  beforeAll(async () => {
    kit = await composeKit((env) => localHost({ env }));
    good = await kit.release('one');
    next = await kit.release('two', { 'execution-engine': 'slow-stop' });
  });
  afterAll(() => kit.close());

  const running = async (): Promise<string[]> => {
    const filter = `label=com.papergate.project=${kit.place.project}`;
    return (await kit.docker('ps', '--no-trunc', '--filter', filter, '--format', '{{.ID}}')).split('\n').sort();
  };

  test('can be looked at before anything is touched', async () => {
    const checks = await kit.target.verify(good);
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'Docker Engine',
        'Docker Compose',
        'compose files',
        'image dashboard',
        'disk space',
        'ports',
      ]),
    );
    expect(readdirSync(kit.place.dir)).toEqual([]);
    expect(await running()).toEqual(['']);
    expect((await kit.target.observe()).services.every(({ state }) => state === 'absent')).toBe(true);
  });

  test('is refused where an image is not at the registry, and nothing is touched', async () => {
    const missing = { ...good.images?.['dashboard'], digest: `sha256:${'0'.repeat(64)}` };
    const wrong = withImages(good, { ...good.images, dashboard: { repository: '', ...missing } });
    const failed = (await kit.target.verify(wrong)).filter(({ status }) => status === 'failed');
    expect(failed.map(({ name }) => name)).toEqual(['image dashboard']);
    await expect(kit.target.prepare(wrong, kit.fence, quiet)).rejects.toMatchObject({
      code: 'IMAGE_PULL_FAILED',
      message: expect.stringContaining(missing.digest),
    });
    expect(await running()).toEqual(['']);
    await kit.target.prune([], kit.fence);
  });

  test('gets a release by its digests: infrastructure, migrations, containers, services in order', async () => {
    await kit.target.ensureInfrastructure(good, kit.fence, quiet);
    await kit.target.prepare(good, kit.fence, quiet);
    expect(await kit.target.migrate(good, kit.fence)).toEqual({ applied: ['0001_first'] });
    await kit.start(good);
    const { manifestDigest, services } = await kit.target.observe();
    expect(manifestDigest).toBe(good.digest);
    expect(services).toEqual(
      kit.target.order.map((service) => ({
        service,
        digest: good.images?.[service]?.digest,
        state: 'running',
        ready: true,
        restarts: 0,
      })),
    );
  });

  test('keeps its secrets in files that only their readers can read, and nowhere else', async () => {
    const folder = join(kit.place.dir, 'secrets');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const root = process.getuid?.() === 0;
    for (const name of readdirSync(folder)) {
      const { mode, uid } = statSync(join(folder, name));
      // No container is given the seed: it stays with whoever delivers.
      if (name === 'BUS_SEED') {
        expect({ name, mode: mode & 0o777, uid }).toEqual({ name, mode: 0o600, uid: process.getuid?.() });
        continue;
      }
      expect({ name, mode: mode & 0o777 }).toEqual({ name, mode: root ? 0o400 : 0o444 });
      if (root) expect(uid).toBe(/^(POSTGRES|DATABASE)_PASSWORD$/.test(name) ? 999 : 10_001);
    }
    const described = await kit.docker('container', 'inspect', ...(await running()));
    const { release } = {
      release: readFileSync(join(kit.place.dir, 'releases', shortDigest(good.digest), 'compose.json'), 'utf8'),
    };
    for (const [name, secret] of kit.secrets) {
      // Nobody has a token but the bundle: an empty list is no secret.
      if (name === 'ACCESS_TOKENS' && secret.reveal() === '[]') continue;
      expect({ name, found: described.includes(secret.reveal()) || release.includes(secret.reveal()) }).toEqual({
        name,
        found: false,
      });
    }
  });

  test('answers under the URLs that it gives, with the token of the place', async () => {
    const urls = await kit.target.urls(good);
    expect(Object.keys(urls).sort()).toEqual([...kit.target.order].sort());
    expect((await fetch(`${urls['orchestrator']}/health/ready`)).status).toBe(200);
    expect((await kit.target.token())?.reveal()).toBe(kit.secrets.get('API_TOKEN')?.reveal());
  });

  test('gives the database, and the client programs beside it', async () => {
    const database = await kit.target.database();
    const asOwner = new Client(database.url.reveal());
    await asOwner.connect();
    await asOwner.query('CREATE TABLE kept (n integer)');
    await asOwner.end();
    const asAdmin = new Client(database.adminUrl.reveal());
    await asAdmin.connect();
    expect(
      (await asAdmin.query<{ rolcreatedb: boolean }>('SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user'))
        .rows,
    ).toEqual([{ rolcreatedb: true }]);
    await asAdmin.end();
    const dump = await database.program?.(
      'pg_dump',
      ['--username=postgres', '--no-password', '--dbname=papergate'],
      {},
    );
    expect(dump).toMatchObject({ code: 0, stderr: '' });
    expect(dump?.stdout).toContain('CREATE TABLE public.kept');
    await database.close();
  });

  test('runs the smoke test of the release within its network, and judges it', async () => {
    const messages: string[] = [];
    const passed = await kit.target.smoke(good, ({ message }) => messages.push(message));
    expect(passed.status).toBe('passed');
    expect(messages.length).toBeGreaterThan(10);
  });

  test('gives the words of a service without the secrets in them', async () => {
    const lines = await kit.target.logs('risk-manager', 200);
    expect(lines.join('\n')).toContain('risk-manager one with [redacted]');
    expect(await kit.target.logs('nobody', 200)).toEqual([]);
  });

  test('makes the next release ready beside the one that runs, which is not touched', async () => {
    const before = await running();
    await kit.target.ensureInfrastructure(next, kit.fence, quiet);
    await kit.target.prepare(next, kit.fence, quiet);
    expect(await running()).toEqual(before);
    expect((await kit.target.observe()).manifestDigest).toBe(good.digest);
    // Once more is the same: nothing is made twice.
    await kit.target.prepare(next, kit.fence, quiet);
  });

  test('never has a service twice', async () => {
    await expect(kit.target.start(next, 'execution-engine', kit.fence)).rejects.toMatchObject({
      code: 'STILL_RUNNING',
    });
    expect((await kit.target.observe()).services.every(({ ready }) => ready)).toBe(true);
  });

  test('changes nothing for a deployer that has lost its lease', async () => {
    const before = await running();
    kit.fence.lost = true;
    try {
      const acts = [
        kit.target.stop(['dashboard'], kit.fence),
        kit.target.prepare(withImages(next, { ...next.images }), kit.fence, quiet),
        kit.target.migrate(next, kit.fence),
        kit.target.prune([], kit.fence),
        kit.target.down({ volumes: true }, kit.fence),
      ];
      for (const act of acts) await expect(act).rejects.toThrow('LEASE_LOST');
    } finally {
      kit.fence.lost = false;
    }
    expect(await running()).toEqual(before);
  });

  test('moves from one release to the next, and its database goes on all the while', async () => {
    const postgres = await kit.docker('ps', '-q', '--filter', `name=${kit.place.project}-postgres`);
    await kit.stop();
    expect((await kit.target.observe()).services.map(({ state }) => state)).toEqual(
      kit.target.order.map(() => 'stopped'),
    );
    await kit.start(next);
    expect((await kit.target.observe()).manifestDigest).toBe(next.digest);
    expect(await kit.docker('ps', '-q', '--filter', `name=${kit.place.project}-postgres`)).toBe(postgres);
  });

  test('starts again what a killed deployer has told to stop', async () => {
    const [id = ''] = (
      await kit.docker(
        'ps',
        '-q',
        '--filter',
        `label=com.papergate.service=execution-engine`,
        '--filter',
        `label=com.papergate.project=${kit.place.project}`,
      )
    ).split('\n');
    // It drains for a while; nobody waits for its end.
    await kit.docker('kill', '--signal', 'SIGTERM', id);
    expect(
      await waitFor(async () => !(await kit.target.probe(next, 'execution-engine')).ready, { timeoutMs: 5_000 }),
    ).toBe(true);
    await kit.target.start(next, 'execution-engine', kit.fence);
    await untilReady(kit.target, next, 'execution-engine');
  });

  test('is refused to another place of the same name', async () => {
    const other = kit.other({ place: { ...kit.place, dir: `${kit.place.dir}-other` } });
    await expect(other.verify(next)).rejects.toMatchObject({
      code: 'PROJECT_TAKEN',
      exitCode: 3,
      message: expect.stringContaining(kit.place.dir),
    });
  });

  test('says who holds a port that it needs', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const own = JSON.parse(readFileSync(join(kit.place.dir, 'ports.json'), 'utf8')) as Record<string, number>;
    try {
      const third = await kit.release('three');
      const taken = kit.other({ ports: { ...own, dashboard: port } });
      await expect(taken.verify(third)).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message: expect.stringContaining(`${port} (dashboard) is held by process ${process.pid}`),
      });
      // Of our own project's ports none is in the way.
      expect((await kit.target.verify(third)).filter(({ status }) => status === 'failed')).toEqual([]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  describe('with a release that is broken', () => {
    const prepared = async (
      version: string,
      faults: Record<string, string>,
      images: Record<string, string> = {},
    ): Promise<Manifest> => {
      const own = await Promise.all(
        Object.entries(images).map(
          async ([service, entrypoint]) => [service, await kit.image(`${version}-${service}`, {}, entrypoint)] as const,
        ),
      );
      const manifest = await kit.release(version, faults, Object.fromEntries(own));
      await kit.target.prepare(manifest, kit.fence, quiet);
      return manifest;
    };

    test('says of each service what is wrong with it, in its own words, and goes back', async () => {
      const broken = await prepared(
        'broken',
        { 'risk-manager': 'refuses', 'signal-bridge': 'crash-loop', 'market-data': 'never-ready', dashboard: 'memory' },
        { orchestrator: '/no/such/program' },
      );
      await kit.stop();
      try {
        await sayWhatIsWrong(broken);
      } finally {
        await kit.stop();
        await kit.start(good);
      }
      expect((await kit.target.observe()).manifestDigest).toBe(good.digest);
    });

    const sayWhatIsWrong = async (broken: Manifest): Promise<void> => {
      for (const service of ['risk-manager', 'signal-bridge', 'market-data', 'dashboard']) {
        await kit.target.start(broken, service, kit.fence);
      }
      await expect(untilReady(kit.target, broken, 'risk-manager')).rejects.toThrow(
        /exited 2( after \d+\.\d s)?.*: the configuration is wrong, risk-manager$/,
      );
      await expect(untilReady(kit.target, broken, 'signal-bridge')).rejects.toThrow(/exited 1.*boom, signal-bridge/);
      await expect(untilReady(kit.target, broken, 'dashboard')).rejects.toThrow('killed for want of memory');
      const closed = await waitFor(
        async () => (await kit.target.probe(broken, 'market-data')).detail.includes('market: is closed'),
        { timeoutMs: 30_000 },
      );
      expect(closed).toBe(true);
      await kit.target.start(broken, 'orchestrator', kit.fence);
      await expect(untilReady(kit.target, broken, 'orchestrator')).rejects.toThrow(/exited 127.*\/no\/such\/program/);
      rmSync(join(kit.place.dir, 'releases', shortDigest(broken.digest), 'config'), { recursive: true });
      await expect(kit.target.start(broken, 'execution-engine', kit.fence)).rejects.toMatchObject({
        code: 'START_FAILED',
        exitCode: 1,
        message: expect.stringContaining('/config'),
      });
      expect((await kit.target.logs('risk-manager', 5)).join('\n')).toContain(
        'the configuration is wrong, risk-manager',
      );
    };

    test('gives the words of its migrations, without the password, and ends those that hang', async () => {
      const fails = await prepared('fails', { migrate: 'fails' });
      const failed = kit.target.migrate(fails, kit.fence);
      await expect(failed).rejects.toMatchObject({
        code: 'MIGRATION_FAILED',
        exitCode: 1,
        message: expect.stringContaining('column "gone" does not exist'),
      });
      const password = kit.secrets.get('DATABASE_PASSWORD')?.reveal() ?? '';
      await expect(failed).rejects.toMatchObject({ message: expect.not.stringContaining(password) });

      const hangs = await prepared('hangs', { migrate: 'hangs' });
      const aborter = new AbortController();
      const hanging = kit.target.migrate(hangs, kit.fence, aborter.signal);
      const outcome = expect(hanging).rejects.toThrow('too late');
      const filter = [
        '--filter',
        `label=com.papergate.project=${kit.place.project}`,
        '--filter',
        'label=com.papergate.service=migrate',
      ];
      expect(await waitFor(async () => (await kit.docker('ps', '-q', ...filter)) !== '', { timeoutMs: 20_000 })).toBe(
        true,
      );
      aborter.abort(new Error('too late'));
      await outcome;
      expect(await kit.docker('ps', '-aq', ...filter)).toBe('');
    });

    test('fails its smoke test, and lets one that is interrupted put back what it changed', async () => {
      const failing = await prepared('unsound', { smoke: 'order: filled' });
      const { status, checks } = await kit.target.smoke(failing, quiet);
      expect([status, ...checks.filter((check) => check.status === 'failed').map(({ name }) => name)]).toEqual([
        'failed',
        'order: filled',
      ]);
      const hangs = await prepared('endless', { smoke: 'hangs' });
      const aborter = new AbortController();
      const smoking = kit.target.smoke(hangs, quiet, aborter.signal);
      const outcome = expect(smoking).rejects.toThrow('enough');
      const filter = [
        '--filter',
        `label=com.papergate.project=${kit.place.project}`,
        '--filter',
        'label=com.papergate.service=smoke',
      ];
      expect(await waitFor(async () => (await kit.docker('ps', '-q', ...filter)) !== '', { timeoutMs: 20_000 })).toBe(
        true,
      );
      aborter.abort(new Error('enough'));
      await outcome;
      expect(await kit.docker('ps', '-aq', ...filter)).toBe('');
    });
  });

  test('fetches with the login that it was given, which is gone afterwards', async () => {
    const { registry } = { registry: good.images?.['dashboard']?.repository.split('/')[0] ?? '' };
    const word = `word-${process.pid}-of-the-registry`;
    const auth = Buffer.from(`user:${word}`).toString('base64');
    const fourth = await kit.release('four');
    const target = kit.other({ dockerAuth: new Secret(JSON.stringify({ auths: { [registry]: { auth } } })) });
    const seen: boolean[] = [];
    await target.prepare(fourth, kit.fence, () => seen.push(existsSync(join(kit.place.dir, 'login', 'config.json'))));
    expect(seen).toContain(true);
    expect(existsSync(join(kit.place.dir, 'login'))).toBe(false);
  });

  test('gets rid of all releases but those that are kept: containers, images, folders', async () => {
    const { removed } = await kit.target.prune([good, next], kit.fence);
    expect(removed.length).toBeGreaterThan(0);
    const kept = [good, next].map(({ digest }) => shortDigest(digest)).sort();
    expect(readdirSync(join(kit.place.dir, 'releases')).sort()).toEqual(kept);
    const repository = good.images?.['dashboard']?.repository ?? '';
    const images = await kit.docker('image', 'ls', '--digests', '--format', '{{.Digest}}', repository);
    expect(images.split('\n').sort()).toEqual(
      [good, next].map(({ images: own }) => own?.['dashboard']?.digest ?? '').sort(),
    );
    expect((await kit.target.observe()).services.every(({ ready }) => ready)).toBe(true);
    expect(await kit.target.prune([good, next], kit.fence)).toMatchObject({ removed: [] });
  });

  test('goes back to a release that it has while the registry is away and no checkout is there', async () => {
    const alone = kit.other({
      releaseSource: () => Promise.reject(new Error('no checkout')),
      verifyImages: () => Promise.reject(new Error('no registry')),
    });
    expect((await alone.verify(next)).filter(({ status }) => status === 'failed')).toEqual([]);
    await alone.ensureInfrastructure(next, kit.fence, quiet);
    await alone.prepare(next, kit.fence, quiet);
    const unknown = await kit.release('five');
    await expect(alone.verify(unknown)).rejects.toThrow('no checkout');
  });

  test('is taken down with its data kept, and without', async () => {
    const volumes = (): Promise<string> =>
      kit.docker('volume', 'ls', '-q', '--filter', `label=com.docker.compose.project=${kit.place.project}`);
    const all = ['ps', '-aq', '--filter', `label=com.papergate.project=${kit.place.project}`];
    await kit.target.down({ volumes: false }, kit.fence);
    expect(await kit.docker(...all)).toBe('');
    expect((await volumes()).split('\n').length).toBe(2);
    await kit.target.ensureInfrastructure(good, kit.fence, quiet);
    const database = await kit.target.database();
    const client = new Client(database.url.reveal());
    await client.connect();
    expect((await client.query('SELECT * FROM kept')).rows).toEqual([]);
    await client.end();
    await kit.target.down({ volumes: true }, kit.fence);
    expect([await kit.docker(...all), await volumes()]).toEqual(['', '']);
    expect(
      await kit.docker('network', 'ls', '-q', '--filter', `label=com.docker.compose.project=${kit.place.project}`),
    ).toBe('');
    await kit.target.down({ volumes: true }, kit.fence);
  });
});

describe('a place on a Docker Engine behind SSH', () => {
  let sshd: TestSshd;
  let kit: ComposeKit;
  beforeAll(async () => {
    kit = await composeKit(async (env) => {
      const { PATH = '', DOCKER_HOST = '', DOCKER_CONFIG = '' } = env;
      sshd = await startSshd({ env: { PATH, DOCKER_CONFIG, ...(DOCKER_HOST === '' ? {} : { DOCKER_HOST }) } });
      return sshHost({ url: sshd.url, identity: sshd.identity, knownHosts: sshd.knownHosts, env });
    });
  });
  afterAll(async () => {
    await kit.close();
    await sshd.stop();
  });

  test('gets a release, answers through tunnels, and gives its database and logs', async () => {
    const { target } = kit;
    const good = await kit.release('far');
    expect((await target.verify(good)).filter(({ status }) => status === 'failed')).toEqual([]);
    await target.ensureInfrastructure(good, kit.fence, quiet);
    await target.prepare(good, kit.fence, quiet);
    await kit.start(good);
    expect((await kit.target.observe()).services.every(({ ready }) => ready)).toBe(true);
    const { orchestrator = '' } = await target.urls(good);
    expect((await fetch(`${orchestrator}/health/ready`)).status).toBe(200);
    expect((await kit.target.smoke(good, quiet)).status).toBe('passed');
    const database = await kit.target.database();
    const client = new Client(database.url.reveal());
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    expect((await kit.target.logs('dashboard', 10)).join('\n')).toContain('dashboard far');
  });
});
