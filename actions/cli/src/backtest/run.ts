import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import {
  formatMoney,
  formatPrice,
  parseScaled,
  parseTimeOfDay,
  toRfc3339,
  valueOf,
  type MarketTick,
} from '@papergate/paper-exchange/backtest';
import { createBacktestRisk, type BacktestRisk, type RiskEvent, type Tick } from '@papergate/risk-manager/backtest';
import { Engine, type Signal } from '@papergate/signal-bridge/backtest';
import { mistakes } from './errors.ts';
import { Agenda } from './sim/agenda.ts';
import { Books } from './sim/books.ts';
import { readDays, symbolsOf, type DayBatch } from './sim/data.ts';
import { Market } from './sim/market.ts';
import { OrderPath } from './sim/order-path.ts';
import { EquityCurve } from './sim/curve.ts';
import { FORMULAS, percentOf, Statistics } from './sim/statistics.ts';
import { Tallies } from './sim/tallies.ts';
import type { BacktestOptions, BacktestReport, FillRecord, ResultRecord } from './types.ts';

const MINUTE = 60_000_000;
/** Of these only so many are told; refusals are counted. */
const MOST_EVENTS = 1_000;

const femtos = (text: string): bigint => parseScaled(text, 15) ?? 0n;
const sorted = (counts: Iterable<[string, number]>): Record<string, number> =>
  Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));

/**
 * Runs strategies over recorded ticks: the engine of signal-bridge, the decisions of risk-manager and the matching of
 * paper-exchange, on the clock of the ticks. Deterministic: the same inputs and the same seed give the same report.
 *
 * @throws UserError BACKTEST_EMPTY, BACKTEST_ORDER, REPLAY_CORRUPT, STRATEGY_CREATE
 */
export async function runBacktest(options: BacktestOptions): Promise<BacktestReport> {
  return new Backtest(options).run();
}

class Backtest {
  readonly #options: BacktestOptions;
  readonly #from: number;
  readonly #to: number;
  readonly #agenda = new Agenda();
  readonly #market: Market;
  readonly #books: Books;
  readonly #path: OrderPath;
  readonly #risk: BacktestRisk;
  readonly #engine: Engine;
  readonly #tallies: Tallies;
  readonly #statistics: Statistics;
  readonly #curve: EquityCurve;
  readonly #events: BacktestReport['events'] = [];
  #date: string | undefined;
  #ticks = 0;
  #first = 0;
  #last = 0;
  #nextWatch = Infinity;
  #nextAccount = Infinity;
  #nextMinute = Infinity;

