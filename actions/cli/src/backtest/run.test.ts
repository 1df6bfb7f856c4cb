import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '@papergate/paper-exchange/backtest';
import { loadStrategies } from '@papergate/signal-bridge/backtest';
import { reportText } from './index.ts';
import { CONDITIONS, limitsOf, MOMENTUM, run, scripted, TEN, TickFolder, walk, type Row } from './testing.ts';
import type { BacktestReport } from './types.ts';

const SEED = 20_240_605;
let folder: TickFolder;
beforeAll(() => {
  folder = new TickFolder();
});
afterAll(() => folder.remove());

const BUY = { side: 'buy', reason: 'because' };
const SELL = { side: 'sell', reason: 'because' };
const flat = (count: number, usd = 100): number[] => Array.from({ length: count }, () => usd);

/** A random walk by a seed. */
function randomRows(seed: number, count: number): Row[] {
  const random = seededRandom(seed);
  let usd = 100;
  return walk(
    Array.from({ length: count }, () => {
      usd = Math.round(usd * (1 + (random() - 0.5) * 0.004) * 100) / 100;
      return usd;
    }),
  );
}

describe('an order', () => {
  test('fills at the price that the market has once the order is there, not at that of the decision', async () => {
    // The bar of 10:00:00 closes with the tick of 10:00:01; the order arrives 50 ms later, after the jump of 10:00:01.020.
    const jump = { ms: TEN + 1020, bid: 101, ask: 101.02 };
    const paths = folder.tape([...walk(flat(2)), jump, ...walk(flat(3, 101), TEN + 2000)], 'aapl');
    const strategies = await scripted({ 1: BUY });
    const late = await run(paths, strategies);
    expect(late.fills).toMatchObject([{ side: 'buy', quantity: '10', price: '101.02', strategy: 'scripted' }]);
    expect(late.fills[0]?.at).toBe('2024-06-05T14:00:01.050000Z');
    expect(late.result.slippage).toBe('10.2');
    const early = await run(paths, strategies, { conditions: { ...CONDITIONS, latencyMs: 10 } });
    expect(early.fills).toMatchObject([{ price: '100.01' }]);
  });

  test('takes no more than the market shows, and the rest at the next quote', async () => {
    const rows = walk(flat(6)).map((row) => ({ ...row, size: 4 }));
    const report = await run(folder.tape(rows), await scripted({ 1: BUY }));
    expect(report.fills.map(({ quantity }) => quantity)).toEqual(['4', '4', '2']);
    expect(report.orders.by_status).toEqual({ filled: 1 });
  });

  test('that the limits do not allow is refused with risk-manager’s code, and never reaches the exchange', async () => {
    const wanted = { 1: { ...BUY, quantity: '501' }, 2: SELL, 3: { ...BUY, quantity: '400' }, 4: BUY };
    const report = await run(folder.tape(walk(flat(7))), await scripted(wanted));
    expect(report.refusals).toEqual({ RISK_ORDER_QUANTITY: 1, RISK_ORDER_VALUE: 1, RISK_SHORT: 1 });
    expect(report.strategies).toMatchObject([{ signals: 4, orders: 1, refused: 3, fills: 1 }]);
    expect(report.orders).toEqual({ placed: 1, protective: 0, by_status: { filled: 1 } });
  });

  test('outside market hours is refused: the clock is that of the ticks', async () => {
    const report = await run(folder.tape(walk(flat(4), 8 * 3_600_000)), await scripted({ 1: BUY }));
    expect(report.refusals).toEqual({ RISK_OUTSIDE_HOURS: 1 });
  });

  test('decided at the last tick still arrives', async () => {
    const report = await run(folder.tape(walk(flat(2))), await scripted({ 1: BUY }));
    expect(report.fills).toMatchObject([{ at: '2024-06-05T14:00:01.050000Z' }]);
  });

  test('that comes to the exchange before the market opens waits there', async () => {
    const limits = limitsOf((early) => {
      early.time_restrictions.regular_hours_only = false;
      early.time_restrictions.blackout_periods = [];
      early.time_restrictions.no_new_positions_before_close_minutes = 0;
    });
    const report = await run(folder.tape(walk(flat(4), 9 * 3_600_000)), await scripted({ 1: BUY }), { limits });
    expect(report.orders.by_status).toEqual({ accepted: 1 });
  });

  test('is filled by half first, where partial fills are asked for', async () => {
    const conditions = { ...CONDITIONS, partialFills: 1 };
    const report = await run(folder.tape(walk(flat(5))), await scripted({ 1: BUY }), { conditions });
    expect(report.fills.map(({ at, quantity }) => [at.slice(17, 23), quantity])).toEqual([
      ['01.050', '5'],
      ['02.000', '5'],
    ]);
  });

  test('of a signal that was given before is no second one', async () => {
    const row = { bid: 99.99, ask: 100.01 };
    const rows = [0, 1000, 1000, 2000].map((ms) => ({ ms: TEN + ms, ...row }));
    const plugin = {
      interface: 1,
      parameters: { type: 'object' },
      create: () => ({ onTick: ({ time }: { time: number }) => (time % 2_000_000 === 0 ? undefined : BUY) }),
    };
    const { kind: _kind, window: _window, threshold: _threshold, ...config } = MOMENTUM;
    const strategies = await loadStrategies([{ ...config, plugin: 'own', parameters: {} }], {
      load: () => Promise.resolve({ default: plugin }),
    });
    const report = await run(folder.tape(rows), strategies);
    expect(report.strategies).toMatchObject([{ signals: 1, suppressed: 1, orders: 1 }]);
    expect(report.orders.placed).toBe(1);
  });

  test('is held against the buying power that there is now, not against that of the morning', async () => {
    const limits = limitsOf((wide) => {
      wide.position_limits.max_symbol_concentration_percent = 100;
    });
    const script = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [1 + index * 4, index % 2 === 0 ? BUY : SELL]),
    );
    const conditions = { ...CONDITIONS, startingCash: '2000' };
    const report = await run(folder.tape(walk(flat(90))), await scripted(script), { limits, conditions });
    expect([report.refusals, report.trades.length]).toEqual([{}, 10]);
  });

  test('that the exchange refuses is counted by the exchange’s code', async () => {
    const limits = limitsOf((wide) => {
      wide.position_limits.max_position_value = '100000000';
      wide.position_limits.max_gross_exposure = '100000000';
      wide.position_limits.max_net_exposure = '100000000';
      wide.position_limits.max_symbol_concentration_percent = 100;
      wide.order_validation.refuse_wash_trades = false;
    });
    // A purchase that can be filled in part only rests when the sale arrives: the exchange sees an account trade with itself.
    const rows = walk(flat(5)).map((row) => ({ ...row, size: 1 }));
    const report = await run(folder.tape(rows), await scripted({ 1: BUY, 2: { ...SELL, quantity: '1' } }), { limits });
    expect(report.rejections).toEqual({ 40310000: 1 });
    expect(report.orders.by_status).toMatchObject({ rejected: 1 });
  });
});

