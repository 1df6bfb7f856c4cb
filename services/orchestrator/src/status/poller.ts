import type { ServiceName } from '@papergate/config';
import { whyOf, type Upstream } from '../upstream/upstream.ts';

export interface ServiceStatus {
  url: string;
  /** `/health` answered 200. */
  alive: boolean;
  /** `/health/ready` answered 200. */
  ready: boolean;
  /** Round trip of `/health`, ms; null where there was none. */
  latency_ms: number | null;
  /** The commit that runs, as the service says; null while unknown. */
  release: string | null;
  uptime_seconds: number | null;
  checks: Record<string, { ok: boolean; detail?: string }>;
  /** Why it is not alive, or not ready; null when all is well. */
  problem: string | null;
  checked_at: string;
}

export interface StatusPoller {
  start(): void;
  /**
   * Asks nobody any more. What is under way is not waited for: a sibling that has just gone takes seconds not to
   * answer, and the front door would take no orders meanwhile. It ends with the upstreams' connections.
   */
  stop(): void;
  /** Asks all anew, unless it was done a moment ago. */
  refresh(maxAgeMs?: number): Promise<void>;
  readonly services: ReadonlyMap<ServiceName, ServiceStatus>;
}

export interface StatusPollerOptions {
  upstreams: Upstream[];
  intervalMs?: number;
  timeoutMs?: number;
  onRound?: () => Promise<void>;
  onStatus?: (service: ServiceName, status: ServiceStatus) => void;
  now?: () => number;
}

/** A bundle that starts is ready within seconds; who waits for the rest of one waits for this poller too. */
const STARTING_MS = 10_000;
const STARTING_INTERVAL_MS = 100;

/**
 * Asks every sibling for its health, once a second and on demand, and ten times as often at first, until all are alive.
 * One slow service holds nobody else up.
 */
export function createStatusPoller(options: StatusPollerOptions): StatusPoller {
  const { upstreams, intervalMs = 1_000, timeoutMs = 2_000, now = Date.now } = options;
  const services = new Map<ServiceName, ServiceStatus>();
  let round: Promise<void> | undefined;
  let finishedAt = -Infinity;
  let startedAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function ask(): Promise<void> {
    await Promise.all([
      ...upstreams.map(async (upstream) => {
        const status = await askOne(upstream, timeoutMs, now);
        services.set(upstream.service, status);
        options.onStatus?.(upstream.service, status);
      }),
      options.onRound?.(),
    ]);
    finishedAt = now();
  }

  function refresh(maxAgeMs = 0): Promise<void> {
    if (now() - finishedAt < maxAgeMs) return Promise.resolve();
    round ??= ask().finally(() => {
      round = undefined;
    });
    return round;
  }

  function next(): void {
    if (stopped) return;
    const starting =
      now() - startedAt < STARTING_MS && upstreams.some(({ service }) => services.get(service)?.alive !== true);
    timer = setTimeout(
      () => void refresh().finally(next),
      starting ? Math.min(intervalMs, STARTING_INTERVAL_MS) : intervalMs,
    );
  }

  return {
    services,
    refresh,
    start: () => {
      startedAt = now();
      void refresh().finally(next);
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function askOne(upstream: Upstream, timeoutMs: number, now: () => number): Promise<ServiceStatus> {
  const status: ServiceStatus = {
    url: upstream.url,
    alive: false,
    ready: false,
    latency_ms: null,
    release: null,
    uptime_seconds: null,
    checks: {},
    problem: null,
    checked_at: new Date(now()).toISOString(),
  };
  try {
    const startedAt = performance.now();
    const health = await upstream.call({ method: 'GET', path: '/health', timeoutMs });
    status.latency_ms = Math.round((performance.now() - startedAt) * 100) / 100;
    const facts = (health.json ?? {}) as { status?: unknown; release?: unknown; uptime_seconds?: unknown };
    if (health.status !== 200 || facts.status !== 'healthy') {
      return {
        ...status,
        problem: `/health answered ${health.status}${health.json === undefined ? ' and no JSON' : ''}`,
      };
    }
    status.alive = true;
    status.release = typeof facts.release === 'string' ? facts.release : null;
    status.uptime_seconds = typeof facts.uptime_seconds === 'number' ? facts.uptime_seconds : null;

    const ready = await upstream.call({ method: 'GET', path: '/health/ready', timeoutMs });
    const report = (ready.json ?? {}) as {
      ready?: unknown;
      checks?: ServiceStatus['checks'];
      collectors?: ServiceStatus['checks'];
    };
    status.checks = report.checks ?? report.collectors ?? {};
    status.ready = ready.status === 200 && report.ready === true;
    if (!status.ready) status.problem = whyNotReady(ready.status, status.checks);
  } catch (error) {
    status.problem = whyOf(error);
  }
  return status;
}

function whyNotReady(status: number, checks: ServiceStatus['checks']): string {
  const failed = Object.entries(checks).filter(([, check]) => !check.ok);
  if (failed.length === 0) return `/health/ready answered ${status}`;
  return failed.map(([name, { detail }]) => `${name}: ${detail ?? 'not ok'}`).join('; ');
}
