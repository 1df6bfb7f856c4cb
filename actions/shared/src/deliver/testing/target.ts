import { ExternalError, Secret } from '@papergate/config';
import { imageName, type Manifest } from '../../release/manifest.ts';
import type { DatabaseAccess, DeliveryTarget, ObservedService, Place } from '../types.ts';
import { Bundle, ORDER, WAVES } from './bundle.ts';
import type { Deployer } from './deployer.ts';

/**
 * A delivery target in memory, as one deployer sees it: a double that does what a Docker Engine does as far as the engine
 * of deploys can tell. Asking the fence and acting are one moment, as nearly as they are for a real one.
 */
export function simTarget(bundle: Bundle, place: Place, deployer: Deployer): DeliveryTarget {
  const { time } = bundle;
  const look = <T>(label: string, act: () => T): Promise<T> => deployer.operation(label, act);
  const change = async <T>(label: string, fence: { assertHeld(): Promise<void> }, act: () => T): Promise<T> => {
    await deployer.operation(label, () => {});
    await fence.assertHeld();
    const done = act();
    await deployer.operation(`${label}, done`, () => {});
    return done;
  };
  const failOn = (
    manifest: Manifest,
    kind: 'verify' | 'infrastructure' | 'prepare' | 'migrate' | 'smoke-throws' | 'database',
    words: string,
  ): void => {
    if (bundle.fault(manifest, kind)) throw new ExternalError({ code: 'SIM_FAULT', message: words });
  };
  const hangs = async (manifest: Manifest, step: string, signal: AbortSignal | undefined): Promise<void> => {
    const fault = bundle.fault(manifest, 'hangs');
    if (fault?.step !== step) return;
    await time.sleep(30 * 24 * 3_600_000, fault.deaf === true ? undefined : signal);
    signal?.throwIfAborted();
  };
  const observed = (service: string): ObservedService => {
    const container = bundle.running(service);
    if (container === undefined) {
      const ended = [...bundle.containers.values()].some((held) => held.service === service && held.state === 'exited');
      return { service, digest: undefined, state: ended ? 'stopped' : 'absent', ready: false, restarts: 0 };
    }
    const ready = bundle.isReady(service);
    return {
      service,
      digest: container.digest,
      state: 'running',
      ready,
      restarts: container.restarts,
      ...(ready ? {} : { detail: 'GET /health/ready: 503' }),
    };
  };
  return {
    place,
    order: ORDER,
    waves: WAVES,
    verify: async (manifest, signal) => {
      await look('verify', () => {});
      await hangs(manifest, 'verify', signal);
      const failed = bundle.fault(manifest, 'verify') !== undefined;
      return [
        {
          name: 'every digest is at the registry',
          status: failed ? 'failed' : 'passed',
          ...(failed && { detail: 'manifest unknown' }),
        },
      ];
    },
    ensureInfrastructure: (manifest, fence) =>
      change('infrastructure', fence, () => {
        failOn(manifest, 'infrastructure', 'the database does not come up');
        bundle.infrastructure = true;
      }),
    prepare: async (manifest, fence, _onProgress, signal) => {
      await hangs(manifest, 'prepare', signal);
      await change('prepare', fence, () => {
        failOn(manifest, 'prepare', 'no space left on device');
        bundle.create(manifest);
      });
    },
    database: async () => {
      await look('database', () => {});
      return simDatabase();
    },
    migrate: async (manifest, fence, signal) => {
      await hangs(manifest, 'migrate', signal);
      return change('migrate', fence, () => {
        failOn(manifest, 'migrate', 'syntax error at or near "TABEL"');
        const before = bundle.database.schema;
        if (manifest.schema_version > before || before === 'none') bundle.database.schema = manifest.schema_version;
        return { applied: bundle.database.schema === before ? [] : [manifest.schema_version] };
      });
    },
    stop: async (services, fence) => {
      await change(`stop ${services.join(',')}`, fence, () => {
        for (const service of services) bundle.stop(service);
      });
      const stubborn = (service: string): boolean => {
        const container = bundle.running(service);
        // One that comes back is gone for the moment that `stop` looks.
        return container !== undefined && !bundle.fault(container.manifest, 'comes-back', service);
      };
      while (services.some(stubborn)) await deployer.clock.sleep(20);
    },
    start: (manifest, service, fence) => change(`start ${service}`, fence, () => bundle.start(manifest, service)),
    probe: (manifest, service) =>
      look(`probe ${service}`, () => {
        if (bundle.fault(manifest, 'probe-throws', service)) throw new Error('connect ECONNREFUSED');
        const container = bundle.containers.get(Bundle.key(manifest, service));
        bundle.settle();
        if (container?.state === 'exited') return { ready: false, detail: 'exited 1 after 0.1 s', final: true };
        return bundle.isReady(service)
          ? { ready: true, detail: 'ready' }
          : { ready: false, detail: '503 {"database":false}' };
      }),
    observe: () =>
      look('observe', () => {
        const services = ORDER.map(observed);
        const digests = new Set(ORDER.flatMap((service) => bundle.running(service)?.manifest.digest ?? []));
        return { manifestDigest: digests.size === 1 ? [...digests][0] : undefined, services };
      }),
    smoke: async (manifest, _onProgress, signal) => {
      await hangs(manifest, 'smoke', signal);
      await deployer.clock.sleep(2_000);
      return look('smoke', () => {
        failOn(manifest, 'smoke-throws', 'the smoke test did not start');
        const failed = bundle.fault(manifest, 'smoke') !== undefined;
        return {
          status: failed ? 'failed' : 'passed',
          checks: [
            {
              name: 'orders are filled',
              status: failed ? 'failed' : 'passed',
              ...(failed && { detail: 'orchestrator answered 500' }),
            },
          ],
        };
      });
    },
    urls: () => Promise.resolve({}),
    token: () => Promise.resolve(undefined),
    logs: (service, lines) =>
      look(`logs ${service}`, () => {
        const latest = [...bundle.containers.values()]
          .filter((held) => held.service === service)
          .sort((a, b) => b.startedAt - a.startedAt)[0];
        return (latest?.log ?? []).slice(-lines);
      }),
    prune: (keep, fence) =>
      change('prune', fence, () => {
        const kept = new Set(keep.map(({ digest }) => digest));
        for (const manifest of new Set([...bundle.containers.values()].map((held) => held.manifest))) {
          if (bundle.fault(manifest, 'prune')) throw new Error('image is in use');
        }
        bundle.settle();
        for (const [key, { manifest, state, service }] of bundle.containers) {
          if (kept.has(manifest.digest)) continue;
          if (state === 'running') bundle.violations.push(`prune removed ${service}, which runs`);
          bundle.containers.delete(key);
        }
        const wanted = new Set(keep.flatMap(({ images = {} }) => Object.values(images).map(imageName)));
        const removed = [...bundle.images].filter((image) => !wanted.has(image));
        for (const image of removed) bundle.images.delete(image);
        return { removed, freedBytes: removed.length };
      }),
    down: ({ volumes }, fence) =>
      change('down', fence, () => {
        bundle.containers.clear();
        bundle.infrastructure = false;
        if (volumes) bundle.database = { schema: 'none', rows: 0 };
      }),
    close: () => Promise.resolve(),
  };
}

function simDatabase(): DatabaseAccess {
  return {
    url: new Secret('postgresql://papergate@sim/papergate'),
    adminUrl: new Secret('postgresql://postgres@sim/postgres'),
    close: () => Promise.resolve(),
  };
}
