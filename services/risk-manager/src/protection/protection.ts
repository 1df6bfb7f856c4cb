import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { OrderView, ServiceClient, Side } from '@papergate/service-kit';
import { markOf, type Exposure, type SymbolExposure } from '../exposure/exposure.ts';
import type { CompiledLimits } from '../limits/compile.ts';
import { abs, nanosText, type Nanos } from '../units.ts';
import { crossed, type Trigger } from './crossed.ts';
import type { GuardRow, GuardStore } from './guards.ts';

export interface ProtectionOptions {
  exposure: Exposure;
  limits: CompiledLimits;
  engine: Pick<ServiceClient, 'get' | 'send'>;
  store: GuardStore;
  logger: Pick<Logger, 'info' | 'warn'>;
  onPlaced: (symbol: string, trigger: Trigger, clientOrderId: string, quantity: string) => void;
  now: () => number;
  /** ms after which a position that is still open gets another order. */
  retryMs?: number;
}

interface Guard extends GuardRow {
  /** ms since 1970 before which nothing more is tried. */
  notBefore: number;
  /** ms since 1970 since when orders in its way are being canceled. */
  clearingSince: number | undefined;
  busy: boolean;
}

/**
 * Closes positions at their stop, trailing stop or target through execution-engine's `POST /orders`, like any other
 * order. The client_order_id follows from the symbol, from when the position was opened and from the attempt, so that
 * a repeat after a lost answer or a restart is the same order and not a second one.
 */
export class Protection {
  readonly #options: ProtectionOptions;
  readonly #guards = new Map<string, Guard>();
  /** What an earlier process knew; undefined until it was read. */
  #stored: Map<string, GuardRow> | undefined;
  readonly #unsaved = new Set<string>();

  constructor(options: ProtectionOptions) {
    this.#options = options;
  }

