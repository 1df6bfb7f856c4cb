import type { ServiceName } from '@papergate/config';
import type { Activity } from '../collectors/activity.ts';
import type { ServiceCollector } from '../collectors/services.ts';
import type { LiveHub } from '../live/hub.ts';
import type { KnownTradingState } from '../system/routes.ts';
import type { History, Sample } from './history.ts';
import { Sampler } from './percentiles.ts';

export interface PulseOptions {
  history: History;
  live: LiveHub;
  activity: Activity;
  services: Pick<ServiceCollector, 'health' | 'orderLatency'>;
  trading: () => KnownTradingState;
  held: () => number;
  /** Profit and loss of today; undefined where it cannot be learned. */
  pnl: () => Promise<{ realized_pnl: string; unrealized_pnl: string | null } | undefined>;
  now?: () => number;
}

/** What is observed between two beats, and the beat that makes a sample of it for the history and the live stream. */
export class Pulse {
  readonly tickLatency = new Sampler();
  readonly writeLatency = new Sampler();
  /** µs since 1970 at which market-data got the tick that was stored last. */
  lastStored: number | undefined;
  ticks = 0;
  #before = { orders: 0, fills: 0, signals: 0 };
  #at: number;
  readonly #options: PulseOptions;
  readonly #now: () => number;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#at = this.#now();
  }

  /** To be called once a second. */
  async beat(): Promise<Sample> {
    const { history, live, activity, services, trading, held } = this.#options;
    const pnl = await this.#options.pnl();
    const now = this.#now();
    // A beat that comes late has counted for longer.
    const seconds = Math.max(0.001, (now - this.#at) / 1000);
    const rate = (count: number): number => Math.round((count / seconds) * 10) / 10;
    const counts = activity.counts;
    const sample: Sample = {
      at: new Date(now).toISOString(),
      ticks_per_second: rate(this.ticks),
      orders_per_second: rate(counts.orders - this.#before.orders),
      fills_per_second: rate(counts.fills - this.#before.fills),
      signals_per_second: rate(counts.signals - this.#before.signals),
      realized_pnl: pnl?.realized_pnl ?? null,
      unrealized_pnl: pnl?.unrealized_pnl ?? null,
      tick_latency_ms: this.tickLatency.take(),
      order_latency_ms: services.orderLatency ?? null,
      write_latency_ms: this.writeLatency.take(),
      storage_held: held(),
      storage_lag_ms: this.lastStored === undefined ? null : Math.max(0, Math.round(now - this.lastStored / 1000)),
    };
    this.ticks = 0;
    this.#before = counts;
    this.#at = now;
    history.add(sample);
    live.broadcast(this.message(sample, services.health, trading()));
    return sample;
  }

  /** The live stream's message for a sample. */
  message(
    sample: Sample,
    health: ReadonlyMap<ServiceName, { ready: boolean }>,
    trading: KnownTradingState,
  ): Record<string, unknown> {
    return {
      type: 'metrics',
      ...sample,
      trading,
      services: Object.fromEntries([...health].map(([name, { ready }]) => [name, ready])),
    };
  }
}
