import { PapergateError } from '@papergate/config';
import type { RolloutClock } from '../clock.ts';
import { planOf, type RolloutConfig, type RolloutPlan } from '../config.ts';
import type { OrderScope, ScopeApi } from '../scope.ts';
import type { Counter, Facts, Sight } from '../sight.ts';

export const SYMBOLS = ['SPY', 'AAPL', 'MSFT', 'NVDA', 'AMZN'] as const;
export const RELEASE = 'a'.repeat(40);

export const CONFIG: RolloutConfig = {
  stages: [
    { name: 'no-order-flow', orders: 'none', watch_seconds: 60, least_samples: 10 },
    { name: 'share', orders: { share: 0.2 }, watch_seconds: 120, least_samples: 20 },
    { name: 'all', orders: 'all', watch_seconds: 120, least_samples: 20 },
  ],
  sample_every_seconds: 5,
  grace_seconds: 30,
  lease_seconds: 60,
  limits: {
    service_restarts: 0,
    error_log_lines: 2,
    orders_rejected: 0,
    orders_refused: 3,
    orders_unknown: 0,
    reconciliation_differences: 0,
    reconciliations_failed: 1,
    market_staleness_seconds: 30,
    order_latency_p99_ms: 500,
    alert_severities: ['critical'],
  },
};

export const simPlan = (change: Partial<RolloutConfig> = {}): RolloutPlan => planOf({ ...CONFIG, ...change }, SYMBOLS);

/** Time that passes only where somebody sleeps. */
export class SimClock implements RolloutClock {
  #now = 1_000_000;
  /** Called at each step of time. */
  readonly listeners: ((now: number) => void)[] = [];

  now(): number {
    return this.#now;
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const listener of this.listeners) listener(this.#now);
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.pass(ms);
    await Promise.resolve();
    signal?.throwIfAborted();
  }
}

interface StoredScope extends Omit<OrderScope, 'effective' | 'expires_at'> {
  expiresAt: number | null;
}

/** A bundle that is rolled out: it keeps its scope as risk-manager does, and sends an order a second for each symbol. */
export class SimBundle {
  readonly clock: SimClock;
  /** When what was let through, oldest first. */
  readonly flow: { at: number; symbols: string }[] = [];
  release = RELEASE;
  isAway = false;
  scopeIsAway = false;
  notReady: string[] = [];
  tradingState = 'ACTIVE';
  counters: Record<Counter, number> = {
    error_log_lines: 7,
    orders_rejected: 3,
    orders_refused: 1,
    orders_unknown: 2,
    reconciliation_differences: 4,
    reconciliations_failed: 5,
  };
  restarts = 1;
  starts: Record<string, number> = { orchestrator: 100, 'risk-manager': 101 };
  staleness = 1;
  alerts: string[] = [];
  orderSeconds = new Map<number, number>();
  looks = 0;
  sets = 0;
  #stored: StoredScope;

  constructor(clock: SimClock) {
    this.clock = clock;
    const none = { symbols: [], reason: 'no roll-out yet', set_by: 'nobody', expiresAt: null };
    this.#stored = { release: RELEASE, environment: 'production', stage: 'none', ...none };
    clock.listeners.push(() => this.#note());
  }

  /** What it lets through now. */
  get effective(): OrderScope['effective'] {
    const { symbols, expiresAt } = this.#stored;
    return expiresAt !== null && this.clock.now() >= expiresAt ? [] : symbols;
  }

  get stored(): StoredScope {
    return this.#stored;
  }

  #note(): void {
    const symbols = this.effective === 'all' ? 'all' : this.effective.join();
    if (this.flow.at(-1)?.symbols !== symbols) this.flow.push({ at: this.clock.now(), symbols });
  }

  #scope(): OrderScope {
    const { expiresAt, ...rest } = this.#stored;
    const expires = expiresAt === null ? null : new Date(expiresAt).toISOString();
    return { ...rest, release: this.release, expires_at: expires, effective: this.effective };
  }

  readonly scope: ScopeApi = {
    read: () => this.#asked(() => this.#scope()),
    set: (wanted) =>
      this.#asked(() => {
        if (wanted.release !== this.release) {
          throw new PapergateError({ code: 'OTHER_RELEASE', exitCode: 1, message: 'another release runs' });
        }
        this.sets += 1;
        const { ttl_seconds: ttl, symbols, ...rest } = wanted;
        this.#stored = {
          ...rest,
          symbols: symbols === 'all' ? 'all' : [...symbols],
          environment: 'production',
          expiresAt: ttl === undefined ? null : this.clock.now() + ttl * 1000,
        };
        this.#note();
        return this.#scope();
      }),
  };

  #asked(answer: () => OrderScope): Promise<OrderScope> {
    if (this.isAway || this.scopeIsAway) return Promise.reject(new Error('risk-manager does not answer'));
    try {
      return Promise.resolve(answer());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly look = (): Promise<Sight> => {
    this.looks += 1;
    if (this.isAway) return Promise.reject(new Error('the place does not answer'));
    if (this.release !== RELEASE) return Promise.resolve({ lacking: [], foreign: 'another release runs there' });
    const lacking = this.notReady.map((service) => `${service} is not ready`);
    if (this.scopeIsAway) return Promise.resolve({ lacking: [...lacking, 'order scope: no answer'] });
    const facts: Facts = {
      restarts: this.restarts,
      starts: { ...this.starts },
      counters: { ...this.counters },
      staleness: this.staleness,
      orderSeconds: new Map(this.orderSeconds),
      tradingState: this.tradingState,
      scope: this.#scope(),
      alerts: [...this.alerts],
    };
    return Promise.resolve({ lacking, facts });
  };
}
