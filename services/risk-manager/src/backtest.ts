import type { RiskLimits } from '@papergate/config';
import {
  createMetrics,
  type Envelope,
  type Fill,
  type OrderView,
  type RiskOrder,
  type RiskVerdict,
  type Tick,
  type TradingState,
} from '@papergate/service-kit';
import { Breaker } from './breaker/breaker.ts';
import { BreakerRules } from './breaker/rules.ts';
import { LossStreak } from './breaker/streaks.ts';
import { createHandler } from './check/handler.ts';
import { Traffic } from './check/traffic.ts';
import { EquityWatch, type EquityDay } from './equity/equity.ts';
import type { RiskEvent } from './events/recorder.ts';
import { Exposure } from './exposure/exposure.ts';
import { createInstruments } from './instruments.ts';
import { compileLimits } from './limits/compile.ts';
import { createZone } from './limits/zone.ts';
import { Monitor } from './monitor.ts';
import { Protection } from './protection/protection.ts';
import { RISK_SETTINGS } from './settings.ts';
import { hasEnded, OrderFeed } from './sync/order-feed.ts';
import type { Period } from './sync/period.ts';
import type { Snapshot } from './sync/snapshot.ts';
import { attos, nanos } from './units.ts';

export type { Fill, OrderView, RiskEvent, RiskOrder, RiskVerdict, Tick };

/** What execution-engine would have in the database. Days are New York's, `YYYY-MM-DD`; amounts decimal text. */
export interface BacktestBooks {
  positions(): { symbol: string; quantity: string; avg_entry_price: string; opened_at: string }[];
  /** Orders that are open. */
  orders(): OrderView[];
  hasEnded(clientOrderId: string): boolean;
  /** What fills of this day and later realized. */
  realizedSince(day: string): string;
  /** Orders that were filled on this day, by client_order_id. */
  traded(day: string): string[];
  /** Every fill's id. */
  executions(): string[];
}

export interface BacktestRiskOptions {
  limits: RiskLimits;
  /** ms since 1970, of the ticks. */
  now: () => number;
  /** What the database would say. */
  books: BacktestBooks;
  /** What execution-engine's `GET /account` would answer. */
  account: () => unknown;
  /** An order that closes a position at its stop or target, as execution-engine's `POST /orders` takes it; the answer's status. */
  place: (body: Record<string, string>) => number;
  onEvent: (event: RiskEvent) => void;
}

/**
 * The risk-manager without its bus, its database and its own clock: what decides over an order, keeps the exposure, trips
 * the breaker and closes positions is the service's own, wired as `build.ts` wires it.
 */
