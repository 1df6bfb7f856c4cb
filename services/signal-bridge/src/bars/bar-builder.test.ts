import { describe, expect, test } from '@jest/globals';
import { quote, START, trade } from '../testing/tape.ts';
import type { Bar } from '../plugins/plugin.ts';
import { BarBuilder, type BarEvent } from './bar-builder.ts';

const SECOND = 1_000_000;

function builder(): BarBuilder {
  return new BarBuilder({ barMs: 1000, window: 5 });
}

function closedBars(events: BarEvent[]): Bar[] {
  return events.flatMap((event) => (event.kind === 'closed' ? [event.bar] : []));
}

describe('bars of event time', () => {
  test('a bar holds the trades of its interval and is closed by the first tick of a later one', () => {
    const bars = builder();
    const events = [
      trade(1, START, 10),
      trade(2, START + 400_000, 12),
      trade(3, START + 999_999, 9),
      trade(4, START + SECOND, 11),
    ].map((tick) => bars.add(tick));
    expect(events.slice(0, 3).every(({ kind }) => kind === 'none')).toBe(true);
    expect(events[3]).toEqual({
      kind: 'closed',
      silence: false,
      bar: {
        symbol: 'AAPL',
        start: START,
        end: START + SECOND,
        open: 10_000_000,
        high: 12_000_000,
        low: 9_000_000,
        close: 9_000_000,
        volume: 300,
        trades: 3,
      },
    });
  });

  test('a quote of a later interval closes a bar too, but never opens or fills one', () => {
    const bars = builder();
    const events = [
      trade(1, START, 10),
      quote(2, START + SECOND),
      quote(3, START + 2 * SECOND),
      trade(4, START + 2 * SECOND, 11),
      quote(5, START + 3 * SECOND),
    ].map((tick) => bars.add(tick));
    expect(events.map(({ kind }) => kind)).toEqual(['none', 'closed', 'none', 'none', 'closed']);
    expect(closedBars(events).map(({ trades, close }) => [trades, close])).toEqual([
      [1, 10_000_000],
      [1, 11_000_000],
    ]);
  });

  test('within the open bar the close is the trade with the latest time, not the one that came last', () => {
    const bars = builder();
    const events = [
      trade(1, START + 500_000, 10),
      trade(2, START + 100_000, 13),
      trade(3, START + 500_000, 11),
      trade(4, START + SECOND, 1),
    ].map((tick) => bars.add(tick));
    expect(closedBars(events)).toMatchObject([{ close: 11_000_000, high: 13_000_000, trades: 3 }]);
  });

  test('a trade of a closed bar is late and changes nothing', () => {
    const bars = builder();
    bars.add(trade(1, START, 10));
    bars.add(trade(2, START + SECOND, 11));
    expect(bars.add(trade(3, START + SECOND - 1, 99))).toEqual({ kind: 'late' });
    expect(closedBars([bars.add(trade(4, START + 2 * SECOND, 12))])).toMatchObject([{ close: 11_000_000, trades: 1 }]);
  });

  test('a trade that comes after a quote has passed its empty bar is late as well', () => {
    const bars = builder();
    bars.add(quote(1, START + SECOND));
    expect(bars.add(trade(2, START, 10))).toEqual({ kind: 'late' });
  });

  test('a silence longer than the window is told with the next bar, a shorter one is not', () => {
    const bars = builder();
    bars.add(trade(1, START, 10));
    bars.add(trade(2, START + 6 * SECOND, 10)); // 5 empty bars between
    bars.add(trade(3, START + 13 * SECOND, 10)); // 6
    const events = [bars.add(trade(4, START + 14 * SECOND, 10))];
    expect(events).toMatchObject([{ kind: 'closed', silence: true, bar: { start: START + 13 * SECOND } }]);
    const again = builder();
    again.add(trade(1, START, 10));
    again.add(trade(2, START + 6 * SECOND, 10));
    expect(again.add(trade(3, START + 7 * SECOND, 10))).toMatchObject({ kind: 'closed', silence: false });
  });

  test('stragglers are late, but twenty in a row without one in time mean that time was set back', () => {
    const bars = builder();
    bars.add(trade(1, START + 3600 * SECOND, 10));
    for (let i = 0; i < 19; i += 1) expect(bars.add(trade(2 + i, START, 20)).kind).toBe('late');
    bars.add(trade(30, START + 3600 * SECOND, 10)); // in time: the count begins again
    for (let i = 0; i < 19; i += 1) expect(bars.add(trade(31 + i, START, 20)).kind).toBe('late');
    expect(bars.add(trade(50, START, 21)).kind).toBe('set_back');
    // The bar that was open is gone; the new one holds the tick that settled it.
    expect(closedBars([bars.add(trade(51, START + SECOND, 22))])).toMatchObject([
      { start: START, open: 21_000_000, trades: 1 },
    ]);
  });

  test('bars are cut at whole multiples of their length since 1970, whatever came first', () => {
    const bars = new BarBuilder({ barMs: 60_000, window: 5 });
    bars.add(trade(1, START + 59 * SECOND, 10));
    expect(bars.add(trade(2, START + 60 * SECOND, 10))).toMatchObject({
      kind: 'closed',
      bar: { start: START, end: START + 60 * SECOND },
    });
  });
});
