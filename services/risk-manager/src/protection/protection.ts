import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { ServiceClient } from '@papergate/service-kit';
import { markOf, type Exposure, type SymbolExposure } from '../exposure/exposure.ts';
import type { CompiledLimits } from '../limits/compile.ts';
import { abs, nanosText, type Nanos } from '../units.ts';

/** Which side of the entry price a position has crossed. */
export type Trigger = 'stop_loss' | 'take_profit';

const PERCENT_UNITS = 100_000_000n;

/**
 * Whether a position's mark has crossed its stop or its target. `best` is the most favourable mark since the
 * position was opened, which a trailing stop is measured from. A level that is reached counts as crossed.
 */
export function crossed(
  symbol: SymbolExposure,
  best: Nanos,
  limits: Pick<CompiledLimits, 'stopLoss' | 'takeProfit'>,
): Trigger | undefined {
  const mark = markOf(symbol);
  if (mark === undefined || symbol.quantity === 0n || symbol.averagePrice === 0n) return undefined;
  const long = symbol.quantity > 0n;
  const { stopLoss, takeProfit } = limits;
  const against = (from: Nanos): Nanos => (long ? from - mark : mark - from);
  const base = stopLoss.trailing ? best : symbol.averagePrice;
  if (stopLoss.enabled && against(base) * PERCENT_UNITS >= base * stopLoss.percent) return 'stop_loss';
  const gain = -against(symbol.averagePrice);
  if (takeProfit.enabled && gain * PERCENT_UNITS >= symbol.averagePrice * takeProfit.percent) return 'take_profit';
  return undefined;
}

export interface ProtectionOptions {
  exposure: Exposure;
  limits: CompiledLimits;
  engine: Pick<ServiceClient, 'send'>;
  logger: Pick<Logger, 'info' | 'warn'>;
  onPlaced: (symbol: string, trigger: Trigger, clientOrderId: string, quantity: string) => void;
  now: () => number;
  /** ms after which a position that is still open gets another order. */
  retryMs?: number;
}

interface Guard {
  openedAt: number;
  best: Nanos;
  attempt: number;
  /** ms since 1970 before which nothing more is tried. */
  notBefore: number;
  busy: boolean;
}

/**
 * Closes positions at their stop or target through execution-engine's `POST /orders`, like any other order. The
 * client_order_id follows from the symbol, from when the position was opened and from the attempt, so that a
 * repeat after a lost answer or a restart is the same order and not a second one.
 */
export class Protection {
  readonly #options: ProtectionOptions;
  readonly #guards = new Map<string, Guard>();

  constructor(options: ProtectionOptions) {
    this.#options = options;
  }

  /** Looks at every position once. */
  async run(): Promise<void> {
    const { exposure, limits, now } = this.#options;
    if (!limits.stopLoss.enabled && !limits.takeProfit.enabled) return;
    const placing: Promise<void>[] = [];
    for (const symbol of exposure.symbols.values()) {
      if (symbol.quantity === 0n) {
        this.#guards.delete(symbol.symbol);
        continue;
      }
      const guard = this.#guard(symbol);
      const trigger = crossed(symbol, guard.best, limits);
      if (trigger === undefined || guard.busy || now() < guard.notBefore) continue;
      // HALTED means cancels only; the position is closed when somebody resets the breaker.
      if (exposure.state === undefined || exposure.state === 'HALTED') continue;
      const age = symbol.markAt === undefined ? Infinity : now() - symbol.markAt;
      if (age > limits.breaker.max_stale_data_ms) continue;
      placing.push(this.#place(symbol, guard, trigger));
    }
    await Promise.all(placing);
  }

  #guard(symbol: SymbolExposure): Guard {
    const mark = markOf(symbol) ?? symbol.averagePrice;
    const openedAt = symbol.openedAt ?? 0;
    let guard = this.#guards.get(symbol.symbol);
    if (guard === undefined || guard.openedAt !== openedAt) {
      guard = { openedAt, best: symbol.averagePrice, attempt: 1, notBefore: 0, busy: false };
      this.#guards.set(symbol.symbol, guard);
    }
    const better = symbol.quantity > 0n ? mark > guard.best : mark < guard.best;
    if (better) guard.best = mark;
    return guard;
  }

  async #place(symbol: SymbolExposure, guard: Guard, trigger: Trigger): Promise<void> {
    const { engine, logger, now, onPlaced, retryMs = 5_000 } = this.#options;
    const quantity = this.#quantity(symbol);
    if (quantity <= 0n) return;
    const clientOrderId = `protect-${symbol.symbol}-${guard.openedAt.toString(36)}-${guard.attempt}`;
    const body = {
      symbol: symbol.symbol,
      side: symbol.quantity > 0n ? 'sell' : 'buy',
      type: 'market',
      quantity: nanosText(quantity),
      client_order_id: clientOrderId,
    };
    guard.busy = true;
    try {
      const answer = await engine.send('POST', '/orders', body);
      // 409: an attempt of an earlier process under this id had other terms. It counts as made, like 200.
      if (answer.status === 200 || answer.status === 409) guard.attempt += 1;
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
      guard.busy = false;
      guard.notBefore = now() + retryMs;
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
