import type { Logger } from 'pino';
import { ExternalError, messageOf } from '@papergate/config';
import type { Broker, SubmitOutcome } from '../broker/broker.ts';
import { isFinal } from '../life/states.ts';
import type { Tracked } from '../ledger/tracked.ts';
import type { Update } from '../ledger/book.ts';
import type { Attempts } from '../store/attempts.ts';
import type { Failpoint } from '../failpoints.ts';
import type { Pace } from './pace.ts';

export interface DispatcherOptions {
  broker: Pick<Broker, 'submit'>;
  /** Makes an attempt durable, before the call. */
  record: Attempts['record'];
  /** The same in the book: false where the order does not wait to be sent any more. */
  sent: (tracked: Tracked, at: number) => boolean;
  /** This engine is not the writer any more. */
  onReplaced: (error: ExternalError) => void;
  post: (update: Update) => Promise<void>;
  /** The broker may have the order or not: hand it to the look-up. */
  onUnknown: (tracked: Tracked) => void;
  /**
   * Whether this order may be sent now. `hold`: none may (not the writer, or nobody knows the state); `cancel` ends all
   * that waits (HALTED), `end` this one alone, which may open a position (REDUCING, or outside of the roll-out).
   */
  gate: (tracked: Tracked) => 'open' | 'hold' | { cancel: string } | { end: string; code: string };
  failpoint: Failpoint;
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How fast orders may go out now. */
  pace: () => Pace;
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
  readonly #sending = new Map<Tracked, Promise<void>>();
  /** Of these, the ones that the gate has let through: they may reach the broker whatever happens to it. */
  readonly #begun = new Set<Tracked>();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #waitUntil = 0;
  #lastBegan = -Infinity;
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

  /** The order is durable: never sent, or known not to be at the broker. */
  enqueue(tracked: Tracked): void {
    this.#queue.push(tracked);
    this.#pump();
  }

  /** Takes an order that has not been sent out of the queue; undefined when it is not there (any more). */
  take(tracked: Tracked): Tracked | undefined {
    const at = this.#queue.indexOf(tracked);
    if (at < 0) return undefined;
    this.#queue.splice(at, 1);
    return tracked;
  }

  /** Takes all that has not been sent. */
  takeAll(): Tracked[] {
    const taken = this.#queue;
    this.#queue = [];
    return taken;
  }

