import type { CompiledLimits } from '../limits/compile.ts';
import type { CheckedOrder } from './order.ts';
import { RateWindow } from './rate-window.ts';

interface Intent {
  clientOrderId: string;
  at: number;
}

/** Orders that were let through lately: how many, and what they wanted. */
export class Traffic {
  readonly second: RateWindow;
  readonly minute: RateWindow;
  readonly #windowMs: number;
  /** By what is wanted, the last that wanted it; oldest first. */
  readonly #intents = new Map<string, Intent>();
  /** What an order wanted, by its id. */
  readonly #wanted = new Map<string, string>();

  constructor({ perSecond, perMinute, duplicateWindowMs }: CompiledLimits['order']) {
    this.second = new RateWindow(perSecond);
    this.minute = new RateWindow(perMinute);
    this.#windowMs = duplicateWindowMs;
  }

  /** Orders of an earlier process, oldest first. */
  restore(orders: readonly { order: CheckedOrder; at: number; void: boolean }[]): void {
    for (const { order, at, void: isVoid } of orders) {
      this.add(order, at);
      if (isVoid) this.forget(order.clientOrderId);
    }
  }

  add(order: CheckedOrder, now: number): void {
    this.second.add(now);
    this.minute.add(now);
    this.remember(order, now);
  }

  /** Another order that wanted the same less than the window ago. */
  twin(order: CheckedOrder, now: number): Intent | undefined {
    if (this.#windowMs === 0) return undefined;
    const found = this.#intents.get(intentOf(order));
    if (found === undefined || found.clientOrderId === order.clientOrderId) return undefined;
    return now - found.at < this.#windowMs ? found : undefined;
  }

  remember(order: CheckedOrder, at: number): void {
    if (this.#windowMs === 0) return;
    this.#forgetOld(at);
    const intent = intentOf(order);
    const before = this.#intents.get(intent);
    if (before !== undefined) this.#wanted.delete(before.clientOrderId);
    this.#intents.delete(intent);
    this.#intents.set(intent, { clientOrderId: order.clientOrderId, at });
    this.#wanted.set(order.clientOrderId, intent);
  }

  /** An order that came to nothing may be sent again at once. */
  forget(clientOrderId: string): void {
    const intent = this.#wanted.get(clientOrderId);
    if (intent === undefined) return;
    this.#wanted.delete(clientOrderId);
    this.#intents.delete(intent);
  }

  #forgetOld(now: number): void {
    for (const [intent, { at, clientOrderId }] of this.#intents) {
      if (now - at < this.#windowMs) return;
      this.#intents.delete(intent);
      this.#wanted.delete(clientOrderId);
    }
  }
}

/** Two strategies that want the same are two intents; clients without a name are one. */
function intentOf(order: CheckedOrder): string {
  const { symbol, side, type, quantity, price, stopPrice, strategy } = order;
  return (order.intent ??= `${symbol} ${side} ${type} ${quantity} ${price ?? ''} ${stopPrice ?? ''} ${strategy ?? ''}`);
}