  constructor(options: BacktestOptions) {
    const { conditions, seed, strategies } = options;
    this.#options = options;
    this.#from = options.from === undefined ? 0 : parseTimeOfDay('--from', options.from);
    this.#to = options.to === undefined ? Infinity : parseTimeOfDay('--to', options.to);
    const startingCash = femtos(conditions.startingCash);
    this.#market = new Market({
      symbols: symbolsOf(options.files),
      startingCash,
      seed,
      partialFills: conditions.partialFills,
      start: Date.parse(`${options.files[0]?.date ?? '1970-01-01'}T00:00:00Z`) * 1000,
      onExchange: options.onExchange,
    });
    this.#books = new Books(startingCash, femtos(conditions.feePerShare));
    this.#path = new OrderPath({
      market: this.#market,
      books: this.#books,
      risk: () => this.#risk,
      agenda: this.#agenda,
      conditions,
      seed,
    });
    this.#statistics = new Statistics(startingCash);
    this.#curve = new EquityCurve(startingCash);
    this.#risk = createBacktestRisk({
      limits: options.limits,
      now: () => Math.floor(this.#market.clock.now() / 1000),
      books: this.#books,
      account: () => this.#market.accountView(this.#books.fees),
      place: (body) => this.#placeProtective(body),
      onEvent: (event) => this.#note(event),
    });
    this.#tallies = new Tallies(strategies);
    this.#engine = new Engine({ strategies, events: this.#tallies.events, seed });
  }

  async run(): Promise<BacktestReport> {
    for await (const batch of readDays(this.#options.files)) {
      this.#options.signal?.throwIfAborted();
      if (this.#date !== batch.date && this.#ticks > 0) await this.#newDay(batch);
      await this.#batch(batch);
    }
    if (this.#ticks === 0) {
      throw mistakes.empty(this.#options.from ?? '00:00', this.#options.to ?? '24:00');
    }
    // What is on its way arrives; the market does not move any more.
    this.#nextWatch = this.#nextAccount = this.#nextMinute = Infinity;
    await this.#catchUp(Number.MAX_SAFE_INTEGER);
    this.#look(this.#last);
    return this.#report();
  }

  async #batch({ date, midnight, ticks }: DayBatch): Promise<void> {
    const from = midnight + this.#from;
    const to = midnight + this.#to;
    for (const tick of ticks) {
      if (tick.time >= to) return;
      if (tick.time >= this.#due) await this.#catchUp(tick.time);
      this.#market.tick(tick);
      if (this.#market.hasNews) this.#path.collect();
      const seen = busTick(tick, this.#ticks + 1);
      this.#risk.mark(seen);
      // Before the window prices are taken in, and nobody decides.
      if (tick.time < from) continue;
      if (this.#date !== date) await this.#begin(date, tick.time);
      this.#ticks += 1;
      this.#last = tick.time;
      this.#engine.add(seen, (signal) => this.#take(signal));
    }
  }

  #take({ id, price, quantity, side, strategy, symbol }: Signal): void {
    const clientOrderId = `${strategy}-${id}`;
    // As signal-bridge's outbox does: a signal of the same name is the same signal.
    if (this.#path.has(clientOrderId)) return this.#tallies.events.suppressed(strategy, 'cooldown');
    this.#tallies.signal(strategy);
    const order = { clientOrderId, symbol, side, quantity, strategy, seenAt: price };
    this.#tallies.order(strategy, this.#path.submit(order) === 200);
  }

  get #due(): number {
    return Math.min(this.#agenda.next, this.#nextWatch, this.#nextAccount, this.#nextMinute);
  }

  /** The first tick of a day's window. */
  async #begin(date: string, at: number): Promise<void> {
    if (this.#date === undefined) {
      this.#first = at;
      await this.#risk.start();
    } else await this.#risk.sync();
    this.#date = date;
    this.#nextWatch = at + this.#risk.monitorMs * 1000;
    this.#nextAccount = at + this.#risk.accountMs * 1000;
    this.#nextMinute = Math.ceil(at / MINUTE) * MINUTE;
  }

  /** What was on its way in the evening arrives before the morning; nobody watches overnight. */
  async #newDay(batch: DayBatch): Promise<void> {
    this.#nextWatch = this.#nextAccount = this.#nextMinute = Infinity;
    await this.#catchUp(batch.midnight);
    this.#statistics.newDay();
  }

  /** All that is due until `at`, in the order of its times. */
  async #catchUp(at: number): Promise<void> {
    for (let due = this.#due; due <= at && due !== Infinity; due = this.#due) {
      this.#market.advanceTo(due);
      if (this.#market.hasNews) this.#path.collect();
      if (this.#agenda.next <= due) this.#agenda.take()?.();
      else if (this.#nextWatch <= due) {
        this.#nextWatch += this.#risk.monitorMs * 1000;
        this.#look(due);
        await this.#risk.watch();
      } else if (this.#nextAccount <= due) {
        this.#nextAccount += this.#risk.accountMs * 1000;
        await this.#risk.refreshAccount();
      } else {
        this.#nextMinute += MINUTE;
        if (this.#market.isOpen(due)) this.#statistics.minute(this.#equity());
      }
    }
  }

  #look(at: number): void {
    const equity = this.#equity();
    this.#statistics.see(equity);
    this.#curve.see(at, equity);
  }

  #equity(): bigint {
    return this.#market.equity() - this.#books.fees;
  }

  #placeProtective(body: Record<string, string>): number {
    const { client_order_id: clientOrderId = '', quantity = '0', side, symbol = '' } = body;
    const order = { clientOrderId, symbol, side: side === 'buy' ? 'buy' : 'sell', quantity, strategy: null } as const;
    const status = this.#path.submit(order);
    if (status === 200) this.#tallies.protective += 1;
    return status;
  }

  #note({ kind, code, message }: RiskEvent): void {
    if (kind === 'refusal' || this.#events.length >= MOST_EVENTS) return;
    this.#events.push({ at: toRfc3339(this.#market.clock.now()), kind, code, message });
  }

  #report(): BacktestReport {
    const { conditions, environment, files, from, limits, seed, to } = this.#options;
    const statuses = new Map<string, number>();
    for (const { status } of this.#books.all.values()) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    return {
      version: 1,
      inputs: {
        files: files.map(({ path }) => basename(path)),
        environment,
        risk_limits_sha256: createHash('sha256').update(JSON.stringify(limits)).digest('hex'),
        seed,
        from: from ?? null,
        to: to ?? null,
        latency_ms: conditions.latencyMs,
        jitter_ms: conditions.jitterMs,
        fee_per_share: conditions.feePerShare,
        partial_fills: conditions.partialFills,
        starting_cash: conditions.startingCash,
      },
      market: {
        ticks: this.#ticks,
        first: toRfc3339(this.#first),
        last: toRfc3339(this.#last),
        symbols: symbolsOf(files),
      },
      strategies: this.#tallies.records(this.#books.fills),
      orders: { placed: this.#books.all.size, protective: this.#tallies.protective, by_status: sorted(statuses) },
      refusals: sorted(this.#path.refusals),
      rejections: sorted(this.#path.rejections),
      events: this.#events,
      trading_state: this.#risk.state,
      result: this.#result(),
      equity: this.#curve.points(),
      positions: this.#positions(),
      trades: this.#books.trades,
      fills: this.#books.fills,
    };
  }

  #result(): ResultRecord {
    const { account, fees, trades } = this.#books;
    const total = this.#equity() - account.startingCash;
    const traded = this.#books.fills.reduce((sum, fill) => sum + valueOfFill(fill), 0n);
    const won = trades.filter(({ pnl }) => !pnl.startsWith('-') && pnl !== '0').length;
    return {
      total_pnl: formatMoney(total),
      realized_pnl: formatMoney(account.realized),
      unrealized_pnl: formatMoney(total + fees - account.realized),
      fees: formatMoney(fees),
      slippage: formatMoney(this.#path.slippage),
      final_equity: formatMoney(this.#equity()),
      return_percent: percentOf(total, account.startingCash),
      max_drawdown: this.#statistics.maxDrawdown,
      max_drawdown_percent: this.#statistics.maxDrawdownPercent,
      sharpe_ratio: this.#statistics.sharpe,
      traded_value: formatMoney(traded),
      turnover_percent: percentOf(traded, account.startingCash),
      trades: trades.length,
      winning_trades: won,
      win_rate_percent: trades.length === 0 ? null : percentOf(BigInt(won), BigInt(trades.length)),
      formulas: FORMULAS,
    };
  }

  #positions(): BacktestReport['positions'] {
    return this.#books.positions().map(({ symbol, quantity, avg_entry_price }) => {
      const held = this.#books.account.positions.get(symbol);
      const price = this.#market.price(symbol);
      const unrealized = held === undefined ? 0n : valueOf(price, held.qty) - held.cost;
      const market_price = formatPrice(price);
      return { symbol, quantity, avg_entry_price, market_price, unrealized_pnl: formatMoney(unrealized) };
    });
  }
}

/** Nine places each: 10⁻¹⁸ USD, and three of them fewer are femtos. */
const valueOfFill = ({ price, quantity }: FillRecord): bigint =>
  ((parseScaled(price, 9) ?? 0n) * (parseScaled(quantity, 9) ?? 0n)) / 1_000n;

/** As market-data puts a tick on the bus. */
function busTick(tick: MarketTick, n: number): Tick {
  const { symbol: s, time: t } = tick;
  if (tick.kind === 't') return { n, s, k: 't', t, r: t, p: tick.price, v: tick.size };
  return { n, s, k: 'q', t, r: t, b: tick.bid, bs: tick.bidSize, a: tick.ask, as: tick.askSize };
}
