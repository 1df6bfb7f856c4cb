import { messageOf, type ServiceName } from '@papergate/config';
import type { ServiceClient } from '@papergate/service-kit';
import { buckets, parseMetrics, quantileBetween, total, type Sample } from './prometheus.ts';

export interface ServiceHealth {
  ready: boolean;
  checks: Record<string, { ok: boolean; detail?: string }>;
  problem: string | null;
  checked_at: string;
}

/** What a service tells of itself in `/metrics`. null while it is not known. */
export interface ServiceUsage {
  cpu_percent: number | null;
  memory_bytes: number | null;
  heap_bytes: number | null;
  event_loop_lag_p99_ms: number | null;
  scraped_at: string;
}

export interface OrderLatency {
  p50: number;
  p95: number;
  p99: number;
}

export interface ServiceCollector {
  start(): void;
  stop(): Promise<void>;
  readonly health: ReadonlyMap<ServiceName, ServiceHealth>;
  readonly usage: ReadonlyMap<ServiceName, ServiceUsage>;
  /** ms at the front door between the last two scrapes; undefined where there was no order. */
  readonly orderLatency: OrderLatency | undefined;
  pollHealth(): Promise<void>;
  scrape(): Promise<void>;
}

export interface ServiceCollectorOptions {
  clients: ReadonlyMap<ServiceName, ServiceClient>;
  healthMs?: number;
  scrapeMs?: number;
  onHealth?: (service: ServiceName, ready: boolean) => void;
  now?: () => number;
}

const ORDER_HISTOGRAM = 'papergate_front_door_order_seconds';

/** Asks every service for readiness and metrics, for ever. A dead service is a fact, not an error. */
export function createServiceCollector(options: ServiceCollectorOptions): ServiceCollector {
  const { clients, healthMs = 1_000, scrapeMs = 5_000, now = Date.now } = options;
  const health = new Map<ServiceName, ServiceHealth>();
  const usage = new Map<ServiceName, ServiceUsage>();
  const cpu = new Map<ServiceName, { seconds: number; at: number }>();
  let orders: ReadonlyMap<number, number> | undefined;
  let orderLatency: OrderLatency | undefined;
  const loops: { stop: () => void; done: () => Promise<void> }[] = [];

  async function pollHealth(): Promise<void> {
    await Promise.all(
      [...clients].map(async ([service, client]) => {
        const found = await askHealth(client, now);
        health.set(service, found);
        options.onHealth?.(service, found.ready);
      }),
    );
  }

  async function scrape(): Promise<void> {
    await Promise.all(
      [...clients].map(async ([service, client]) => {
        try {
          const { status, body } = await client.get('/metrics', { timeoutMs: 3_000 });
          if (status !== 200 || typeof body !== 'string') throw new Error(`/metrics answered ${status}`);
          const samples = parseMetrics(body);
          usage.set(service, readUsage(service, samples));
          if (service === 'orchestrator') readOrders(samples);
        } catch {
          usage.delete(service);
          cpu.delete(service);
        }
      }),
    );
  }

  function readUsage(service: ServiceName, samples: readonly Sample[]): ServiceUsage {
    const seconds = total(samples, 'papergate_process_cpu_seconds_total');
    const before = cpu.get(service);
    const at = now();
    if (seconds !== undefined) cpu.set(service, { seconds, at });
    const spent = seconds === undefined || before === undefined ? undefined : seconds - before.seconds;
    const lag = total(samples, 'papergate_nodejs_eventloop_lag_p99_seconds');
    return {
      // A counter that went back is a service that started anew: nothing can be said of this stretch.
      cpu_percent: spent === undefined || spent < 0 ? null : round((spent / ((at - before!.at) / 1000)) * 100),
      memory_bytes: total(samples, 'papergate_process_resident_memory_bytes') ?? null,
      heap_bytes: total(samples, 'papergate_nodejs_heap_size_used_bytes') ?? null,
      event_loop_lag_p99_ms: lag === undefined ? null : round(lag * 1000),
      scraped_at: new Date(at).toISOString(),
    };
  }

  function readOrders(samples: readonly Sample[]): void {
    const after = buckets(samples, ORDER_HISTOGRAM);
    const ms = (quantile: number): number | undefined => {
      const seconds = orders === undefined ? undefined : quantileBetween(orders, after, quantile);
      return seconds === undefined ? undefined : round(seconds * 1000);
    };
    const [p50, p95, p99] = [ms(0.5), ms(0.95), ms(0.99)];
    orderLatency = p50 === undefined || p95 === undefined || p99 === undefined ? undefined : { p50, p95, p99 };
    orders = after;
  }

  return {
    health,
    usage,
    get orderLatency() {
      return orderLatency;
    },
    pollHealth,
    scrape,
    start() {
      loops.push(repeat(pollHealth, healthMs), repeat(scrape, scrapeMs));
    },
    async stop() {
      for (const loop of loops) loop.stop();
      await Promise.all(loops.map((loop) => loop.done()));
    },
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

async function askHealth(client: ServiceClient, now: () => number): Promise<ServiceHealth> {
  const checkedAt = new Date(now()).toISOString();
  try {
    const { status, body } = await client.get('/health/ready', { timeoutMs: 2_000 });
    const report = (typeof body === 'object' && body !== null ? body : {}) as {
      ready?: unknown;
      checks?: ServiceHealth['checks'];
      collectors?: ServiceHealth['checks'];
    };
    const checks = report.checks ?? report.collectors ?? {};
    const ready = status === 200 && report.ready === true;
    const failed = Object.entries(checks).filter(([, check]) => !check.ok);
    const why = failed.map(([name, { detail }]) => `${name}: ${detail ?? 'not ok'}`).join('; ');
    const problem = ready ? null : why === '' ? `/health/ready answered ${status}` : why;
    return { ready, checks, problem, checked_at: checkedAt };
  } catch (error) {
    return { ready: false, checks: {}, problem: messageOf(error), checked_at: checkedAt };
  }
}

/** Runs `work` again and again, `ms` after it ended; one at a time. */
export function repeat(work: () => Promise<void>, ms: number): { stop: () => void; done: () => Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  const once = async (): Promise<void> => {
    await work().catch(() => undefined);
    if (!stopped) timer = setTimeout(next, ms);
  };
  const next = (): void => {
    running = once();
  };
  next();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
    done: () => running,
  };
}
