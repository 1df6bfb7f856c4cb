import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import {
  Big,
  HttpError,
  type BusPublisher,
  type Pool,
  type ServiceClient,
  type TradingState,
} from '@papergate/service-kit';
import type { Broker, BrokerEvent, BrokerStream } from './broker/broker.ts';
import type { Failpoint } from './failpoints.ts';
import { Dispatcher, type DispatcherOptions } from './dispatch/dispatcher.ts';
import { LookUp } from './dispatch/look-up.ts';
import { createPacer } from './dispatch/pace.ts';
import { onlyShrinks } from './dispatch/reducing.ts';
import { Resting } from './dispatch/resting.ts';
import { EmergencyStop } from './emergency.ts';
import type { Instruments } from './instruments.ts';
import { createCommitter, type Committer } from './intake/committer.ts';
import { Intake } from './intake/intake.ts';
import type { Changes } from './ledger/book.ts';
import { Ledger } from './ledger/ledger.ts';
import type { NewOrder } from './ledger/order.ts';
import type { Tracked } from './ledger/tracked.ts';
import { isFinal, stateOf } from './life/states.ts';
import { createAcceptedOrders, publishChanges, type AcceptedOrders } from './publish.ts';
import { CatchUp } from './reconcile/catch-up.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import type { RiskClient } from './risk/risk-client.ts';
import type { EngineSettings } from './settings.ts';
import { createAttempts } from './store/attempts.ts';
import type { WriterLock } from './store/writer-lock.ts';

export interface EngineParts {
  pool: Pool;
  /** The commit that runs. */
  release: string;
  lock: WriterLock;
  broker: Broker;
  stream: () => BrokerStream;
  risk: RiskClient;
  riskHttp: Pick<ServiceClient, 'send'>;
  publisher: BusPublisher;
  instruments: Instruments;
  failpoint: Failpoint;
  logger: Logger;
  settings: EngineSettings;
  fail: (error: unknown) => void;
  now: () => number;
}

/**
 * The order path put together: intake → ledger → dispatcher → broker, and back over the stream into the ledger.
 * It begins to send only when the writer lock is held, the open orders are loaded, the stream listens and the
 * first reconciliation has gone through.
 */