  /** Resolves when every request that the gate has let through is answered; of those orders alone that are named. */
  async quiet(which: (tracked: Tracked) => boolean = () => true): Promise<void> {
    await Promise.all([...this.#begun].filter(which).map((tracked) => this.#sending.get(tracked) ?? Promise.resolve()));
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
    const { gate, now, pace } = this.#options;
    while (this.#queue.length > 0) {
      const { concurrency, intervalMs } = pace();
      if (this.#sending.size >= concurrency) return;
      const [tracked] = this.#queue;
      if (tracked === undefined) return;
      const state = gate(tracked);
      if (state === 'hold') return this.#later(this.#options.retryMs);
      if (state !== 'open' && 'cancel' in state) {
        for (const waiting of this.takeAll()) this.#cancel(waiting, 'TRADING_HALTED', state.cancel);
        return;
      }
      if (state !== 'open') {
        this.#queue.shift();
        this.#cancel(tracked, state.code, state.end);
        continue;
      }
      if (now() < this.#waitUntil) return this.#later(this.#waitUntil - now());
      const early = this.#lastBegan + intervalMs - performance.now();
      if (early > 0) return this.#later(early);
      this.#lastBegan = performance.now();
      this.#queue.shift();
      const sending = this.#send(tracked).finally(() => {
        this.#sending.delete(tracked);
        this.#begun.delete(tracked);
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

  #cancel(tracked: Tracked, code: string, reason: string): void {
    const { clientOrderId } = tracked.order;
    void this.#options.post({
      kind: 'local',
      clientOrderId,
      act: 'end',
      code,
      reason,
      at: this.#options.now(),
    });
  }

  async #send(tracked: Tracked): Promise<void> {
    const { broker, observe } = this.#options;
    const { order } = tracked;
    // The stream may have told of it, or a cancel ended it, since it was queued.
    if (order.brokerOrderId !== null || isFinal(order.status)) return;
    const startedAt = performance.now();
    const outcome = await broker.submit(order, () => this.#begin(tracked));
    observe((performance.now() - startedAt) / 1000, outcome.kind);
    await this.#options.failpoint('send.answered');
    await this.#take(tracked, outcome);
  }

  /**
   * The last thing before the call: the attempt becomes durable, and then once more whether it may be made. A writer that
   * stood still for longer than its lease between the two finds the gate shut.
   */
  async #begin(tracked: Tracked): Promise<void> {
    const { failpoint, gate, now, record, sent } = this.#options;
    const { order } = tracked;
    if (gate(tracked) !== 'open' || this.#closed) throw new Error('nothing may be sent now');
    this.#begun.add(tracked);
    await failpoint('attempt.recording');
    const at = now();
    await record({ orderId: order.orderId, number: (order.attempts ?? 0) + 1, at });
    if (!sent(tracked, at)) throw new Error('the broker told of it meanwhile');
    await failpoint('attempt.recorded');
    if (gate(tracked) !== 'open') throw new Error('nothing may be sent any more');
    await failpoint('send.calling');
  }

  async #take(tracked: Tracked, outcome: SubmitOutcome): Promise<void> {
    const { post, now, logger } = this.#options;
    const { clientOrderId } = tracked.order;
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
          act: 'reject',
          code: outcome.code,
          reason: outcome.reason,
          at: now(),
        });
        return;
      case 'duplicate':
        // It got there before, on a try whose answer was lost; the look-up adopts it.
        this.#failures = 0;
        await this.#lose(tracked, 'the broker has an order with this client_order_id already');
        return;
      case 'unknown':
        logger.warn({ clientOrderId, reason: outcome.reason }, 'the outcome of an order is not known, looking it up');
        await this.#lose(tracked, outcome.reason);
        return;
      case 'rate_limited':
        await this.#retry(tracked, 'the broker answered 429', outcome.retryAfterMs);
        return;
      case 'not_sent':
        await this.#notSent(tracked, outcome.cause);
    }
  }

  async #lose(tracked: Tracked, reason: string): Promise<void> {
    const { post, now, onUnknown } = this.#options;
    const { clientOrderId } = tracked.order;
    await post({ kind: 'local', clientOrderId, act: 'lose', code: null, reason, at: now() });
    onUnknown(tracked);
  }

  async #notSent(tracked: Tracked, cause: unknown): Promise<void> {
    const { logger, onReplaced } = this.#options;
    const { clientOrderId } = tracked.order;
    const reason = messageOf(cause);
    if (cause instanceof ExternalError && cause.code === 'ORDER_WRITER_REPLACED') return onReplaced(cause);
    if (cause instanceof ExternalError && cause.code === 'ATTEMPT_REFUSED') return this.#lose(tracked, reason);
    const wait = this.#options.retryMs * 2 ** Math.min(this.#failures, 4);
    this.#failures += 1;
    logger.warn({ clientOrderId, reason, wait }, 'the order cannot be sent now, it waits');
    await this.#retry(tracked, reason, wait);
  }

  /** Back to the head of the queue; where the attempt was recorded, with the record that nothing came of it. */
  async #retry(tracked: Tracked, reason: string, ms: number): Promise<void> {
    const { post, now } = this.#options;
    const { order } = tracked;
    this.#waitUntil = Math.max(this.#waitUntil, now() + ms);
    if (order.status === 'sending') {
      const { clientOrderId } = order;
      await post({ kind: 'local', clientOrderId, act: 'withdraw', code: null, reason, at: now() });
    }
    if (order.brokerOrderId === null && !isFinal(order.status)) this.#queue.unshift(tracked);
  }
}
