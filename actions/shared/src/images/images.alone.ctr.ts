import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SERVICE_NAMES } from '@papergate/config';
import { waitFor } from '../process/wait.ts';
import { makeRelease, type Release } from '../release/index.ts';
import { containers, containersCache } from '../testing/containers/index.ts';
import { buildAirgapBases } from './airgap/index.ts';
import { buildImages, localTag, type BuildOptions, type BuiltImages } from './build.ts';
import { docker, runDocker } from './docker/run.ts';
import { commitEpoch } from './epoch.ts';
import { pruneBuilds } from './prune.ts';
import { scanCheck, scanLayers } from './scan/index.ts';
import { budgetChecks } from './sizes.ts';
import { tagImages } from './tag.ts';
import { differences } from './testing/differences.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const env = { ...process.env, ...containers().env };
const options = { env };
const SENTINEL = `sentinel-${randomBytes(12).toString('hex')}`;
/** What a container of the bundle may do, and no more. */
const HARDENED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'none'];

let dir: string;
let release: Release;
let epoch: number;
let nodeImage: string;
let built: BuiltImages;
const made = new Set<string>();

const build = async (over: Partial<BuildOptions> = {}): Promise<BuiltImages> => {
  const done = await buildImages({
    release,
    epoch,
    version: '0.1.0',
    source: 'https://example.org/papergate',
    nodeImage,
    env,
    ...over,
  });
  for (const { id } of Object.values(done.images)) made.add(id);
  return done;
};
const idOf = (service: string): string => built.images[service]?.id ?? '';
const ids = ({ images }: BuiltImages): Record<string, string> =>
  Object.fromEntries(Object.entries(images).map(([service, { id }]) => [service, id]));

/** The same release in another folder, changed. */
function copyOf(name: string, change: (folder: string) => void): Release {
  const folder = join(dir, name);
  cpSync(release.dir, folder, { recursive: true });
  change(folder);
  return { ...release, dir: folder };
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-images-'));
  const bases = await buildAirgapBases({
    env,
    registry: `${containers().registry}/base`,
    cacheDir: join(containersCache(process.env), 'bases'),
  });
  nodeImage = bases.node;
  // A commit that nobody else builds: what this test makes it can remove.
  const clone = join(dir, 'clone');
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], { encoding: 'utf8' });
  git('clone', '--quiet', '--shared', ROOT, clone);
  git('-C', clone, 'commit', '--quiet', '--allow-empty', '--message', `a commit of ${SENTINEL.slice(-6)}`);
  const sha = git('-C', clone, 'rev-parse', 'HEAD').trim();
  mkdirSync(join(dir, 'releases'));
  release = await makeRelease(clone, join(dir, 'releases'), sha);
  epoch = await commitEpoch(clone, sha);

  const npmrc = join(dir, 'npmrc');
  writeFileSync(npmrc, `//registry.invalid/:_authToken=${SENTINEL}\n`);
  const ca = join(dir, 'ca.pem');
  const machine = process.env['NODE_EXTRA_CA_CERTS'];
  writeFileSync(ca, `# ${SENTINEL}\n${machine === undefined ? '' : readFileSync(machine, 'utf8')}`);
  // Of nothing that another test left in the cache.
  built = await build({
    noCache: true,
    secrets: { npmrc, ca },
    env: { ...env, API_TOKEN: SENTINEL, MY_SECRET: SENTINEL },
  });
});

afterAll(async () => {
  const commit = release?.manifest.commit;
  await runDocker(['rmi', '--force', ...SERVICE_NAMES.map((name) => localTag(name, commit)), ...made], options);
  rmSync(dir, { recursive: true, force: true });
});

