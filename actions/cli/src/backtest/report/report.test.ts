import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EquityCurve } from '../sim/curve.ts';
import { run, scripted, TickFolder, walk } from '../testing.ts';
import type { BacktestReport } from '../types.ts';
import { reportPage } from './page.ts';
import { niceTicks, seriesPlot, tradePlot } from './plots.ts';

const NAME = 'it <b>wins</b>';
let folder: TickFolder;
let report: BacktestReport;
beforeAll(async () => {
  folder = new TickFolder();
  const tape = folder.tape(walk([100, 100, 101, 101, 100, 100, 99, 99, 98, 98, 98, 98]));
  const [buy, sell] = [
    { side: 'buy', reason: 'r' },
    { side: 'sell', reason: 'r' },
  ];
  const strategies = await scripted({ 1: buy, 3: sell, 5: buy, 8: sell, 10: sell }, { name: 'scripted' });
  report = await run(tape, strategies);
  const [first] = report.strategies;
  if (first !== undefined) first.name = NAME;
});
afterAll(() => folder.remove());

const DOLLAR = 10n ** 15n;
const START = Date.UTC(2024, 5, 5, 14) * 1000;

describe('the page of a backtest', () => {
  test('has the same bytes every time, no script, and nothing from elsewhere', () => {
    const page = reportPage(report);
    expect(reportPage(structuredClone(report))).toBe(page);
    expect(page).not.toMatch(/<script|<link|\bsrc=|url\(|https?:\/\//);
  });

  test('shows figures, plots, trades, fills and refusals by code, names as text', () => {
    const page = reportPage(report);
    expect(page).toContain('it &lt;b&gt;wins&lt;/b&gt;');
    for (const words of ['max. drawdown', 'Sharpe ratio', 'turnover', 'win rate', 'RISK_SHORT', '2 trades', '4 fills'])
      expect(page).toContain(words);
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page).toContain('risk-free rate 0, times √(252 · 390)');
  });

  test('says what was stopped', () => {
    const failure = { reason: 'threw', detail: 'no <i>price</i>' };
    const strategies = report.strategies.map((one) => ({ ...one, failure }));
    const page = reportPage({ ...report, strategies });
    expect(page).toContain('was stopped (threw): no &lt;i&gt;price&lt;/i&gt;');
  });

  test('has turnover and win rate by their formulas', () => {
    const { result, fills } = report;
    const traded = fills.reduce((sum, { price, quantity }) => sum + Number(price) * Number(quantity), 0);
    expect(fills).toHaveLength(4);
    expect(Number(result.traded_value)).toBeCloseTo(traded, 6);
    expect(Number(result.turnover_percent)).toBeCloseTo(traded / 1000, 3);
    expect([result.winning_trades, result.win_rate_percent]).toEqual([1, '50']);
  });
});

describe('the equity curve', () => {
  test('ends where the money ends, and starts with its first look', () => {
    const last = report.equity.at(-1);
    expect(last?.equity).toBe(report.result.final_equity);
    expect(report.equity[0]?.at.slice(0, 10)).toBe('2024-06-05');
  });

  test('keeps the deepest fall and the last value, however many looks there were', () => {
    const curve = new EquityCurve(100n * DOLLAR);
    for (let at = 0; at < 12_345; at++) {
      const value = at === 7_001 ? 50n : 100n;
      curve.see(START + at * 1_000_000, value * DOLLAR);
    }
    curve.see(START + 12_345_000_000, 99n * DOLLAR);
    const points = curve.points();
    expect(points.length).toBeLessThanOrEqual(500);
    expect(points.length).toBeGreaterThan(200);
    expect(points.filter(({ drawdown_percent: down }) => down === '50')).toHaveLength(1);
    expect(points.at(-1)).toMatchObject({ equity: '99', drawdown_percent: '1' });
  });
});

describe('a plot', () => {
  test.each([
    [0, 0],
    [100_000, 100_000],
    [-3.7, 12.2],
    [99_940.1, 100_004.9],
    [-1e-4, 0],
  ])('of %p to %p has round steps around them', (low, high) => {
    const ticks = niceTicks(low, high);
    expect(ticks[0]).toBeLessThanOrEqual(low);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(high);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThan(9);
  });

  test('of trades counts what brought nothing with the losses, as the win rate does', () => {
    const plot = tradePlot('t', [0, 0, 5, -5]).text;
    expect(plot.match(/class="loss"/g)).toHaveLength(2);
    expect(plot.match(/class="gain"/g)).toHaveLength(1);
    expect(plot).toContain('1 of 4 gained');
  });

  test('says so where there is nothing to draw, and draws a single point', () => {
    const series = { id: 'a', title: 'Equity', unit: 'USD' };
    expect(seriesPlot({ ...series, points: [] }).text).toContain('nothing to draw');
    expect(seriesPlot({ ...series, points: [{ at: '2024-06-05T14:00:00Z', y: 1 }] }).text).not.toContain('NaN');
    expect(tradePlot('t', []).text).toContain('no trades');
  });
});