export class Engine {
  readonly ledger: Ledger;
  readonly intake: Intake;
  readonly dispatcher: Dispatcher;
  readonly lookUp: LookUp;
  readonly reconciler: Reconciler;
  readonly emergency: EmergencyStop;
  readonly #parts: EngineParts;
  readonly #committer: Committer;
  readonly #catchUp: CatchUp;
  readonly #accepted: AcceptedOrders;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #unwanted = new Set<Tracked>();
  readonly #resting: Resting;
  #loaded = false;
  #reconciled = false;
  #beginning: Promise<void> | undefined;
  #stopping = false;
  #reconcileSoon: NodeJS.Timeout | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { broker, failpoint, instruments, lock, logger, pool, release, settings, now } = parts;
    const fence = (): number => lock.fence ?? -1;
    const pace = createPacer({ settings, underWay: () => this.intake.underWay });
    this.#accepted = createAcceptedOrders({
      publisher: parts.publisher,
      busy: () => pace().intervalMs > 0,
      onPublished: (orders) => instruments.orders.inc({ status: 'accepted' }, orders),
    });
    this.ledger = new Ledger({
      pool,
      fence,
      failpoint,
      logger,
      now,
      onCommitted: (changes) => this.#committed(changes),
      onForeign: () => this.#reconcileIn(settings.reconcileMinAgeMs),
      onFatal: parts.fail,
    });
    const post = this.ledger.post.bind(this.ledger);
    this.lookUp = new LookUp({
      broker,
      post,
      resend: (tracked) => this.dispatcher.enqueue(tracked),
      halted: () => this.#haltedReason(),
      failpoint,
      logger,
      resendAfterMs: settings.resendAfterMs,
      intervalMs: settings.lookUpIntervalMs,
      onSettled: (settled) => instruments.unknown.inc({ settled }),
      now,
    });
    const attempts = createAttempts({ pool, fence });
    this.dispatcher = new Dispatcher({
      broker,
      record: (attempt) => attempts.record(attempt),
      sent: (tracked, at) => this.ledger.book.sent(tracked, at),
      onReplaced: parts.fail,
      failpoint,
      post,
      onUnknown: (tracked) => void this.lookUp.settle(tracked),
      gate: (tracked) => this.#gate(tracked),
      logger,
      pace,
      retryMs: settings.dispatchRetryMs,
      observe: (seconds, outcome) => instruments.dispatch.observe({ outcome }, seconds),
      now,
    });
    this.#committer = createCommitter({
      pool,
      fence,
      release,
      onBatch: (orders) => instruments.batch.observe(orders),
    });
    this.intake = new Intake({
      committer: this.#committer,
      check: (order) => parts.risk.check(order),
      release: (clientOrderId) => parts.risk.release(clientOrderId),
      open: () => this.#open(),
      failpoint,
      onCommitted: (order) => this.#accept(order),
      queued: () => this.dispatcher.queued,
      limits: { underWay: settings.maxUnderWay, queued: settings.maxQueued },
      onRefused: (code) => instruments.refusals.inc({ code }),
      observe: (seconds) => instruments.intake.observe(seconds),
      now,
    });
    this.#catchUp = new CatchUp({
      broker,
      gaps: () => this.ledger.book.gaps,
      post,
      logger,
      graceMs: settings.catchUpGraceMs,
      onCaughtUp: (executions) => instruments.caughtUp.inc(executions),
      now,
    });
    this.reconciler = new Reconciler({
      broker,
      ledger: this.ledger,
      catchUp: this.#catchUp,
      failpoint,
      logger,
      onDifference: (kind) => instruments.differences.inc({ kind }),
      onRound: (ok) => instruments.rounds.inc({ result: ok ? 'ok' : 'failed' }),
      minAgeMs: settings.reconcileMinAgeMs,
      pauseMs: settings.reconcilePauseMs,
      now,
    });
    this.#resting = new Resting({ broker, ledger: this.ledger, logger, now });
    this.emergency = new EmergencyStop({
      broker,
      dispatcher: this.dispatcher,
      lookUp: this.lookUp,
      ledger: this.ledger,
      risk: parts.riskHttp,
      logger,
      timeoutMs: settings.emergencyTimeoutMs,
      now,
    });
  }

  /** Loading, or the reason why the engine does not send yet. */
  get reconciled(): boolean {
    return this.#reconciled;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  /** Resolves once the engine has begun to wait for the writer lock; readiness tells how far it came. */
  begin(): void {
    void this.#begin().catch((error: unknown) => this.#parts.fail(error));
  }

  /** The stream listens (again): what happened in between is fetched. */
  onListening(): void {
    if (this.#loaded) void this.#reconcile();
  }

  /**
   * The stream listens before this engine is the writer, and what it tells until then is another's to write. Nothing is
   * lost: the first reconciliation asks the broker for all of it once the orders are ours.
   */
  onEvent(event: BrokerEvent): void {
    if (this.#loaded) void this.ledger.post({ kind: 'event', event });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#reconcileSoon);
    await this.dispatcher.close();
    await this.lookUp.close();
    await this.reconciler.close();
    await this.ledger.close();
    this.#accepted.flush();
  }

  async #begin(): Promise<void> {
    const { lock, logger, settings, stream } = this.#parts;
    await lock.acquired();
    if (this.#stopping) return;
    await this.#load();
    logger.info({ open_orders: this.ledger.open().length, fence: lock.fence }, 'the orders are ours to write');
    this.#loaded = true;
    if (stream().listening) void this.#reconcile();
    this.#timers.push(setInterval(() => void this.#reconcile(), settings.reconcileIntervalMs));
    this.#timers.push(setInterval(() => void this.#catchUp.run(), Math.max(50, settings.catchUpGraceMs / 2)));
    this.#timers.push(setInterval(() => void this.#adoptDoubtful(), 1_000));
  }

  async #load(): Promise<void> {
    for (let attempt = 0; !this.#stopping; attempt += 1) {
      try {
        for (const tracked of await this.ledger.load()) this.#unwanted.add(tracked);
        return;
      } catch (error) {
        this.#parts.logger.warn({ attempt, reason: messageOf(error) }, 'the open orders cannot be read yet');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async #reconcile(): Promise<void> {
    if (!this.#reconciled) {
      this.#beginning ??= this.#reconcileFirst().finally(() => {
        this.#beginning = undefined;
      });
      return this.#beginning;
    }
    if (this.#canReconcile && (await this.reconciler.run())) this.#cancelUnwanted();
  }

  /** Until a round finds nothing to set right, one follows upon the other: no order is taken or sent before. */
  async #reconcileFirst(): Promise<void> {
    const { reconcilePauseMs: pauseMs } = this.#parts.settings;
    while (this.#canReconcile) {
      const through = await this.reconciler.run();
      if (this.#stopping) return;
      if (through) this.#cancelUnwanted();
      if (through && this.reconciler.agreed) {
        this.#reconciled = true;
        return this.#resume();
      }
      await delay(through ? pauseMs : pauseMs * 4);
    }
  }

  get #canReconcile(): boolean {
    return !this.#stopping && this.#parts.lock.held && this.#parts.stream().listening;
  }

  /**
   * Orders that an earlier process left behind. Of one with a recorded attempt only the broker can say what became of it;
   * so of one that a release wrote which recorded none.
   */
  #resume(): void {
    const { now } = this.#parts;
    for (const tracked of this.ledger.open()) {
      const { order } = tracked;
      const state = stateOf(order);
      if (state === 'durable' && order.attempts !== null) this.dispatcher.enqueue(tracked);
      else if (state === 'unknown') void this.lookUp.settle(tracked);
      else if (state === 'durable' || state === 'sending') {
        const { clientOrderId } = order;
        const reason = 'the engine that sent it is gone';
        void this.ledger
          .post({ kind: 'local', clientOrderId, act: 'lose', code: null, reason, at: now() })
          .then(() => this.lookUp.settle(tracked));
      }
    }
    this.dispatcher.start();
  }

  #reconcileIn(ms: number): void {
    this.#reconcileSoon ??= setTimeout(() => {
      this.#reconcileSoon = undefined;
      void this.#reconcile();
    }, ms);
  }

  #accept(order: NewOrder): void {
    const tracked = this.ledger.accept(order);
    this.#accepted.add(tracked.order);
    this.dispatcher.enqueue(tracked);
  }

  /** Orders whose INSERT was not confirmed: if they stand, they are orders like any other. */
  async #adoptDoubtful(): Promise<void> {
    for (const order of this.#committer.takeDoubtful()) {
      try {
        const stored = await this.#committer.find(order.clientOrderId);
        if (stored?.orderId === order.orderId && this.ledger.book.byClientId(order.clientOrderId) === undefined)
          this.#accept(order);
      } catch {
        this.#committer.addDoubtful(order);
      }
    }
  }

  #committed(changes: Changes): void {
    const { instruments, publisher } = this.#parts;
    // What became of an order is not told before the order.
    this.#accepted.flush();
    publishChanges(publisher, changes);
    for (const { order } of changes.orders) instruments.orders.inc({ status: order.status });
    for (const { order } of changes.trades) instruments.fills.inc({ symbol: order.symbol, side: order.side });
    for (const { reason } of changes.dropped) instruments.dropped.inc({ reason });
    for (const { code, tracked } of changes.alarms) {
      instruments.alarms.inc({ code });
      if (code === 'REVIVED') this.#unwanted.add(tracked);
    }
    if (changes.alarms.length > 0) this.#cancelUnwanted();
  }

  /** Orders that had ended here and are at the broker after all: nobody wants them any more. */
  #cancelUnwanted(): void {
    for (const tracked of this.#unwanted) {
      const { status, brokerOrderId, clientOrderId } = tracked.order;
      if (isFinal(status)) this.#unwanted.delete(tracked);
      else if (brokerOrderId !== null) {
        void this.#parts.broker.cancel(brokerOrderId).catch((error: unknown) => {
          this.#parts.logger.warn({ clientOrderId, reason: messageOf(error) }, 'an unwanted order is not canceled yet');
        });
      }
    }
  }

  /** What risk-manager says may be another state than before: what waits may go now, or not any more. */
  onTradingState(): void {
    this.dispatcher.wake();
    if (this.#isReducing && this.#isInCharge) this.#resting.sweep();
  }

  /**
   * Takes over a trading state that risk-manager tells of, and waits until no request is under way that places an order,
   * and with REDUCING until nothing rests at the broker that may open a position: after it nothing reaches the broker that
   * the state does not allow. False where that takes longer.
   */
  async takeTradingState(state: TradingState, reason: string): Promise<boolean> {
    this.#parts.risk.tell(state, reason);
    return this.#within(async (late) => {
      await this.dispatcher.quiet();
      while (!late.aborted && this.#isReducing && (!this.#isInCharge || this.#resting.sweep() > 0)) await delay(20);
    });
  }

  /** Takes over what may be traded, and waits until no request is under way that it would not let through. */
  async takeScope(symbols: 'all' | readonly string[]): Promise<boolean> {
    this.#parts.risk.tellScope(symbols);
    return this.#within(() => this.dispatcher.quiet((tracked) => this.#gate(tracked) !== 'open'));
  }

  /** True where the work was done in time. */
  async #within(work: (late: AbortSignal) => Promise<void>): Promise<boolean> {
    const late = AbortSignal.timeout(this.#parts.settings.quietTimeoutMs);
    const over = new Promise<void>((resolve) => late.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([work(late), over]);
    return !late.aborted;
  }

  get #isReducing(): boolean {
    const { known, state } = this.#parts.risk.current();
    return known && state === 'REDUCING';
  }

  /** This engine is the writer, and knows what it has at the broker. */
  get #isInCharge(): boolean {
    return this.#parts.lock.held && this.#reconciled && !this.#stopping;
  }

  #haltedReason(): string | undefined {
    if (this.emergency.reason !== undefined) return this.emergency.reason;
    const { state, known, reason } = this.#parts.risk.current();
    return known && state === 'HALTED' ? `trading is halted: ${reason}` : undefined;
  }

  #gate({ order }: Tracked): ReturnType<DispatcherOptions['gate']> {
    const halted = this.#haltedReason();
    if (halted !== undefined) return { cancel: halted };
    const { known, reason, state, symbols } = this.#parts.risk.current();
    if (!this.#parts.lock.held || !known || symbols === null) return 'hold';
    const inScope = symbols === 'all' || symbols.has(order.symbol);
    if (inScope && state !== 'REDUCING') return 'open';
    const position = this.ledger.book.positions.get(order.symbol)?.quantity ?? new Big(0);
    if (onlyShrinks(order, position, this.ledger.open())) return 'open';
    return inScope
      ? { end: `only orders that shrink a position: ${reason}`, code: 'TRADING_REDUCING' }
      : { end: `${order.symbol} is outside of what the release may trade now (roll-out)`, code: 'OUTSIDE_ROLLOUT' };
  }

  /** Whether orders are taken; a text says why not. */
  #open(): true | string {
    const { lock, settings, now } = this.#parts;
    if (this.emergency.reason !== undefined) {
      throw new HttpError(503, 'TRADING_HALTED', this.emergency.reason, {
        fix: 'reset the circuit breaker once the cause is understood',
      });
    }
    if (this.#stopping) return 'the service is stopping';
    if (!lock.held) return lock.reason;
    if (!this.#loaded) return 'the open orders are not loaded yet';
    if (!this.#reconciled) return 'the first reconciliation with the broker has not gone through yet';
    const stream = this.#parts.stream();
    if (!stream.listening && now() - (stream.since ?? 0) > settings.streamGraceMs) {
      return `the broker's stream has been away for more than ${settings.streamGraceMs / 1000} s`;
    }
    return true;
  }
}