describe('the images of a release', () => {
  test('are there for every service, within their budgets, with commit, version and source', async () => {
    expect(Object.keys(built.images).sort()).toEqual([...SERVICE_NAMES].sort());
    expect(budgetChecks(built.images).filter(({ status }) => status !== 'passed')).toEqual([]);
    const inspected = JSON.parse(await docker(['image', 'inspect', ...Object.values(ids(built))], options)) as {
      Created: string;
      Config: { User: string; Labels: Record<string, string>; Env: string[]; Entrypoint: string[]; Cmd: string[] };
    }[];
    for (const { Created, Config } of inspected) {
      expect(Date.parse(Created)).toBe(epoch * 1000);
      expect(Config.User).toBe('10001:10001');
      expect(Config.Entrypoint[0]).toBe('node');
      expect(Config.Env).toContain(`RELEASE_SHA=${release.manifest.commit}`);
      expect(Config.Labels).toMatchObject({
        'org.opencontainers.image.revision': release.manifest.commit,
        'org.opencontainers.image.version': '0.1.0',
        'org.opencontainers.image.source': 'https://example.org/papergate',
      });
    }
    const shared = Object.values(built.images).map(({ layers }) => layers.slice(0, 3).map(({ diffId }) => diffId));
    expect(new Set(shared.map(String)).size).toBe(1);
  });

  test('come out byte for byte the same when nothing is taken from a cache, from another folder with other times and modes', async () => {
    const elsewhere = copyOf('elsewhere', (folder) => {
      execFileSync('chmod', ['-R', 'go-rwx', folder]);
      utimesSync(join(folder, 'services/dashboard/src/main.ts'), 1, 1);
    });
    const again = await build({ release: elsewhere, noCache: true });
    // Which file it is says more than two digests do.
    const changed = Object.keys(ids(built)).find((service) => idOf(service) !== again.images[service]?.id);
    if (changed !== undefined)
      expect(await differences(idOf(changed), again.images[changed]?.id ?? '', env)).toEqual([]);
    expect(ids(again)).toEqual(ids(built));
  });

  test('hold no secret that the build was given, in any layer or in their history', async () => {
    const report = await scanLayers(Object.values(ids(built)), { env, sentinels: [SENTINEL] });
    expect(report.findings).toEqual([]);
    expect(scanCheck(report).status).toBe('passed');
  });

  test('hold bundled programs and production packages only: no sources, no tests, no manifest, no shell', async () => {
    const look = `const { readdirSync } = require('node:fs');
      const entries = readdirSync('/', { withFileTypes: true }).filter((entry) => entry.isDirectory());
      const folders = entries.map((entry) => entry.name).filter((name) => !['proc', 'sys', 'dev'].includes(name));
      const below = (name) => readdirSync('/' + name, { recursive: true }).map((path) => name + '/' + path);
      console.log(JSON.stringify(folders.flatMap(below)))`;
    const text = await docker(['run', '--rm', ...HARDENED, idOf('dashboard'), '-e', look], options);
    const paths = JSON.parse(text) as string[];
    expect(paths).toContain('app/services/dashboard/src/main.js');
    expect(paths).toContain('app/smoke/src/main.js');
    const unwanted =
      /^app\/(services|config|smoke)\/.*\.ts$|^app\/manifest\.json|\/(sh|bash|npm|apt)$|node_modules\/(jest|typescript|esbuild|@types|@papergate|@esbuild)(\/|$)|\.d\.[cm]?ts$|(darwin|win32).*\.node$/;
    expect(paths.filter((path) => unwanted.test(path))).toEqual([]);
    expect(paths.filter((path) => path.endsWith('addon.node'))).toHaveLength(1);
  });

  test('are tagged for the registry by commit', async () => {
    const registry = `${containers().registry}/images-${SENTINEL.slice(-8)}`;
    const names = await tagImages(built.images, registry, release.manifest.commit, env);
    expect(names['dashboard']).toBe(`${registry}/dashboard:${release.manifest.commit}`);
    const found = await docker(['image', 'inspect', '--format', '{{.Id}}', ...Object.values(names)], options);
    expect(found.trim().split('\n')).toEqual(Object.keys(names).map(idOf));
    await docker(['rmi', ...Object.values(names)], options);
  });
});