export function createBacktestRisk(options: BacktestRiskOptions) {
  const { now } = options;
  const limits = compileLimits(options.limits);
  const zone = createZone('America/New_York');
  const instruments = createInstruments(createMetrics('risk-manager', { runtime: false }));
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const recorder = { record: options.onEvent };

  const exposure = new Exposure();
  exposure.widestSpread = options.limits.order_validation.max_spread_percent / 100;
  const traffic = new Traffic(limits.order);
  const rules = new BreakerRules(limits);
  const streak = new LossStreak((length) => {
    exposure.lossStreak = length;
  });
  const active = { state: 'ACTIVE' as TradingState, reason: 'the backtest begins', code: null, held: false, since: 0 };
  const breaker = new Breaker({
    store: { load: () => Promise.resolve(active), save: () => Promise.resolve() },
    recorder,
    logger: silent,
    cooldownSeconds: limits.breaker.cooldown_seconds,
    autoResume: limits.breaker.enabled && limits.breaker.auto_resume,
    onState: (state) => {
      exposure.state = state?.state;
      exposure.stateReason = state?.reason ?? '';
    },
    onTrip: () => undefined,
    now,
  });
  const monitor = new Monitor({
    exposure,
    limits,
    breaker,
    rules,
    // Ticks are all there is, and they are there: a gap in them is a quiet market, which each order's own price tells.
    feed: () => ({ lastSeen: now(), disconnectedSince: undefined }),
    recorder,
    instruments,
    now,
  });
  const protection = new Protection({
    exposure,
    limits,
    engine: {
      // Nothing is canceled here: what is in the way of a protective order keeps it back for the retry time, no longer.
      get: () => Promise.resolve({ status: 200, body: { orders: [] }, headers: new Headers() }),
      send: (_method, _path, body) => {
        return Promise.resolve({
          status: options.place(body as Record<string, string>),
          body: {},
          headers: new Headers(),
        });
      },
    },
    store: { load: () => Promise.resolve([]), save: () => Promise.resolve() },
    logger: silent,
    retryMs: RISK_SETTINGS.protectionRetryMs,
    onPlaced: () => undefined,
    now,
  });
  const orders = new OrderFeed({
    exposure,
    load: (period, reserved) => Promise.resolve(snapshotOf(options.books, period, reserved)),
    zone,
    onFill: (fill, realized) => {
      streak.addFill(fill, realized);
      monitor.run();
    },
    onOrder: (order) => {
      if (order.status === 'rejected') rules.rejected(now());
      if (hasEnded(order) && nanos(order.filled_quantity) === 0n) traffic.forget(order.client_order_id);
    },
    onSynced: () => undefined,
    logger: silent,
    now,
  });
  let day: EquityDay | undefined;
  const equity = new EquityWatch({
    engine: { get: () => Promise.resolve({ status: 200, body: options.account(), headers: new Headers() }) },
    store: {
      latest: () => Promise.resolve(day),
      save: (saved) => {
        day = saved;
        return Promise.resolve();
      },
    },
    exposure,
    day: zone.day,
    logger: silent,
    now,
    lagMs: 0,
  });
  const handle = createHandler({
    exposure,
    limits,
    traffic,
    scope: { refusal: () => undefined },
    rules,
    recorder,
    instruments,
    since: () => '',
    now,
  });
  const envelope = (data: unknown): Envelope<unknown> => ({ src: 'backtest', epoch: 'backtest', seq: 0, ts: 0, data });

  return {
    /** Between two looks at marks, limits and positions, ms. */
    monitorMs: limits.monitoring.intervalMs,
    /** Between two looks at the account, ms. */
    accountMs: RISK_SETTINGS.equityIntervalMs,
    async start(): Promise<void> {
      await breaker.load();
      await orders.sync();
      await equity.refresh();
    },
    mark: (tick: Tick): void => exposure.mark(tick, now(), limits.breaker.max_stale_data_ms),
    check: (order: RiskOrder): RiskVerdict => handle({ type: 'check', order }) as RiskVerdict,
    order: (order: OrderView): void => orders.take('order', envelope(order)),
    fill: (fill: Fill): void => orders.take('fill', envelope(fill)),
    /** A new day: sums begin anew. */
    sync: (): Promise<void> => orders.sync(),
    refreshAccount: (): Promise<void> => equity.refresh(),
    async watch(): Promise<void> {
      monitor.run();
      await protection.run();
    },
    get state(): TradingState {
      return exposure.state ?? 'HALTED';
    },
  };
}

export type BacktestRisk = ReturnType<typeof createBacktestRisk>;

function snapshotOf(books: BacktestBooks, { day, week, month }: Period, reserved: string[]): Snapshot {
  const traded = books.traded(day);
  return {
    positions: books.positions().map((position) => ({
      symbol: position.symbol,
      quantity: nanos(position.quantity),
      averagePrice: nanos(position.avg_entry_price),
      openedAt: Date.parse(position.opened_at),
    })),
    orders: books.orders().map((order) => ({
      clientOrderId: order.client_order_id,
      symbol: order.symbol,
      side: order.side,
      quantity: nanos(order.quantity),
      filled: nanos(order.filled_quantity),
      price: nanos(order.price ?? order.stop_price ?? '0'),
      limit: order.price === null ? undefined : nanos(order.price),
      traded: traded.includes(order.client_order_id),
      atBroker: order.broker_order_id !== null,
      createdAt: Date.parse(order.created_at),
    })),
    ended: reserved.filter((clientOrderId) => books.hasEnded(clientOrderId)),
    realizedToday: attos(books.realizedSince(day)),
    realizedWeek: attos(books.realizedSince(week)),
    realizedMonth: attos(books.realizedSince(month)),
    tradesToday: traded.length,
    traded,
    executions: books.executions(),
  };
}
