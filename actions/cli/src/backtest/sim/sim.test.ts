import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Agenda } from './agenda.ts';
import { percentOf, Statistics } from './statistics.ts';

const USD = 10n ** 15n;

describe('the agenda', () => {
  test('gives what was entered by time, and of one time in the order of entering', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
        const agenda = new Agenda();
        const ran: [number, number][] = [];
        for (const [index, at] of times.entries()) agenda.enter(at, () => void ran.push([at, index]));
        const expected = times.map((at, index) => [at, index] as const).toSorted(([a, i], [b, j]) => a - b || i - j);
        for (const [at] of expected) {
          expect(agenda.next).toBe(at);
          agenda.take()?.();
        }
        expect(ran).toEqual(expected);
        expect([agenda.next, agenda.take()]).toEqual([Infinity, undefined]);
      }),
      { seed: 5 },
    );
  });
});

describe('the statistics', () => {
  test('the drawdown is the deepest fall from the highest value before it', () => {
    const statistics = new Statistics(100n * USD);
    for (const usd of [100n, 120n, 90n, 130n, 104n, 131n]) statistics.see(usd * USD);
    expect([statistics.maxDrawdown, statistics.maxDrawdownPercent]).toEqual(['30', '25']);
  });

  test('the Sharpe ratio is mean over sample deviation of the minutes’ returns, times the root of a year’s minutes', () => {
    const statistics = new Statistics(100n * USD);
    // Returns of 1 %, −1 % and 3 %: mean 1 %, sample deviation 2 %.
    for (const milli of [100_000n, 101_000n, 99_990n]) statistics.minute((milli * USD) / 1000n);
    statistics.minute((102_989_700n * USD) / 1_000_000n);
    expect(statistics.sharpe).toBeCloseTo(0.5 * Math.sqrt(252 * 390), 3);
  });

  test('the night is no minute, and of an equity that does not move there is no ratio', () => {
    const still = new Statistics(100n * USD);
    for (let minute = 0; minute < 5; minute += 1) still.minute(100n * USD);
    expect(still.sharpe).toBeNull();
    still.newDay();
    still.minute(200n * USD);
    still.minute(200n * USD);
    expect(still.sharpe).toBeNull();
  });

  test('percents are cut off after four places', () => {
    expect([percentOf(1n, 3n), percentOf(-1n, 3n), percentOf(1n, 0n), percentOf(5n, 100n)]).toEqual([
      '33.3333',
      '-33.3333',
      '0',
      '5',
    ]);
  });
});
