import { randomUUID } from 'node:crypto';
import type { Secret } from '@papergate/config';
import { Account } from './account/account.ts';
import type { AccountIdentity } from './account/views.ts';
import type { Multiplier } from './account/margin.ts';
import { EventClock, type SimClock } from './clock/clock.ts';
import type { Hours } from './clock/hours.ts';
import { EventGate } from './faults/event-gate.ts';
import { Faults } from './faults/faults.ts';
import { Ledger } from './ledger/ledger.ts';
import { Instruments, type Instrument } from './market/instruments.ts';
import type { MarketSource } from './market/source.ts';
import type { MarketTick } from './market/tick.ts';
import { Desk } from './orders/desk.ts';
import { Floor } from './orders/floor.ts';
import { OrderStore } from './orders/store.ts';
import { updateJson } from './orders/updates.ts';
import { StateFile } from './state/state-file.ts';
import { DataStream } from './streams/data-stream.ts';
import { TradeUpdates } from './streams/trade-updates.ts';
import { sameSecret } from './rest/auth.ts';
import { RateLimiter } from './rest/rate-limit.ts';

export interface ExchangeOptions {
  key: Secret;
  secret: Secret;
  clock: SimClock;
  hours: Hours;
  symbols: readonly string[];
  startingCash: bigint;
  multiplier?: Multiplier;
  /** Requests a minute; 0: no limit. */
  rateLimit?: number;
  /** The wall clock of the rate limit, ms. */
  nowMs?: () => number;
  seed?: number;
  /** Connections to one data feed; Alpaca: 1. 0: no limit. */
  connectionLimit?: number;
  symbolLimit?: number;
  refusedFeeds?: readonly string[];
  authTimeoutMs?: number;
  slowClientBytes?: number;
  /** How often sessions and expiries are looked after while no tick comes, ms. */
  heartbeatMs?: number;
  newId?: () => string;
  /** Folder in which account, orders and ledger survive a restart; without it they do not. */
  stateDir?: string;
}

const SETTINGS = {
  dtbp_check: 'entry',
  fractional_trading: true,
  max_margin_multiplier: '4',
  max_options_trading_level: 0,
  no_shorting: false,
  pdt_check: 'entry',
  ptp_no_exception_entry: false,
  suspend_trade: false,
  trade_confirm_email: 'none',
  disable_overnight_trading: true,
};
export type AccountSettings = typeof SETTINGS;

/** The parts of a running exchange. */
export type Exchange = ReturnType<typeof buildExchange>;