describe('what guards a position', () => {
  test('closes it at its stop, and at its target', async () => {
    for (const [prices, outcome] of [
      [[...flat(3), ...flat(6, 97.5)], '-'],
      [[...flat(3), ...flat(6, 104.5)], ''],
    ] as const) {
      const report = await run(folder.tape(walk(prices)), await scripted({ 1: BUY }));
      expect(report.orders.protective).toBe(1);
      expect(report.fills.map(({ side, strategy }) => [side, strategy])).toEqual([
        ['buy', 'scripted'],
        ['sell', null],
      ]);
      expect(report.trades).toMatchObject([{ symbol: 'AAPL', side: 'long', quantity: '10' }]);
      expect(report.trades[0]?.pnl.startsWith(outcome)).toBe(true);
      expect(report.positions).toEqual([]);
    }
  });

  test('trips the breaker at the loss of a day, and then nothing opens a position', async () => {
    const limits = limitsOf((tight) => {
      tight.loss_limits.max_daily_loss = '5';
      tight.stop_loss.enabled = false;
    });
    const script = { 1: BUY, 6: { ...BUY, quantity: '7' } };
    const report = await run(folder.tape(walk([...flat(3), ...flat(6, 99)])), await scripted(script), { limits });
    expect(report.events).toContainEqual(expect.objectContaining({ kind: 'trip', code: 'RISK_DAILY_LOSS' }));
    expect(report.trading_state).toBe('HALTED');
    expect(report.refusals).toEqual({ RISK_HALTED: 1 });
  });

  test('trips the breaker at the loss of a week, in which the day before counts', async () => {
    const limits = limitsOf((tight) => {
      tight.loss_limits.max_daily_loss = '7';
      tight.loss_limits.max_weekly_loss = '9';
      tight.stop_loss.enabled = false;
    });
    const falling = [...flat(2), ...flat(5, 99.5)];
    const files = [
      ...folder.tape(walk(falling), 'aapl', '20240603'),
      ...folder.tape(walk(falling), 'aapl', '20240604'),
    ];
    const script = { 1: BUY, 4: SELL, 7: BUY, 10: SELL };
    const report = await run(files, await scripted(script), { limits });
    const trips = report.events.filter(({ kind }) => kind === 'trip').map(({ at, code }) => [at.slice(0, 10), code]);
    expect(trips).toEqual([['2024-06-04', 'RISK_WEEKLY_LOSS']]);
  });

  test('trips the breaker at the last loss in a row that is allowed', async () => {
    const limits = limitsOf((tight) => {
      tight.loss_limits.max_consecutive_losses = 2;
    });
    const script = { 1: BUY, 3: SELL, 5: { ...BUY, quantity: '3' }, 7: { ...SELL, quantity: '3' } };
    const report = await run(folder.tape(walk(flat(11))), await scripted(script), { limits });
    expect(report.events).toMatchObject([{ kind: 'trip', code: 'RISK_CONSECUTIVE_LOSSES' }]);
    // Not at the next look at the marks, but with the fill.
    expect(report.events[0]?.at).toBe('2024-06-05T14:00:07.100000Z');
  });
});