test('old builds lose their names, and keep those that they have at a registry', async () => {
  const old = `papergate/dashboard:${randomBytes(20).toString('hex')}`;
  const pushed = `${containers().registry}/images-${SENTINEL.slice(-8)}/dashboard:old`;
  const list = async () =>
    (await docker(['image', 'ls', '--filter', 'reference=papergate/*', '--format', '{{.Tag}}'], options)).split('\n');
  const others = await list();
  for (const name of [old, pushed]) await docker(['tag', idOf('dashboard'), name], options);
  expect(await pruneBuilds({ env, keep: [], newest: 0 })).not.toContain(old);
  expect(await pruneBuilds({ env, keep: others, newest: 0, minAgeMs: -1000 })).toEqual([old]);
  expect(await list()).toEqual(others);
  expect((await docker(['image', 'inspect', '--format', '{{.Id}}', pushed], options)).trim()).toBe(idOf('dashboard'));
  await docker(['rmi', pushed], options);
});

describe('a container of them', () => {
  test('starts every service as nobody in particular, on a read-only root without capabilities, and exits 2 for want of configuration', async () => {
    const ended = await Promise.all(
      SERVICE_NAMES.map(async (service) => {
        const { code, stderr } = await runDocker(['run', '--rm', ...HARDENED, idOf(service)], options);
        return { service, code, refused: stderr.includes(`papergate ${service}: CREDENTIALS_REFUSED`) };
      }),
    );
    expect(ended).toEqual(SERVICE_NAMES.map((service) => ({ service, code: 2, refused: true })));
  });

  test('runs the migrations and the smoke test of its release', async () => {
    const run = (...args: string[]) => runDocker(['run', '--rm', ...HARDENED, idOf('orchestrator'), ...args], options);
    const [migrate, smoke] = await Promise.all([
      run('services/shared/src/migrate.js'),
      run('smoke/src/main.js', '--help'),
    ]);
    expect(migrate).toMatchObject({ code: 2, stderr: expect.stringContaining('DATABASE_URL') });
    expect(smoke).toMatchObject({ code: 0, stdout: expect.stringContaining('--token-file') });
  });

  test('is unhealthy with a reason while its service does not answer, and healthy by the engine’s own check once it does', async () => {
    const health = ['services/shared/src/health.js'];
    const silent = await runDocker(['run', '--rm', ...HARDENED, idOf('dashboard'), ...health], options);
    expect(silent).toMatchObject({ code: 1, stdout: expect.stringMatching(/^dashboard: port 3000 does not answer: /) });

    const serve = `require('node:http').createServer((q, s) => s.writeHead(q.url === '/health/ready' ? 200 : 404).end('{}')).listen(3000)`;
    const name = `papergate-images-${SENTINEL.slice(-8)}`;
    await docker(['run', '--detach', '--name', name, ...HARDENED, idOf('dashboard'), '-e', serve], options);
    try {
      const status = async () =>
        (await docker(['inspect', '--format', '{{.State.Health.Status}}', name], options)).trim();
      await waitFor(async () => (await status()) === 'healthy', { timeoutMs: 60_000, everyMs: 200 });
      expect(await status()).toBe('healthy');
    } finally {
      await docker(['rm', '--force', name], options);
    }
  });
});

