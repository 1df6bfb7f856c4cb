import type { Logger } from 'pino';
import type { Broker, SubmitOutcome } from '../broker/broker.ts';
import { isFinal } from '../ledger/status.ts';
import type { Tracked } from '../ledger/tracked.ts';
import type { Update } from '../ledger/book.ts';

export interface DispatcherOptions {
  broker: Pick<Broker, 'submit'>;
  post: (update: Update) => Promise<void>;
  /** The broker may have the order or not: hand it to the look-up. */
  onUnknown: (tracked: Tracked) => void;
  /** Nothing may be sent while this is a text: HALTED, or not the writer. `hold` waits, `cancel` ends the order. */
  gate: () => 'open' | 'hold' | { cancel: string };
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  concurrency: number;
  /** ms after which an order that could not be sent is tried again; doubles up to sixteen times that. */
  retryMs: number;
  observe: (seconds: number, outcome: SubmitOutcome['kind']) => void;
  now: () => number;
}

/**
 * Sends durable orders to the broker, first come first sent, several at a time. An order leaves the queue for
 * one of four reasons: the broker has it, the broker refused it, its outcome has to be looked up, or it was
 * canceled here before it went out.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #queue: Tracked[] = [];
  readonly #maybeSent = new WeakSet<Tracked>();
  readonly #sending = new Map<Tracked, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #waitUntil = 0;
  #started = false;
  #closed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Orders that wait, and orders whose answer is awaited. */
  get queued(): number {
    return this.#queue.length;
  }

  get sending(): number {
    return this.#sending.size;
  }

  start(): void {
    this.#started = true;
    this.#pump();
  }

  /** `maybeSent`: an earlier try may have reached the broker, so the order can be repeated, but not simply be dropped. */
  enqueue(tracked: Tracked, maybeSent = false): void {
    if (maybeSent) this.#maybeSent.add(tracked);
    this.#queue.push(tracked);
    this.#pump();
  }

  /** Takes an order that has not been sent out of the queue; undefined when it is not there (any more). */
  take(tracked: Tracked): Tracked | undefined {
    const at = this.#queue.indexOf(tracked);
    if (at < 0 || this.#maybeSent.has(tracked)) return undefined;
    this.#queue.splice(at, 1);
    return tracked;
  }

  /** Takes all that has not been sent. What may have been sent goes to the look-up: only the broker can say. */
  takeAll(): Tracked[] {
    const taken = this.#queue;
    this.#queue = [];
    for (const tracked of taken) if (this.#maybeSent.has(tracked)) this.#options.onUnknown(tracked);
    return taken.filter((tracked) => !this.#maybeSent.has(tracked));
  }

  /** Resolves when the order, if it is being sent, has its outcome. */
  async settled(tracked: Tracked): Promise<void> {
    await this.#sending.get(tracked);
  }

  /** Sends nothing more and waits for the answers that are under way; what is queued is in the database. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#sending.values());
  }

  /** Looks at the gate again. */
  wake(): void {
    this.#pump();
  }

  #pump(): void {
    if (!this.#started || this.#closed) return;
    const { concurrency, gate, now } = this.#options;
    while (this.#queue.length > 0 && this.#sending.size < concurrency) {
      const state = gate();
      if (state === 'hold') return this.#later(this.#options.retryMs);
      if (state !== 'open') {
        for (const tracked of this.takeAll()) this.#cancel(tracked, state.cancel);
        return;
      }
      if (now() < this.#waitUntil) return this.#later(this.#waitUntil - now());
      const tracked = this.#queue.shift();
      if (tracked === undefined) return;
      const sending = this.#send(tracked).finally(() => {
        this.#sending.delete(tracked);
        this.#pump();
      });
      this.#sending.set(tracked, sending);
    }
  }

  #later(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, ms);
  }

  #cancel(tracked: Tracked, reason: string): void {
    const { clientOrderId } = tracked.order;
    void this.#options.post({
      kind: 'local',
      clientOrderId,
      status: 'canceled',
      code: 'TRADING_HALTED',
      reason,
      at: this.#options.now(),
    });
  }

  async #send(tracked: Tracked): Promise<void> {
    const { broker, post, observe, now, logger } = this.#options;
    const { order } = tracked;
    // The stream may have told of it, or a cancel ended it, since it was queued.
    if (order.brokerOrderId !== null || isFinal(order.status)) return;
    const startedAt = performance.now();
    const outcome = await broker.submit(order);
    observe((performance.now() - startedAt) / 1000, outcome.kind);
    const { clientOrderId } = order;
    switch (outcome.kind) {
      case 'placed':
        this.#failures = 0;
        await post({ kind: 'report', report: { ...outcome.order, clientOrderId }, event: 'submitted', at: now() });
        return;
      case 'refused':
        this.#failures = 0;
        await post({
          kind: 'local',
          clientOrderId,
          status: 'rejected',
          code: outcome.code,
          reason: outcome.reason,
          at: now(),
        });
        return;
      case 'duplicate':
        // It got there before, on a try whose answer was lost; the look-up adopts it.
        this.#failures = 0;
        this.#options.onUnknown(tracked);
        return;
      case 'unknown':
        logger.warn({ clientOrderId, reason: outcome.reason }, 'the outcome of an order is not known, looking it up');
        await post({ kind: 'local', clientOrderId, status: 'unknown', code: null, reason: outcome.reason, at: now() });
        this.#options.onUnknown(tracked);
        return;
      case 'rate_limited':
        this.#retry(tracked, outcome.retryAfterMs);
        return;
      case 'not_sent': {
        const wait = this.#options.retryMs * 2 ** Math.min(this.#failures, 4);
        this.#failures += 1;
        logger.warn({ clientOrderId, reason: outcome.reason, wait }, 'the broker cannot be reached, the order waits');
        this.#retry(tracked, wait);
      }
    }
  }

  #retry(tracked: Tracked, ms: number): void {
    this.#waitUntil = Math.max(this.#waitUntil, this.#options.now() + ms);
    this.#queue.unshift(tracked);
  }
}