describe('the window', () => {
  test('leaves out what is before and after, but the books are as they stand when it begins', async () => {
    const paths = folder.tape(walk(flat(120), TEN - 60_000));
    const report = await run(paths, await scripted({ 1: BUY }), { from: '10:00', to: '10:00:30' });
    expect(report.market).toEqual({
      ticks: 60,
      first: '2024-06-05T14:00:00.000000Z',
      last: '2024-06-05T14:00:29.000000Z',
      symbols: ['AAPL'],
    });
    expect(report.fills).toHaveLength(1);
  });

  test('spans days: what happens on the second counts for itself', async () => {
    const files = [
      ...folder.tape(walk(flat(5)), 'aapl', '20240605'),
      ...folder.tape(walk(flat(5, 101)), 'aapl', '20240606'),
    ];
    const limits = limitsOf((few) => {
      few.order_validation.max_trades_per_day = 1;
    });
    const script = { 1: BUY, 2: { ...BUY, quantity: '3' }, 5: { ...BUY, quantity: '5' }, 6: { ...BUY, quantity: '4' } };
    const report = await run(files, await scripted(script), { limits });
    expect(report.fills.map(({ at, side }) => [at.slice(0, 10), side])).toEqual([
      ['2024-06-05', 'buy'],
      ['2024-06-06', 'buy'],
    ]);
    expect(report.refusals).toEqual({ RISK_TRADES_PER_DAY: 2 });
  });
});

