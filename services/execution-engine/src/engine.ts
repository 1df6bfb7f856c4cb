import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { HttpError, type BusPublisher, type Pool, type ServiceClient } from '@papergate/service-kit';
import type { Broker, BrokerStream } from './broker/broker.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { LookUp } from './dispatch/look-up.ts';
import { EmergencyStop } from './emergency.ts';
import type { Instruments } from './instruments.ts';
import { createCommitter, type Committer } from './intake/committer.ts';
import { Intake } from './intake/intake.ts';
import type { Changes } from './ledger/book.ts';
import { Ledger } from './ledger/ledger.ts';
import type { NewOrder } from './ledger/order.ts';
import { publishChanges, publishOrder } from './publish.ts';
import { CatchUp } from './reconcile/catch-up.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import type { RiskClient } from './risk/risk-client.ts';
import type { EngineSettings } from './settings.ts';
import type { WriterLock } from './store/writer-lock.ts';

export interface EngineParts {
  pool: Pool;
  lock: WriterLock;
  broker: Broker;
  stream: () => BrokerStream;
  risk: RiskClient;
  riskHttp: Pick<ServiceClient, 'send'>;
  publisher: BusPublisher;
  instruments: Instruments;
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
  readonly #timers: NodeJS.Timeout[] = [];
  #loaded = false;
  #reconciled = false;
  #stopping = false;
  #reconcileSoon: NodeJS.Timeout | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { broker, instruments, lock, logger, pool, settings, now } = parts;
    const fence = (): number => lock.fence ?? -1;
    this.ledger = new Ledger({
      pool,
      fence,
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
      resend: (tracked) => this.dispatcher.enqueue(tracked, true),
      halted: () => this.#haltedReason(),
      logger,
      resendAfterMs: settings.resendAfterMs,
      intervalMs: settings.lookUpIntervalMs,
      onSettled: (settled) => instruments.unknown.inc({ settled }),
      now,
    });
    this.dispatcher = new Dispatcher({
      broker,
      post,
      onUnknown: (tracked) => void this.lookUp.settle(tracked),
      gate: () => this.#gate(),
      logger,
      concurrency: settings.dispatchConcurrency,
      retryMs: settings.dispatchRetryMs,
      observe: (seconds, outcome) => instruments.dispatch.observe({ outcome }, seconds),
      now,
    });
    this.#committer = createCommitter({ pool, fence, onBatch: (orders) => instruments.batch.observe(orders) });
    this.intake = new Intake({
      committer: this.#committer,
      check: (order) => parts.risk.check(order),
      release: (clientOrderId) => parts.risk.release(clientOrderId),
      open: () => this.#open(),
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
      logger,
      onDifference: (kind) => instruments.differences.inc({ kind }),
      onRound: (ok) => instruments.rounds.inc({ result: ok ? 'ok' : 'failed' }),
      minAgeMs: settings.reconcileMinAgeMs,
      pauseMs: settings.reconcilePauseMs,
      now,
    });
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

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#reconcileSoon);
    await this.dispatcher.close();
    await this.lookUp.close();
    await this.reconciler.close();
    await this.ledger.close();
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
        return await this.ledger.load();
      } catch (error) {
        this.#parts.logger.warn({ attempt, reason: messageOf(error) }, 'the open orders cannot be read yet');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async #reconcile(): Promise<void> {
    if (this.#stopping || !this.#parts.lock.held || !this.#parts.stream().listening) return;
    const first = !this.#reconciled;
    if (!(await this.reconciler.run()) || this.#stopping || !first || this.#reconciled) return;
    this.#reconciled = true;
    this.#resume();
  }

  /**
   * Orders that an earlier process left behind. Whether an `accepted` one went out is not known; its
   * client_order_id makes sending it (again) safe. An `unknown` one is looked up first.
   */
  #resume(): void {
    const halted = this.#haltedReason();
    for (const tracked of this.ledger.open()) {
      if (tracked.order.brokerOrderId !== null) continue;
      if (tracked.order.status === 'unknown' || halted !== undefined) void this.lookUp.settle(tracked);
      else this.dispatcher.enqueue(tracked, true);
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
    this.#parts.instruments.orders.inc({ status: 'accepted' });
    publishOrder(this.#parts.publisher, tracked);
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
    publishChanges(publisher, changes);
    for (const { order } of changes.orders) instruments.orders.inc({ status: order.status });
    for (const { order } of changes.trades) instruments.fills.inc({ symbol: order.symbol, side: order.side });
    for (const { reason } of changes.dropped) instruments.dropped.inc({ reason });
  }

  #haltedReason(): string | undefined {
    if (this.emergency.reason !== undefined) return this.emergency.reason;
    const { state, known, reason } = this.#parts.risk.current();
    return known && state === 'HALTED' ? `trading is halted: ${reason}` : undefined;
  }

  #gate(): 'open' | 'hold' | { cancel: string } {
    const halted = this.#haltedReason();
    if (halted !== undefined) return { cancel: halted };
    return this.#parts.lock.held && this.#parts.risk.current().known ? 'open' : 'hold';
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