test('a Dockerfile that leaks is caught: a secret that a later step takes away again, one in the environment, an environment file', async () => {
  const context = mkdtempSync(join(dir, 'leak-'));
  const steps = [
    `FROM ${nodeImage}`,
    'RUN --mount=type=secret,id=npmrc cp /run/secrets/npmrc /kept',
    'RUN rm /kept',
    'COPY .env /app/',
    `ENV API_TOKEN=${SENTINEL}`,
  ];
  writeFileSync(join(context, 'Dockerfile'), steps.join('\n'));
  writeFileSync(join(context, '.env'), 'A=b');
  const secret = `id=npmrc,src=${join(dir, 'npmrc')}`;
  const id = (await docker(['build', '--quiet', '--no-cache', '--secret', secret, context], options)).trim();
  made.add(id);
  const report = await scanLayers([id], { env, sentinels: [SENTINEL] });
  const inLayers = report.findings.filter(({ path }) => path !== '').map(({ path, rule }) => `${rule}: ${path}`);
  expect(inLayers.sort()).toEqual(['refused-name: app/.env', 'secret: kept', 'sentinel: kept']);
  expect(report.findings.filter(({ path }) => path === '').map(({ rule }) => rule)).toEqual(
    expect.arrayContaining(['sentinel', 'environment']),
  );
  expect(JSON.stringify(report)).not.toContain(SENTINEL);
  expect(scanCheck(report).status).toBe('failed');
});

describe('a build is refused', () => {
  test('with a build argument that looks like a secret, before anything is built', async () => {
    const refused = build({ buildArgs: { NPM_TOKEN: SENTINEL } });
    await expect(refused).rejects.toMatchObject({ code: 'BUILD_ARG_SECRET', exitCode: 2 });
    await expect(refused).rejects.not.toThrow(SENTINEL);
  });

  test('of a commit from before containers', async () => {
    const old = copyOf('old', (folder) => rmSync(join(folder, 'compose/images'), { recursive: true }));
    await expect(build({ release: old })).rejects.toMatchObject({ code: 'NO_IMAGE_RECIPE', exitCode: 2 });
  });

  test('with a secret file that does not exist', async () => {
    const refused = build({ secrets: { npmrc: join(dir, 'nowhere') } });
    await expect(refused).rejects.toMatchObject({ code: 'BUILD_SECRET_MISSING', exitCode: 2 });
  });
});

describe('a build that fails', () => {
  test('says in which step, with that step’s last words, and was tried once', async () => {
    const broken = copyOf('broken', (folder) =>
      writeFileSync(
        join(folder, 'compose/images/install.mjs'),
        `console.error('the registry is on fire');\nprocess.exit(9);\n`,
      ),
    );
    const failed = build({ release: broken });
    await expect(failed).rejects.toMatchObject({ code: 'BUILD_FAILED', exitCode: 3 });
    await expect(failed).rejects.toThrow(
      /in step \[packages .*install\.mjs.*\n(?:.*\n)* {2}\| the registry is on fire\n/,
    );
  });

  test('for want of its base image names it', async () => {
    const absent = `${containers().registry}/base/node@sha256:${'0'.repeat(64)}`;
    const failed = build({ nodeImage: absent });
    await expect(failed).rejects.toMatchObject({ code: 'BUILD_FAILED', exitCode: 3 });
    await expect(failed).rejects.toThrow('0'.repeat(64));
  });
});

// The last: it takes the tags over, and an image without a tag goes when its other names go.
describe('a build of the same release, changed', () => {
  test('after a change in one service’s source only that service’s own layer is new', async () => {
    // No comment would do: it is not in the bundle.
    const changed = copyOf('changed', (folder) =>
      appendFileSync(join(folder, 'services/dashboard/src/build.ts'), "\nprocess.title = 'changed';\n"),
    );
    const again = await build({ release: changed });
    // How long it takes is for the benchmark to hold, on a machine that does nothing else.
    expect(again.durationMs).toBeLessThan(120_000);
    const { dashboard: before, ...others } = ids(built);
    const { dashboard: after, ...same } = ids(again);
    expect(same).toEqual(others);
    expect(after).not.toBe(before);
    const layers = (images: BuiltImages) => images.images['dashboard']?.layers.map(({ diffId }) => diffId) ?? [];
    const fresh = layers(again).filter((diffId) => !layers(built).includes(diffId));
    expect(fresh).toHaveLength(1);
  });
});