describe('the result', () => {
  test('is cash and what is held at the market, less fees', async () => {
    const conditions = { ...CONDITIONS, feePerShare: '0.005' };
    const report = await run(folder.tape(walk([...flat(3), ...flat(3, 100.5)])), await scripted({ 1: BUY }), {
      conditions,
    });
    expect(report.result).toMatchObject({
      total_pnl: '4.85',
      realized_pnl: '0',
      unrealized_pnl: '4.9',
      fees: '0.05',
      final_equity: '100004.85',
      return_percent: '0.0048',
      trades: 0,
    });
    expect(report.positions).toEqual([
      { symbol: 'AAPL', quantity: '10', avg_entry_price: '100.01', market_price: '100.5', unrealized_pnl: '4.9' },
    ]);
  });

  test('of a trade is what it brought, less the fees of all its fills', async () => {
    const conditions = { ...CONDITIONS, feePerShare: '0.005' };
    const script = { 1: BUY, 3: SELL };
    const report = await run(folder.tape(walk([...flat(2), ...flat(5, 101)])), await scripted(script), { conditions });
    expect(report.trades).toEqual([
      {
        symbol: 'AAPL',
        side: 'long',
        opened_at: '2024-06-05T14:00:01.050000Z',
        closed_at: '2024-06-05T14:00:03.050000Z',
        quantity: '10',
        pnl: '9.7',
      },
    ]);
    expect(report.result).toMatchObject({ total_pnl: '9.7', realized_pnl: '9.8', trades: 1, winning_trades: 1 });
  });

  test('of a strategy that fails tells what stopped it', async () => {
    const report = await run(folder.tape(walk(flat(6))), await scripted({ 2: { side: 'hold', reason: '' }, 3: BUY }));
    expect(report.strategies).toMatchObject([
      { signals: 0, failure: { reason: 'output', detail: 'its side is "hold", allowed: "buy", "sell"' } },
    ]);
  });
});

describe('a report is a function of its inputs', () => {
  const strategies = () =>
    loadStrategies([MOMENTUM, { ...MOMENTUM, name: 'reverter', kind: 'mean_reversion', window: 5, threshold: 1.2 }]);
  const conditions = { ...CONDITIONS, jitterMs: 400, partialFills: 0.5, feePerShare: '0.001' };
  const sum = (values: string[]): number => values.reduce((total, value) => total + Number(value), 0);

  test('the same ticks and seed give the same bytes, and the books always balance', async () => {
    let fills = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (tapeSeed, seed) => {
        const paths = folder.tape(randomRows(tapeSeed, 200));
        const once = await run(paths, await strategies(), { seed, conditions });
        const again = await run(paths, await strategies(), { seed, conditions });
        expect(reportText(again)).toBe(reportText(once));
        balance(once);
        fills += once.fills.length;
      }),
      { seed: SEED, numRuns: 15, verbose: true },
    );
    expect(fills).toBeGreaterThan(100);
  });

  function balance({ fills, positions, result, strategies: records, refusals, orders }: BacktestReport): void {
    const signed = fills.map(({ side, quantity }) => (side === 'buy' ? quantity : `-${quantity}`));
    expect(sum(signed)).toBe(sum(positions.map(({ quantity }) => quantity)));
    const cash = fills.map(({ side, quantity, price }) => Number(quantity) * Number(price) * (side === 'buy' ? -1 : 1));
    const held = positions.map(({ quantity, market_price: market }) => Number(quantity) * Number(market));
    const total = [...cash, ...held].reduce((all, value) => all + value, 0) - Number(result.fees);
    expect(Number(result.total_pnl)).toBeCloseTo(total, 6);
    expect(Number(result.realized_pnl) + Number(result.unrealized_pnl) - Number(result.fees)).toBeCloseTo(total, 6);
    const signals = records.reduce((all, { signals: own }) => all + own, 0);
    const refused = Object.values(refusals).reduce((all, times) => all + times, 0);
    expect(orders.placed - orders.protective + records.reduce((all, record) => all + record.refused, 0)).toBe(signals);
    expect(refused).toBeGreaterThanOrEqual(signals - orders.placed);
  }

  test('another seed gives other latencies, and so another report', async () => {
    const paths = folder.tape(randomRows(7, 200));
    const one = await run(paths, await strategies(), { seed: 1, conditions });
    const two = await run(paths, await strategies(), { seed: 2, conditions });
    expect(two.fills).not.toEqual(one.fills);
    expect(two.strategies.map(({ signals }) => signals)).toEqual(one.strategies.map(({ signals }) => signals));
  });
});
