import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadSystemConfig, type Secret } from '@papergate/config';
import { resolveSecrets } from '../../../composition/index.ts';
import type { DeliveryTarget, Fence, Place } from '../../../deliver/types.ts';
import type { Host } from '../../../host/types.ts';
import { buildAirgapBases } from '../../../images/airgap/index.ts';
import { sealManifest, type ImageRef, type Manifest } from '../../../release/manifest.ts';
import { containers, containersCache } from '../../../testing/containers/index.ts';
import { composeTarget, type ComposeTargetOptions } from '../index.ts';
import { must, standIn, type Faults } from './stand-in.ts';

const ROOT = fileURLToPath(new URL('../../../../../../', import.meta.url));
const SOURCE = { configDir: join(ROOT, 'config'), composeDir: join(ROOT, 'compose') };

/** A compose place of a test's own on the engine of this test run, and releases of stand-ins for it. */
export interface ComposeKit {
  env: NodeJS.ProcessEnv;
  place: Place;
  target: DeliveryTarget;
  secrets: ReadonlyMap<string, Secret>;
  fence: Fence & { lost: boolean };
  /** The same place with other options. */
  other(over: Partial<ComposeTargetOptions>): DeliveryTarget;
  release(version: string, faults?: Faults, images?: Readonly<Record<string, ImageRef>>): Promise<Manifest>;
  image(version: string, faults: Faults, entrypoint?: string): Promise<ImageRef>;
  docker(...args: string[]): Promise<string>;
  /** Makes ready, and starts in order. */
  deliver(manifest: Manifest): Promise<void>;
  start(manifest: Manifest): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export const quiet = (): void => {};

export async function composeKit(makeHost: (env: NodeJS.ProcessEnv) => Promise<Host> | Host): Promise<ComposeKit> {
  const { env: own, registry } = containers();
  const env: NodeJS.ProcessEnv = { ...process.env, ...own };
  const bases = await buildAirgapBases({
    env,
    registry: `${registry}/base`,
    cacheDir: join(containersCache(process.env), 'bases'),
  });
  const [repository = '', digest = ''] = bases.postgres.split('@');
  const id = randomBytes(4).toString('hex');
  const namespace = `${registry}/compose-${id}`;
  const dir = mkdtempSync(join(tmpdir(), 'papergate-place-'));
  const host = await makeHost(env);
  const place: Place = { kind: 'compose', environment: 'development', project: `papergate-t${id}`, host, dir };
  const secrets = resolveSecrets({
    environment: 'development',
    env: {},
    existing: new Map(),
    system: loadSystemConfig(SOURCE.configDir, 'development'),
    monitoring: false,
  });
  const fence = {
    generation: 7,
    lost: false,
    assertHeld: (): Promise<void> => (fence.lost ? Promise.reject(new Error('LEASE_LOST')) : Promise.resolve()),
  };
  const options: ComposeTargetOptions = { place, env, releaseSource: () => SOURCE, ports: 'free', secrets };
  const target = composeTarget(options);
  const image = (version: string, faults: Faults, entrypoint?: string): Promise<ImageRef> =>
    standIn({
      env,
      base: bases.node,
      repository: `${namespace}/stand-in`,
      version,
      faults,
      ...(entrypoint === undefined ? {} : { entrypoint }),
    });
  const start = async (manifest: Manifest): Promise<void> => {
    for (const wave of target.waves ?? []) {
      await Promise.all(wave.map((service) => target.start(manifest, service, fence)));
      await Promise.all(wave.map((service) => untilReady(target, manifest, service)));
    }
  };
  return {
    env,
    place,
    target,
    secrets,
    fence,
    image,
    start,
    other: (over) => composeTarget({ ...options, ...over }),
    release: async (version, faults = {}, images = {}) => {
      const one = await image(version, faults);
      const all = Object.fromEntries(target.order.map((service) => [service, one]));
      return manifestOf(version, { ...all, postgres: { repository, digest }, ...images });
    },
    docker: (...args) => must(env, args),
    deliver: async (manifest) => {
      await target.ensureInfrastructure(manifest, fence, quiet);
      await target.prepare(manifest, fence, quiet);
      await start(manifest);
    },
    stop: async () => {
      for (const wave of (target.waves ?? []).toReversed()) await target.stop(wave, fence);
    },
    close: async () => {
      fence.lost = false;
      await target.down({ volumes: true }, fence).catch(() => undefined);
      await target.prune([], fence).catch(() => undefined);
      await target.close();
      await host.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A manifest of these images; the commit follows from the version. */
export function manifestOf(version: string, images: Readonly<Record<string, ImageRef>>): Manifest {
  const digest = `sha256:${'5e'.repeat(32)}`;
  const names = Object.keys(images).filter((name) => name !== 'postgres');
  return sealManifest({
    commit: Buffer.from(version).toString('hex').padEnd(40, '0').slice(0, 40),
    services: Object.fromEntries(names.map((name) => [name, { entry: `services/${name}/src/main.ts`, digest }])),
    config_digest: digest,
    lockfile_digest: digest,
    schema_version: '0001_first',
    images: { ...images },
  });
}

/** Looks until the service is ready. @throws where it says that it never will be, and after a minute */
export async function untilReady(target: DeliveryTarget, manifest: Manifest, service: string): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const { ready, detail, final } = await target.probe(manifest, service);
    if (ready) return;
    if (final === true || performance.now() > end) throw new Error(`${service}: ${detail}`);
    await delay(25);
  }
}
