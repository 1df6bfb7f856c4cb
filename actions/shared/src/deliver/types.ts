import type { Readable, Writable } from 'node:stream';
import type { Environment, Secret } from '@papergate/config';
import type { Check, OnProgress, ServiceUrls, StageResult } from '../evidence/index.ts';
import type { Host, HostResult } from '../host/types.ts';
import type { Manifest } from '../release/manifest.ts';

export type TargetKind = 'process' | 'compose';

/**
 * Where one environment's bundle runs and where the record of it lies: `dir` on `host` holds `lease/`,
 * `journal.jsonl`, `audit.jsonl`, `audit.head`, `history.json`, `releases/`, `secrets/` and `checkpoints/`.
 */
export interface Place {
  kind: TargetKind;
  environment: Exclude<Environment, 'production'> | 'production';
  /** Compose project, for people and for the names of containers, networks and volumes. */
  project: string;
  host: Host;
  dir: string;
}

/** The right to change a place: taken with the lease, lost when somebody else took it over. */
export interface Fence {
  /** Grows with every holder. */
  generation: number;
  /** @throws ExternalError LEASE_LOST; called before every act that changes the place */
  assertHeld(): Promise<void>;
}

/** What is really there, asked of the place and not remembered. */
export interface ObservedService {
  service: string;
  /** `sha256:…` of the image or artifact that runs; undefined where nothing of it is there. */
  digest: string | undefined;
  state: 'running' | 'stopped' | 'absent';
  /** Whether it answers `/health/ready` with 200 and the release's commit. */
  ready: boolean;
  /** Why it is not ready: the probe's own words. */
  detail?: string;
  restarts: number;
}
export interface Observed {
  /** The manifest digest that all running services carry; undefined where they differ or none runs. */
  manifestDigest: string | undefined;
  services: ObservedService[];
}

export interface ProbeResult {
  ready: boolean;
  /** What the service or the engine said, in one line. */
  detail: string;
  /** It cannot become ready any more (it ended and nothing will start it again): waiting on is of no use. */
  final?: boolean;
}

export interface DatabaseAccess {
  /** Owner of the tables. */
  url: Secret;
  /** May create and drop databases. */
  adminUrl: Secret;
  /** Client programs of the server's own version beside it, where there are some; else dumps go over COPY. */
  program?: (
    name: 'pg_dump' | 'pg_restore' | 'psql',
    args: readonly string[],
    io: { stdin?: Readable; stdout?: Writable; signal?: AbortSignal | undefined },
  ) => Promise<HostResult>;
  close(): Promise<void>;
}

export interface PruneResult {
  removed: string[];
  freedBytes: number;
}

/**
 * What the engine needs of a place to move a bundle there; one implementation per kind of target. No method
 * remembers anything between calls but connections: a deployer may be killed at any moment, and the next one goes
 * on from what `observe` and the journal say. All that change something take the fence first. An aborted signal
 * (too late, interrupted, lease lost) ends the work and all that it started before the call rejects.
 */
export interface DeliveryTarget {
  readonly place: Place;
  /** Services in the order in which they start; they stop in reverse. */
  readonly order: readonly string[];
  /**
   * The same services in groups, in the order in which the groups start: those of one group need nothing of each
   * other and start together, once all of the group before are ready; groups stop in reverse. Absent: one by one.
   */
  readonly waves?: readonly (readonly string[])[];
  /** Looks, and changes nothing: engine and versions, every digest at the registry, configuration, disk, ports. */
  verify(manifest: Manifest, signal?: AbortSignal): Promise<Check[]>;
  /** Fetches and lays out all that `start` will need, beside what runs: images by digest, containers, configuration. */
  prepare(manifest: Manifest, fence: Fence, onProgress: OnProgress, signal?: AbortSignal): Promise<void>;
  /** Database, networks, volumes, monitoring: there and healthy, without touching services. */
  ensureInfrastructure(manifest: Manifest, fence: Fence, onProgress: OnProgress, signal?: AbortSignal): Promise<void>;
  database(): Promise<DatabaseAccess>;
  /** Brings the database to the manifest's schema with that release's own migrations. Expand-only, so the old release goes on meanwhile. */
  migrate(manifest: Manifest, fence: Fence, signal?: AbortSignal): Promise<{ applied: string[] }>;
  /** Drains and stops these services (SIGTERM, their own patience, SIGKILL) and returns when they are gone. Idempotent. */
  stop(services: readonly string[], fence: Fence): Promise<void>;
  /** Starts one service of a prepared release; does not wait for readiness. Idempotent. */
  start(manifest: Manifest, service: string, fence: Fence): Promise<void>;
  /** One look at a service. */
  probe(manifest: Manifest, service: string): Promise<ProbeResult>;
  observe(): Promise<Observed>;
  smoke(manifest: Manifest, onProgress: OnProgress, signal?: AbortSignal): Promise<StageResult>;
  /** Base URLs that this process can reach (tunnels where the host is remote). */
  urls(manifest: Manifest): Promise<ServiceUrls>;
  /** Bearer token of the services, where they want one. */
  token(): Promise<Secret | undefined>;
  /** Last lines of a service's log, oldest first, redacted; also of one that has ended. */
  logs(service: string, lines: number): Promise<string[]>;
  /** Removes images, containers and files of all releases but these. */
  prune(keep: readonly Manifest[], fence: Fence): Promise<PruneResult>;
  /** Takes everything down; with `volumes` the database too. */
  down(options: { volumes: boolean }, fence: Fence): Promise<void>;
  close(): Promise<void>;
}
