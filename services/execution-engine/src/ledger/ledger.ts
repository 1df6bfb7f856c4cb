import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { ExternalError, messageOf } from '@papergate/config';
import type { Failpoint } from '../failpoints.ts';
import type { Pool } from '@papergate/service-kit';
import { loadByClientIds, loadOpenOrders, loadUnwanted } from '../store/orders.ts';
import { loadCash, loadDays, loadPositions } from '../store/positions.ts';
import { writeChanges, type RiskEventRow } from '../store/write-changes.ts';
import { Book, dailyKey, noChanges, type Alarm, type Changes, type Update } from './book.ts';
import { tradingDay } from './day.ts';
import { acceptedOrder, type NewOrder } from './order.ts';
import { isFinal } from '../life/states.ts';
import type { Tracked } from './tracked.ts';

export interface LedgerOptions {
  pool: Pool;
  fence: () => number;
  failpoint: Failpoint;
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** After the commit: what changed, for the bus and the metrics. */
  onCommitted: (changes: Changes) => void;
  /** Updates that came for orders nobody here knows. */
  onForeign: () => void;
  /** A write that no retry mends. */
  onFatal: (error: unknown) => void;
  now: () => number;
}

/** Updates that are taken into one transaction at most. */
const BATCH = 1_000;
/** Final orders that stay in memory for what still comes in about them. */
const KEEP_FINAL = 5_000;
const RETRY_MS = [50, 100, 250, 500, 1_000, 2_000];

interface Entry {
  update: Update;
  riskEvent: RiskEventRow | undefined;
  done: () => void;
}

/**
 * The one place where orders, fills, positions and profit change. Updates queue up and are written in batches,
 * one transaction each, in the order in which they came; what is published was committed before. A database
 * that is away holds the queue up and loses nothing: the batch is written again until it stands.
 */
export class Ledger {
  readonly book = new Book();
  readonly #options: LedgerOptions;
  readonly #queue: Entry[] = [];
  readonly #final: Tracked[] = [];
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Updates that wait to be written. */
  get pending(): number {
    return this.#queue.length;
  }

  /**
   * Reads what is open from the database; to be called once, with the writer lock held.
   * @returns orders that nobody wants any more and that the broker may still have open
   */
  async load(): Promise<Tracked[]> {
    const { pool } = this.#options;
    for (const { order, executions } of await loadOpenOrders(pool)) this.book.add(order, executions);
    for (const position of await loadPositions(pool)) this.book.positions.set(position.symbol, position);
    this.book.cash = await loadCash(pool);
    return (await loadUnwanted(pool)).flatMap((id) => this.book.byClientId(id) ?? []);
  }

  /** Takes in an order that was just committed. */
  accept(order: NewOrder): Tracked {
    return this.book.add(acceptedOrder(order));
  }

  open(): Tracked[] {
    return [...this.book.all()].filter(({ order }) => !isFinal(order.status));
  }

  /** Resolves when the update is committed (or was dropped as one that says nothing new). Never rejects. */
  post(update: Update, riskEvent?: RiskEventRow): Promise<void> {
    return new Promise((done) => {
      this.#queue.push({ update, riskEvent, done });
      this.#running ??= this.#drain();
    });
  }

