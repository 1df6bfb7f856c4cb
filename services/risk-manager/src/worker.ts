import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import {
  createSubscriber,
  type Bus,
  type BusEndpoint,
  type BusSubscriber,
  type Envelope,
  type Pool,
  type ServiceClient,
} from '@papergate/service-kit';
import type { Traffic } from './check/traffic.ts';
import type { Breaker } from './breaker/breaker.ts';
import type { LossStreak } from './breaker/streaks.ts';
import type { EquityWatch } from './equity/equity.ts';
import type { Exposure } from './exposure/exposure.ts';
import type { Instruments } from './instruments.ts';
import type { Monitor } from './monitor.ts';
import type { Protection } from './protection/protection.ts';
import type { OrderScope } from './scope/scope.ts';
import type { RiskSettings } from './settings.ts';
import { loadClosedTrades } from './sync/closed-trades.ts';
import type { MarketFeed } from './sync/market-feed.ts';
import type { OrderFeed } from './sync/order-feed.ts';
import { loadRecentOrders } from './sync/recent-orders.ts';

export interface WorkerOptions {
  breaker: Breaker;
  orders: OrderFeed;
  equity: EquityWatch;
  market: MarketFeed;
  monitor: Monitor;
  protection: Protection;
  streak: LossStreak;
  exposure: Exposure;
  scope: OrderScope;
  traffic: Traffic;
  pool: Pool;
  marketData: Pick<ServiceClient, 'get'>;
  endpoints: { marketData: BusEndpoint; engine: BusEndpoint };
  bus: Bus;
  instruments: Instruments;
  logger: Logger;
  settings: RiskSettings;
  monitorMs: number;
  day: (ms: number) => string;
  now: () => number;
}

/** Rates and repeats look no further back (`duplicate_window_ms` is a minute at most). */
const LONGEST_WINDOW_MS = 60_000;

/** What runs by itself: listening to the bus, comparing with the database, asking for the equity, watching the marks. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #jobs = new Set<Promise<void>>();
  readonly #subscribers: BusSubscriber[] = [];
  readonly #sequence = new Map<string, { epoch: string; seq: number }>();
  #closed = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  start(): void {
    const { bus, endpoints, equity, market, marketData, monitor, monitorMs, orders, protection, settings, logger } =
      this.#options;
    this.#subscribers.push(
      createSubscriber({
        endpoints: [endpoints.marketData],
        bus,
        topics: ['tick', 'heartbeat'],
        // Ticks that were missed are not fetched: the next one marks anew.
        onMessage: (topic, message) => market.take(topic, message),
        onError: (error) => logger.warn({ reason: String(error) }, 'a tick cannot be read'),
      }),
      createSubscriber({
        endpoints: [endpoints.engine],
        bus,
        topics: ['order', 'fill', 'heartbeat'],
        onMessage: (topic, message) => this.#takeOrderMessage(topic, message),
        onGap: (gap) => logger.warn({ gap }, 'messages of the order path were lost; reading the database'),
        onError: (error) => logger.warn({ reason: String(error) }, 'a message of the order path cannot be read'),
      }),
    );
    this.#every(
      () => (orders.synced ? settings.syncIntervalMs : settings.firstSyncRetryMs),
      () => this.#sync(),
    );
    this.#every(
      () => (equity.askedAt === undefined ? settings.firstEquityRetryMs : settings.equityIntervalMs),
      () => equity.refresh(),
    );
    this.#every(
      () => settings.scopeIntervalMs,
      () => this.#watchScope(),
    );
    this.#every(
      () => monitorMs,
      async () => {
        monitor.run();
        await protection.run();
      },
    );
    this.#track(market.readSnapshot(marketData).catch(() => undefined));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#subscribers.map((subscriber) => subscriber.close()));
    await Promise.all(this.#jobs);
  }

  /**
   * The heartbeat tells the numbers of the last messages: what never arrived is noticed even if nothing follows
   * it, and so is what was published before this process was connected.
   */
  #takeOrderMessage(topic: string, message: Envelope<unknown>): void {
    if (topic === 'heartbeat') {
      const { n, fills } = message.data as { n: number; fills?: number };
      if (this.#missed('order', message.epoch, n) || this.#missed('fill', message.epoch, fills ?? 0)) this.#syncSoon();
      return;
    }
    if (this.#missed(topic, message.epoch, message.seq - 1)) this.#syncSoon();
    this.#sequence.set(topic, { epoch: message.epoch, seq: message.seq });
    this.#options.orders.take(topic, message);
  }

  /** Whether messages up to this number were published of which some did not come. They count as seen from now on. */
  #missed(topic: string, epoch: string, upTo: number): boolean {
    const known = this.#sequence.get(topic);
    const seen = known?.epoch === epoch ? known.seq : 0;
    if (upTo <= seen) return false;
    this.#sequence.set(topic, { epoch, seq: upTo });
    return true;
  }

  async #sync(): Promise<void> {
    const { breaker, exposure, instruments, logger, now, orders, pool, streak, traffic } = this.#options;
    const first = !orders.synced;
    try {
      if (breaker.state === undefined) await breaker.load();
      await orders.sync();
      if (first) {
        traffic.restore(await loadRecentOrders(pool, now() - LONGEST_WINDOW_MS));
        const positions = new Map([...exposure.symbols].map(([symbol, { quantity }]) => [symbol, quantity]));
        streak.replay(await loadClosedTrades(pool), positions);
      }
      instruments.syncs.inc({ result: 'ok' });
    } catch (error) {
      instruments.syncs.inc({ result: 'failed' });
      logger.warn(
        { reason: messageOf(error) },
        'positions and open orders cannot be read from the database, trying again',
      );
    }
  }

  async #watchScope(): Promise<void> {
    const { logger, scope } = this.#options;
    if (scope.known) scope.tick();
    else {
      await scope
        .load()
        .catch((error: unknown) =>
          logger.warn({ reason: messageOf(error) }, 'the stored order scope cannot be read, trying again'),
        );
    }
  }

  #syncSoon(): void {
    if (!this.#closed) this.#track(this.#sync());
  }

  #every(ms: () => number, work: () => Promise<void>): void {
    const run = async (): Promise<void> => {
      await work().catch((error: unknown) =>
        this.#options.logger.error({ reason: messageOf(error) }, 'a regular task failed'),
      );
      if (this.#closed) return;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#track(run());
      }, ms());
      this.#timers.add(timer);
    };
    this.#track(run());
  }

  #track(job: Promise<void>): void {
    this.#jobs.add(job);
    void job.finally(() => this.#jobs.delete(job));
  }
}
