import { createHash } from 'node:crypto';
import { imageName, sealManifest, type Manifest } from '../../release/manifest.ts';
import { shortDigest } from '../place.ts';
import type { SimTime } from './time.ts';

export const WAVES = [
  ['market-data'],
  ['signal-bridge', 'risk-manager'],
  ['execution-engine'],
  ['orchestrator'],
  ['observability-api', 'dashboard'],
] as const;
export const ORDER: readonly string[] = WAVES.flat();

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** The n-th release. Some of its images are those of the release before, as in real life. */
export function simManifest(n: number, { schema = '0001_init' }: { schema?: string } = {}): Manifest {
  const commit = createHash('sha1').update(`commit ${n}`).digest('hex');
  const digest = (service: string): string =>
    sha256(service === 'dashboard' ? 'dashboard, never changed' : `${service} ${n}`);
  return sealManifest({
    commit,
    services: Object.fromEntries(
      ORDER.map((name) => [name, { entry: `services/${name}/src/main.ts`, digest: digest(`files of ${name}`) }]),
    ),
    config_digest: sha256(`config ${n}`),
    lockfile_digest: sha256('lock'),
    schema_version: schema,
    images: Object.fromEntries(
      ORDER.map((name) => [name, { repository: `registry.sim/ns/${name}`, digest: digest(name) }]),
    ),
  });
}

/** What is wrong with a release. */
export type Fault =
  | {
      kind:
        | 'verify'
        | 'infrastructure'
        | 'prepare'
        | 'checkpoint'
        | 'mismatch'
        | 'migrate'
        | 'smoke'
        | 'smoke-throws'
        | 'prune'
        | 'database';
    }
  /** A step that never returns by itself, whether or not it listens to its signal. */
  | { kind: 'hangs'; step: 'verify' | 'prepare' | 'migrate' | 'smoke'; deaf?: boolean }
  | {
      kind:
        | 'start'
        | 'dies'
        | 'never-ready'
        | 'dies-later'
        | 'restarts'
        | 'wrong-image'
        | 'will-not-stop'
        | 'comes-back'
        | 'probe-throws';
      service: string;
    };

export interface Container {
  manifest: Manifest;
  service: string;
  digest: string;
  state: 'created' | 'running' | 'exited';
  startedAt: number;
  stopAt?: number;
  restarts: number;
  log: string[];
}

const BOOT_MS = 300;
const STOP_MS = 60;

/** An engine with containers, and a database: what survives its deployers. Things happen there by themselves. */
export class Bundle {
  readonly containers = new Map<string, Container>();
  readonly images = new Set<string>();
  readonly faults = new Map<string, Fault[]>();
  infrastructure = false;
  /** Rows stand for what clients were promised to be kept. */
  database = { schema: 'none', rows: 0 };
  readonly checkpoints = new Map<string, { schema: string; rows: number; takenAt: string }>();
  /** What a restore set aside, by run. */
  readonly aside = new Map<string, { schema: string; rows: number }>();
  /** What must never be; empty in every honest run. */
  readonly violations: string[] = [];
  mostWriters = 0;
  readonly time: SimTime;

  constructor(time: SimTime) {
    this.time = time;
  }

  fault<K extends Fault['kind']>(
    { digest }: Manifest,
    kind: K,
    service?: string,
  ): Extract<Fault, { kind: K }> | undefined {
    const found = (this.faults.get(digest) ?? []).find(
      (fault) => fault.kind === kind && (service === undefined || ('service' in fault && fault.service === service)),
    );
    return found as Extract<Fault, { kind: K }> | undefined;
  }

  /** Becomes a copy of another one. */
  take(other: Bundle): void {
    for (const [key, container] of other.containers) {
      this.containers.set(key, { ...container, log: [...container.log] });
    }
    for (const image of other.images) this.images.add(image);
    for (const [digest, faults] of other.faults) this.faults.set(digest, faults);
    for (const [id, checkpoint] of other.checkpoints) this.checkpoints.set(id, { ...checkpoint });
    for (const [run, aside] of other.aside) this.aside.set(run, { ...aside });
    this.infrastructure = other.infrastructure;
    this.database = { ...other.database };
    this.violations.push(...other.violations);
    this.mostWriters = other.mostWriters;
  }

  static key = ({ digest }: Manifest, service: string): string => `${shortDigest(digest)}/${service}`;

