import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { containers, imageName } from '@papergate/delivery';
import { bases } from './testing/bases.ts';
import { docker, dockerEnvironment, placeContainers } from './testing/docker.ts';
import { expectNoneLost, expectRuns, expectTakesOrders } from './testing/expectations.ts';
import { SERVICES } from './testing/services.ts';
import { makeKit, newest, type Kit } from './testing/kit.ts';
import { OrderClient } from './testing/order-client.ts';
import { mustEnd } from './testing/papergate.ts';
import { startRegistryProxy, type RegistryProxy } from './testing/registry-proxy.ts';
import { ArgumentsWatch, leaks, leaksInImages, sentinel } from './testing/sentinels.ts';

jest.setTimeout(1_200_000);

/** Everything on the way from a commit to a running bundle that takes a secret, each with one that is like no other. */
const SECRETS = {
  registry: sentinel('registry'),
  cosign: sentinel('cosign'),
  npm: sentinel('npm'),
};

let kit: Kit;
let proxy: RegistryProxy;
let dir: string;
let watch: ArgumentsWatch;
let publicKey: string;
let bundle: string[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-end-'));
  proxy = await startRegistryProxy(containers().registry, 'papergate', SECRETS.registry);
  const auth = Buffer.from(`papergate:${SECRETS.registry}`).toString('base64');
  const dockerConfig = join(dir, 'docker');
  const { DOCKER_CONFIG = '' } = dockerEnvironment();
  mkdirSync(dockerConfig);
  execFileSync('cp', ['-a', `${DOCKER_CONFIG}/.`, dockerConfig]);
  const text = JSON.stringify({ auths: { [proxy.address]: { auth } } });
  writeFileSync(join(dockerConfig, 'config.json'), text, { mode: 0o600 });
  writeFileSync(join(dir, 'npmrc'), `//npm.invalid/:_authToken=${SECRETS.npm}\n`, { mode: 0o600 });
  execFileSync('cosign', ['generate-key-pair'], {
    cwd: dir,
    env: { ...dockerEnvironment(), COSIGN_PASSWORD: SECRETS.cosign },
    stdio: 'pipe',
  });
  publicKey = join(dir, 'cosign.pub');
  watch = new ArgumentsWatch(SECRETS);
  const { node, postgres } = await bases();
  kit = await makeKit({
    name: 'whole',
    registry: proxy.address,
    ship: ['--load', 'none', '--sign-key', join(dir, 'cosign.key'), '--require-signature', publicKey],
    env: {
      DOCKER_CONFIG: dockerConfig,
      COSIGN_PASSWORD: SECRETS.cosign,
      NPM_CONFIG_USERCONFIG: join(dir, 'npmrc'),
    },
  });
  bundle = [
    '--registry',
    kit.registry,
    '--node-image',
    node,
    '--postgres-image',
    postgres,
    '--load',
    'none',
    '--sign-key',
    join(dir, 'cosign.key'),
  ];
});
afterAll(async () => {
  watch?.stop();
  await kit?.remove();
  await proxy?.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Stage {
  stage: string;
  status: string;
  checks: { name: string; status: string }[];
}
function report(): { gate: { decision: string }; stages: Stage[] } {
  const runs = join(kit.home, 'runs');
  const last = readdirSync(runs).toSorted().at(-1) ?? '';
  return JSON.parse(readFileSync(join(runs, last, 'report.json'), 'utf8')) as ReturnType<typeof report>;
}

describe('a commit', () => {
  test('is built, pushed, deployed, smoke-tested and let through the gate', () => {
    expect(kit.shipped).toContain('gate: pass');
    const { gate } = report();
    expect(gate.decision).toBe('pass');
    for (const stage of ['validate', 'build', 'push', 'deploy', 'smoke', 'gate']) {
      expect(kit.shipped).toContain(`${stage}: ok in`);
    }
    expect(proxy.let()).toBeGreaterThan(0);
  });

  test('runs by exactly the digests of its manifest, which the registry has', async () => {
    expectRuns(kit, kit.good);
    expect(kit.good.commit).toBe(kit.clone.head);
    const auth = `Basic ${Buffer.from(`papergate:${SECRETS.registry}`).toString('base64')}`;
    for (const service of SERVICES) {
      const image = kit.good.images?.[service];
      const path = image?.repository.replace(`${proxy.address}/`, '') ?? '';
      const accept =
        'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
      const answer = await fetch(`http://${proxy.address}/v2/${path}/manifests/${image?.digest}`, {
        method: 'HEAD',
        headers: { authorization: auth, accept },
      });
      expect({ service, status: answer.status }).toEqual({ service, status: 200 });
      expect(answer.headers.get('docker-content-digest')).toBe(image?.digest);
    }
  });

  test('the second one is delivered under clients that go on ordering, and rolled back with nothing lost', async () => {
    const orders = new OrderClient({ url: kit.url('orchestrator'), token: kit.token() }).start();
    const path = 'services/signal-bridge/src/main.ts';
    const second = kit.clone.commit('a change of one service', {
      [path]: `process.title = 'changed';\n${kit.clone.read(path)}`,
    });
    kit.clone.git('checkout', '-q', second);
    await mustEnd(kit.papergate('ship', ...kit.flags, '--sha', second, ...bundle));
    const next = newest(kit.place);
    expect(next.commit).toBe(second);
    expectRuns(kit, next);
    // Of the others' own files nothing has changed, and the same files give the same image.
    const changed = SERVICES.filter((service) => next.images?.[service]?.digest !== kit.good.images?.[service]?.digest);
    expect(changed).toContain('signal-bridge');

    const plan = await mustEnd(kit.papergate('rollback', kit.good.commit.slice(0, 7), ...kit.flags, '--plan'));
    expect(plan.stdout).toContain('data lost none');
    expectRuns(kit, next);
    await mustEnd(kit.papergate('rollback', kit.good.commit.slice(0, 7), ...kit.flags, '--yes'));
    expectRuns(kit, kit.good);
    await expectTakesOrders(orders);
    await orders.stop();
    expectNoneLost(kit, orders);
  });

  test('that nobody signed is refused where a signature is required', async () => {
    const unsigned = await kit.release({});
    const refused = await kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(unsigned)).ended;
    expect({ code: refused.code, said: refused.stdout + refused.stderr }).toEqual({
      code: expect.any(Number),
      said: expect.stringMatching(/sign/i),
    });
    expect(refused.code).not.toBe(0);
    expectRuns(kit, kit.good);
  });

  test('leaves no secret in logs, reports, records, images, containers or arguments', async () => {
    const own = readdirSync(join(kit.place, 'secrets')).map(
      (name) => [name, readFileSync(join(kit.place, 'secrets', name), 'utf8').trim()] as const,
    );
    expect(own.length).toBeGreaterThanOrEqual(5);
    const secrets: Record<string, string> = {
      ...SECRETS,
      ...Object.fromEntries(own.filter(([, value]) => value.length >= 12)),
    };
    const mayHold = (path: string): boolean =>
      path.startsWith(join(kit.place, 'secrets')) ||
      path.startsWith(join(kit.home, 'test')) ||
      path.includes('/node_modules/');
    expect(leaks(kit.home, secrets, mayHold)).toEqual([]);
    expect(Object.keys(secrets).filter((name) => kit.shipped.includes(secrets[name] ?? ''))).toEqual([]);
    const containersNow = placeContainers(kit.project);
    const inspected = docker('inspect', ...containersNow.map(({ id }) => id));
    expect(Object.keys(secrets).filter((name) => inspected.includes(secrets[name] ?? ''))).toEqual([]);
    for (const { id, service } of containersNow) {
      const logs = execFileSync('sh', ['-c', 'docker logs "$0" 2>&1', id], {
        env: dockerEnvironment(),
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      });
      expect({ service, held: Object.keys(secrets).filter((name) => logs.includes(secrets[name] ?? '')) }).toEqual({
        service,
        held: [],
      });
    }
    const images = SERVICES.map((service) => kit.good.images?.[service]).flatMap((image) =>
      image === undefined ? [] : imageName(image),
    );
    expect(leaksInImages(images, secrets, dockerEnvironment())).toEqual([]);
    watch.stop();
    expect(watch.looks).toBeGreaterThan(100);
    expect([...watch.found]).toEqual([]);
  });

  test('is taken down: the data stay, and then go', async () => {
    await mustEnd(kit.papergate('stop', ...kit.flags));
    expect(placeContainers(kit.project).filter(({ running }) => running)).toEqual([]);
    const volumes = (): string[] =>
      docker('volume', 'ls', '-q')
        .split('\n')
        .filter((name) => name.startsWith(kit.project));
    expect(volumes()).not.toEqual([]);
    // Asked first: nobody at the terminal has said yes.
    expect((await kit.papergate('stop', ...kit.flags, '--volumes').ended).code).toBe(2);
    expect(volumes()).not.toEqual([]);
    await mustEnd(kit.papergate('stop', ...kit.flags, '--volumes', '--yes'));
    expect(volumes()).toEqual([]);
  });
});