/** Puts an exchange together; nothing listens and no tick comes before `use(source)` and `start()`. */
export function buildExchange(options: ExchangeOptions) {
  const { clock, hours, startingCash, multiplier = 2, seed = 0, newId = randomUUID } = options;
  const instruments = new Instruments(options.symbols);
  const account = new Account(startingCash);
  const store = new OrderStore();
  let state: StateFile | undefined;
  const ledger = new Ledger(
    () => clock.now(),
    (entry, order) => state?.entry(entry, order),
  );
  const faults = new Faults(seed);
  const settings: AccountSettings = { ...SETTINGS };
  const identity: AccountIdentity = { id: newId(), number: `PA3${accountDigits(seed)}`, createdAt: clock.now() };

  const authenticate = (key: unknown, secret: unknown): boolean =>
    typeof key === 'string' &&
    typeof secret === 'string' &&
    sameSecret(key, options.key) &&
    sameSecret(secret, options.secret);
  const updates = new TradeUpdates(authenticate);
  const gate = new EventGate({
    faults,
    publish: (update) => updates.publish(update),
    disconnect: () => updates.disconnectAll(),
  });
  let source: MarketSource | undefined;
  const data = new DataStream({
    authenticate,
    connectionLimit: options.connectionLimit ?? 1,
    symbolLimit: options.symbolLimit ?? 0,
    refusedFeeds: options.refusedFeeds ?? [],
    authTimeoutMs: options.authTimeoutMs ?? 10_000,
    slowClientBytes: options.slowClientBytes ?? 64 * 1024 * 1024,
    onSubscribed: () => {
      if (source !== undefined && 'wake' in source && typeof source.wake === 'function') source.wake();
    },
  });

  // What happened is written down before anybody is told of it, all of one cause in one piece.
  let untold: (() => void)[] = [];
  function commit(): void {
    state?.flush();
    if (untold.length === 0) return;
    const told = untold;
    untold = [];
    for (const tell of told) tell();
  }

  const floor = new Floor({
    clock,
    hours,
    account,
    store,
    instruments,
    newId,
    onEvent(event, order, fill) {
      const at = clock.now();
      order.updatedAt = at;
      if (fill === undefined) ledger.event(event, order);
      else ledger.fill(order, fill);
      if (updates.listening === 0) return;
      const executionId = fill?.executionId ?? newId();
      const update = updateJson(event, order, at, executionId, fill);
      const { symbol } = order;
      untold.push(() => gate.send(update, { symbol, event }));
    },
    onMoved: (order) => state?.order(order),
    firstFraction: (order) =>
      faults.any ? faults.strike('partial_fill', { symbol: order.symbol })?.fraction : undefined,
  });
  const checks = { account, store, instruments, multiplier, shorting: () => !settings.no_shorting };
  const desk = new Desk({
    ...checks,
    clock,
    hours,
    floor,
    ledger,
    newId,
    suspended: () => settings.suspend_trade,
    onKin: (order) => state?.order(order),
    commit,
  });
  if (options.stateDir !== undefined) {
    const found = StateFile.open(options.stateDir, { account, identity, ledger, store, settings });
    state = found.state;
    for (const order of found.open) floor.readmit(order);
    commit();
  }

  /** Moves the books without telling anybody: what happened before a replay's window. */
  function prepare(tick: MarketTick): void {
    const instrument = instruments.list(tick.symbol);
    if (clock instanceof EventClock) clock.advanceTo(tick.time);
    move(tick, instrument);
  }

  function move(tick: MarketTick, instrument: Instrument): void {
    floor.advance();
    if (tick.kind === 't') floor.trade(instrument, tick);
    else floor.quote(instrument, tick);
    commit();
  }

  /** The market has moved: books, orders, then the data stream. */
  function publish(ticks: readonly MarketTick[]): void {
    for (const tick of ticks) prepare(tick);
    data.publish(ticks);
  }

  /** Ticks that somebody posted: as the market's, except that their times, which may be any, do not turn the clock. */
  function post(ticks: readonly MarketTick[]): void {
    for (const tick of ticks) move(tick, instruments.list(tick.symbol));
    data.publish(ticks);
  }

  let heartbeat: NodeJS.Timeout | undefined;
  return {
    clock,
    hours,
    instruments,
    account,
    store,
    ledger,
    faults,
    settings,
    identity,
    multiplier,
    authenticate,
    updates,
    data,
    floor,
    desk,
    limiter: new RateLimiter(options.rateLimit ?? 0, options.nowMs),
    epoch: newId(),
    newId,
    publish,
    prepare,
    post,
    get source(): MarketSource | undefined {
      return source;
    },
    use(next: MarketSource): void {
      source = next;
    },
    async start(): Promise<void> {
      heartbeat = setInterval(() => {
        floor.advance();
        commit();
        // A replay waits for its readers; a live market does not.
        if (source?.kind !== 'replay') data.dropSlow();
      }, options.heartbeatMs ?? 250);
      await source?.start();
    },
    /** Ends the market and the streams. */
    async stop(): Promise<void> {
      clearInterval(heartbeat);
      data.close();
      updates.close();
      gate.close();
      await source?.stop();
      commit();
      state?.close();
    },
    /** Orders, positions, ledger and faults as on the first day; the market goes on. */
    reset(): void {
      store.clear();
      floor.clear();
      ledger.clear();
      faults.clear();
      account.reset();
      Object.assign(settings, SETTINGS);
      state?.compact();
    },
    /** Changes the account's settings, as a client asked. */
    set(changed: Partial<AccountSettings>): AccountSettings {
      Object.assign(settings, changed);
      state?.settings(settings);
      commit();
      return settings;
    },
  };
}

/** Eight digits of an account number; the same for a seed. */
function accountDigits(seed: number): string {
  return String((seed * 2_654_435_761) % 100_000_000).padStart(8, '0');
}