  /** Brings the containers to the present: what was told to stop has stopped, what dies has died. */
  settle(): void {
    const { now } = this.time;
    for (const container of this.containers.values()) {
      const { manifest, service } = container;
      if (container.state !== 'running') continue;
      if (container.stopAt !== undefined && now >= container.stopAt) container.state = 'exited';
      const lived = now - container.startedAt;
      if (this.fault(manifest, 'dies', service) && lived >= 100) this.#die(container);
      if (this.fault(manifest, 'dies-later', service) && lived >= 5 * BOOT_MS) this.#die(container);
      if (this.fault(manifest, 'restarts', service)) container.restarts = 2;
    }
    const writers = [...this.containers.values()].filter(
      ({ service, state }) => service === 'execution-engine' && state === 'running',
    );
    this.mostWriters = Math.max(this.mostWriters, writers.length);
  }

  #die(container: Container): void {
    container.state = 'exited';
    container.log.push(`{"level":"fatal","msg":"${container.service} cannot go on"}`);
  }

  /** The container of a service that runs, whichever release's it is. */
  running(service: string): Container | undefined {
    this.settle();
    return [...this.containers.values()].find((held) => held.service === service && held.state === 'running');
  }

  create(manifest: Manifest): void {
    for (const service of ORDER) {
      const image = manifest.images?.[service];
      if (image === undefined) throw new Error(`no image of ${service}`);
      this.images.add(imageName(image));
      const key = Bundle.key(manifest, service);
      const digest = this.fault(manifest, 'wrong-image', service) ? sha256('something else') : image.digest;
      if (!this.containers.has(key)) {
        this.containers.set(key, { manifest, service, digest, state: 'created', startedAt: 0, restarts: 0, log: [] });
      }
    }
  }

  start(manifest: Manifest, service: string): void {
    const container = this.containers.get(Bundle.key(manifest, service));
    if (container === undefined) throw new Error(`No such container: ${service} of ${shortDigest(manifest.digest)}`);
    if (this.fault(manifest, 'start', service)) throw new Error(`exec /usr/local/bin/node: exec format error`);
    this.settle();
    if (container.state === 'running') return;
    const other = this.running(service);
    if (other !== undefined) {
      this.violations.push(`${service} was started while ${shortDigest(other.manifest.digest)} still ran it`);
    }
    for (const wave of WAVES) {
      if ((wave as readonly string[]).includes(service)) break;
      const behind = wave.filter((before) => !this.#hasBeenReady(manifest, before));
      if (behind.length > 0) this.violations.push(`${service} was started before ${behind.join(', ')} were ready`);
    }
    Object.assign(container, { state: 'running', startedAt: this.time.now, restarts: 0 });
    delete container.stopAt;
    container.log.push(`{"level":"info","msg":"${service} starts","commit":"${manifest.commit.slice(0, 7)}"}`);
    this.settle();
  }

  #hasBeenReady(manifest: Manifest, service: string): boolean {
    const container = this.containers.get(Bundle.key(manifest, service));
    return container !== undefined && container.state !== 'created' && this.time.now - container.startedAt >= BOOT_MS;
  }

  /** Tells it to stop; it drains and is gone a little later. */
  stop(service: string): void {
    for (const container of this.containers.values()) {
      if (container.service !== service || container.state !== 'running') continue;
      if (this.fault(container.manifest, 'will-not-stop', service)) continue;
      if (this.fault(container.manifest, 'comes-back', service)) continue;
      container.stopAt ??= this.time.now + STOP_MS;
    }
  }

  isReady(service: string): boolean {
    const container = this.running(service);
    return (
      container !== undefined &&
      this.infrastructure &&
      this.time.now - container.startedAt >= BOOT_MS &&
      this.database.schema >= container.manifest.schema_version &&
      !this.fault(container.manifest, 'never-ready', service)
    );
  }

  /** Whether all services run exactly this release and are ready; `undefined`: none runs at all. */
  isExactly(manifest: Manifest | undefined): boolean {
    return ORDER.every((service) => {
      const container = this.running(service);
      if (manifest === undefined) return container === undefined;
      return (
        container?.manifest.digest === manifest.digest &&
        container.digest === manifest.images?.[service]?.digest &&
        this.isReady(service)
      );
    });
  }
}