  /** Writes what waits; gives up on a database that is away. */
  async close(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // Everything that came in the same turn of the event loop goes into the same transaction.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#queue.splice(0, BATCH);
      await this.#commit(batch);
      for (const { done } of batch) done();
    }
    this.#running = undefined;
  }

  async #commit(batch: Entry[]): Promise<void> {
    const { logger, onCommitted, onForeign, onFatal, pool, fence } = this.#options;
    const updates = batch.map(({ update }) => update);
    if (!(await this.#persist(() => this.#prepare(updates)))) return;
    const changes = noChanges();
    for (const update of updates) this.book.apply(update, changes);
    await this.#options.failpoint('ledger.applied');
    const riskEvents = [...batch.flatMap(({ riskEvent }) => riskEvent ?? []), ...changes.alarms.map(riskEventOf)];
    const dirty =
      changes.cash ||
      changes.orders.size + changes.events.length + changes.trades.length + changes.positions.size + riskEvents.length >
        0;
    if (dirty && !(await this.#persist(() => writeChanges(pool, fence(), this.book, changes, riskEvents)))) return;
    for (const { reason, detail } of changes.dropped) {
      if (reason === 'impossible') logger.error({ detail }, 'an execution makes no sense and was left out');
    }
    await this.#options.failpoint('ledger.committed');
    for (const { code, message, detail } of changes.alarms) logger.error({ code, ...detail }, message);
    try {
      onCommitted(changes);
    } catch (error) {
      onFatal(error);
    }
    if (changes.dropped.some(({ reason }) => reason === 'foreign')) onForeign();
    this.#retire(changes);
  }

  /** Brings orders and days into memory that the updates speak of and that are not there (any more). */
  async #prepare(updates: readonly Update[]): Promise<void> {
    const ids = new Set<string>();
    const days = new Map<string, Set<string>>();
    for (const update of updates) {
      const report =
        update.kind === 'event' ? update.event.order : update.kind === 'report' ? update.report : undefined;
      if (report !== undefined && this.book.find(report) === undefined) ids.add(report.clientOrderId);
      const executions =
        update.kind === 'executions'
          ? update.executions
          : update.kind === 'event' && update.event.execution
            ? [update.event.execution]
            : [];
      for (const { at } of executions) {
        const day = tradingDay(at);
        const symbols = days.get(day) ?? days.set(day, new Set()).get(day);
        const symbol =
          report?.symbol ??
          (update.kind === 'executions' ? this.book.byClientId(update.clientOrderId)?.order.symbol : undefined);
        if (symbol !== undefined) symbols?.add(symbol);
      }
    }
    if (ids.size > 0) {
      for (const { order, executions } of await loadByClientIds(this.#options.pool, [...ids])) {
        const tracked = this.book.add(order, executions);
        if (isFinal(order.status)) this.#final.push(tracked);
      }
    }
    const missing = [...days].flatMap(([day, symbols]) =>
      [...symbols].some((symbol) => !this.book.daily.has(dailyKey(day, symbol))) ? [day] : [],
    );
    if (missing.length === 0) return;
    for (const [key, row] of await loadDays(this.#options.pool, missing)) {
      if (!this.book.daily.has(key)) this.book.daily.set(key, row);
    }
  }

  /** Repeats until it succeeds; false where it never will or the service stops. */
  async #persist(work: () => Promise<void>): Promise<boolean> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await work();
        return true;
      } catch (error) {
        if (isPermanent(error)) {
          this.#options.onFatal(error);
          return false;
        }
        this.#options.logger.warn({ attempt, reason: messageOf(error) }, 'the ledger cannot be written, trying again');
        if (this.#stopping) return false;
        await delay(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]);
      }
    }
  }

  #retire(changes: Changes): void {
    for (const tracked of changes.orders) {
      if (isFinal(tracked.order.status)) this.#final.push(tracked);
    }
    for (const tracked of this.#final.splice(0, Math.max(0, this.#final.length - KEEP_FINAL))) {
      if (isFinal(tracked.order.status) && !this.book.gaps.has(tracked)) this.book.forget(tracked);
    }
  }
}

const riskEventOf = ({ code, tracked: { order }, message, detail }: Alarm): RiskEventRow => ({
  code: `ORDER_${code}`,
  symbol: order.symbol,
  clientOrderId: order.clientOrderId,
  message,
  detail,
});

/** What the database refuses for what it is (classes 22, 23, 42) will be refused again; so will a writer that was replaced. */
function isPermanent(error: unknown): boolean {
  if (error instanceof ExternalError) return error.code === 'ORDER_WRITER_REPLACED';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(22|23|42)/.test(code);
}