  /** Looks at every position once. */
  async run(): Promise<void> {
    const { exposure, limits, now } = this.#options;
    if (!limits.stopLoss.enabled && !limits.takeProfit.enabled) return;
    if (!(await this.#load())) return;
    const placing: Promise<void>[] = [];
    for (const symbol of exposure.symbols.values()) {
      if (symbol.quantity === 0n) {
        if (this.#guards.delete(symbol.symbol)) this.#unsaved.add(symbol.symbol);
        continue;
      }
      const guard = this.#guard(symbol);
      const trigger = crossed(symbol, guard.best, limits);
      if (trigger === undefined || guard.busy || now() < guard.notBefore) continue;
      // HALTED means cancels only; the position is closed when somebody resets the breaker.
      if (exposure.state === undefined || exposure.state === 'HALTED') continue;
      const age = symbol.markAt === undefined ? Infinity : now() - symbol.markAt;
      if (age > limits.breaker.max_stale_data_ms) continue;
      placing.push(this.#close(symbol, guard, trigger));
    }
    await Promise.all(placing);
    await this.#save();
  }

  async #load(): Promise<boolean> {
    if (this.#stored !== undefined) return true;
    try {
      const rows = await this.#options.store.load();
      this.#stored = new Map(rows.map((row) => [row.symbol, row]));
      return true;
    } catch (error) {
      this.#options.logger.warn({ reason: messageOf(error) }, 'what protects positions cannot be read, trying again');
      return false;
    }
  }

  async #save(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const symbols = [...this.#unsaved];
    const rows = symbols.flatMap((symbol) => this.#guards.get(symbol) ?? []);
    const gone = symbols.filter((symbol) => !this.#guards.has(symbol));
    this.#unsaved.clear();
    try {
      await this.#options.store.save(rows, gone);
    } catch (error) {
      for (const symbol of symbols) this.#unsaved.add(symbol);
      this.#options.logger.warn({ reason: messageOf(error) }, 'what protects positions cannot be stored, trying again');
    }
  }

  #guard(symbol: SymbolExposure): Guard {
    const openedAt = symbol.openedAt ?? 0;
    let guard = this.#guards.get(symbol.symbol);
    if (guard === undefined || guard.openedAt !== openedAt) {
      const stored = this.#stored?.get(symbol.symbol);
      const row =
        stored?.openedAt === openedAt
          ? stored
          : { symbol: symbol.symbol, openedAt, best: symbol.averagePrice, attempt: 1 };
      guard = { ...row, notBefore: 0, clearingSince: undefined, busy: false };
      this.#guards.set(symbol.symbol, guard);
    }
    const long = symbol.quantity > 0n;
    const seen = (long ? symbol.highest : symbol.lowest) ?? guard.best;
    if (long ? seen > guard.best : seen < guard.best) {
      guard.best = seen;
      if (this.#options.limits.stopLoss.trailing) this.#unsaved.add(symbol.symbol);
    }
    return guard;
  }

  async #close(symbol: SymbolExposure, guard: Guard, trigger: Trigger): Promise<void> {
    const quantity = this.#quantity(symbol);
    if (quantity <= 0n) return;
    guard.busy = true;
    try {
      if (!(await this.#clear(symbol, guard))) return;
      await this.#place(symbol, guard, trigger, quantity);
    } finally {
      guard.busy = false;
    }
  }

  /**
   * Cancels open orders of ours on the other side first: the broker refuses an order that could trade with them. What
   * cannot be canceled within the retry time is left to the broker. True where the way is free.
   */
  async #clear(symbol: SymbolExposure, guard: Guard): Promise<boolean> {
    const { engine, logger, now, retryMs = 5_000 } = this.#options;
    const side: Side = symbol.quantity > 0n ? 'buy' : 'sell';
    if ((side === 'buy' ? symbol.buys : symbol.sells) === 0n) {
      guard.clearingSince = undefined;
      return true;
    }
    guard.clearingSince ??= now();
    if (now() - guard.clearingSince >= retryMs) return true;
    try {
      const { body } = await engine.get(`/orders?status=open&symbol=${encodeURIComponent(symbol.symbol)}&limit=1000`);
      const { orders = [] } = body as { orders?: Pick<OrderView, 'order_id' | 'side'>[] };
      const inTheWay = orders.filter((order) => order.side === side);
      logger.info({ symbol: symbol.symbol, orders: inTheWay.length }, 'orders in the way of protection are canceled');
      await Promise.all(inTheWay.map(({ order_id: id }) => engine.send('DELETE', `/orders/${id}`)));
    } catch (error) {
      logger.warn({ symbol: symbol.symbol, reason: messageOf(error) }, 'orders in the way cannot be canceled yet');
    }
    return false;
  }

  async #place(symbol: SymbolExposure, guard: Guard, trigger: Trigger, quantity: Nanos): Promise<void> {
    const { engine, logger, now, onPlaced, retryMs = 5_000 } = this.#options;
    const clientOrderId = `protect-${symbol.symbol}-${guard.openedAt.toString(36)}-${guard.attempt}`;
    const body = {
      symbol: symbol.symbol,
      side: symbol.quantity > 0n ? 'sell' : 'buy',
      type: 'market',
      quantity: nanosText(quantity),
      client_order_id: clientOrderId,
    };
    try {
      const answer = await engine.send('POST', '/orders', body);
      // 409: an attempt of an earlier process under this id had other terms. It counts as made, like 200.
      if (answer.status === 200 || answer.status === 409) {
        guard.attempt += 1;
        this.#unsaved.add(symbol.symbol);
      }
      if (answer.status === 200) onPlaced(symbol.symbol, trigger, clientOrderId, body.quantity);
      else
        logger.warn(
          { clientOrderId, trigger, status: answer.status, answer: answer.body },
          'a protective order was not taken',
        );
    } catch (error) {
      logger.warn(
        { clientOrderId, trigger, reason: messageOf(error) },
        'a protective order could not be placed, trying again',
      );
    } finally {
      guard.notBefore = now() + retryMs;
      guard.clearingSince = undefined;
    }
  }

  /** What is left to close beyond the orders that close it already, as much as one order may be for. */
  #quantity(symbol: SymbolExposure): Nanos {
    const { order } = this.#options.limits;
    const mark = markOf(symbol) ?? symbol.averagePrice;
    const closing = symbol.quantity > 0n ? symbol.sells : symbol.buys;
    const open = abs(symbol.quantity) - closing;
    let quantity = open < order.quantity ? open : order.quantity;
    if (mark > 0n && quantity * mark > order.value) quantity = order.value / mark;
    // Whole shares where the position is of whole shares, so that a part of an order is no fraction.
    const share = 1_000_000_000n;
    return abs(symbol.quantity) % share === 0n && quantity >= share ? quantity - (quantity % share) : quantity;
  }
}
