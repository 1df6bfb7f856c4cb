import { describe, expect, test } from '@jest/globals';
import type { Exposure } from '../exposure/exposure.ts';
import { compileLimits } from '../limits/compile.ts';
import { makeExposure, makeLimits, NOON } from '../testing/make.ts';
import { attos, nanos } from '../units.ts';
import { BreakerRules, type FeedHealth } from './rules.ts';
import { LossStreak, type ClosedTrade } from './streaks.ts';

const HEALTHY: FeedHealth = { lastSeen: NOON, disconnectedSince: undefined };
const held = (): Exposure => makeExposure({ AAPL: { quantity: '10', price: '100' } });

function codeOf(
  exposure: Exposure,
  options: { streak?: number; feed?: FeedHealth; now?: number; rules?: BreakerRules } = {},
): string | undefined {
  exposure.lossStreak = options.streak ?? 0;
  const { feed = HEALTHY, now = NOON, rules = new BreakerRules(compileLimits(makeLimits())) } = options;
  return rules.cause(exposure, feed, now)?.code;
}

describe('the breaker trips', () => {
  test('on nothing while all is well', () => {
    expect(codeOf(held())).toBeUndefined();
  });

  test('on the daily loss and on the drawdown', () => {
    const exposure = held();
    exposure.realizedToday = attos('-1999.99');
    expect(codeOf(exposure)).toBeUndefined();
    exposure.realizedToday = attos('-2000');
    expect(codeOf(exposure)).toBe('RISK_DAILY_LOSS');
    const down = held();
    down.equity = { current: attos('950000'), opening: attos('950000'), peak: attos('1000000') };
    expect(codeOf(down)).toBe('RISK_DRAWDOWN');
  });

  test('on losses in a row', () => {
    expect(codeOf(held(), { streak: 9 })).toBeUndefined();
    expect(codeOf(held(), { streak: 10 })).toBe('RISK_CONSECUTIVE_LOSSES');
  });

  test('on more refusals within a minute than are allowed', () => {
    const rules = new BreakerRules(compileLimits(makeLimits()));
    for (let count = 0; count < 20; count += 1) rules.rejected(NOON + count);
    expect(codeOf(held(), { rules, now: NOON + 20 })).toBeUndefined();
    rules.rejected(NOON + 20);
    expect(codeOf(held(), { rules, now: NOON + 59_999, feed: { ...HEALTHY, lastSeen: NOON + 59_999 } })).toBe(
      'RISK_REJECT_RATE',
    );
    expect(
      codeOf(held(), { rules, now: NOON + 60_000, feed: { ...HEALTHY, lastSeen: NOON + 60_000 } }),
    ).toBeUndefined();
    rules.clear();
    expect(codeOf(held(), { rules, now: NOON + 21 })).toBeUndefined();
  });

  test('on silence and on a cut source, when something is at stake', () => {
    const silent = { feed: HEALTHY, now: NOON + 15_001 };
    expect(codeOf(held(), silent)).toBe('RISK_STALE_DATA');
    expect(codeOf(held(), { ...silent, now: NOON + 15_000 })).toBeUndefined();
    expect(codeOf(makeExposure(), silent)).toBeUndefined();
    const cut = { feed: { lastSeen: NOON + 15_001, disconnectedSince: NOON }, now: NOON + 15_001 };
    expect(codeOf(held(), cut)).toBe('RISK_STALE_DATA');
    const ordered = makeExposure();
    ordered.reserve(
      { clientOrderId: 'x', symbol: 'AAPL', side: 'buy', quantity: 1n, remaining: 1n, at: NOON },
      nanos('100'),
    );
    expect(codeOf(ordered, cut)).toBe('RISK_STALE_DATA');
    expect(
      codeOf(held(), { feed: { lastSeen: undefined, disconnectedSince: undefined }, now: NOON + 60_000 }),
    ).toBeUndefined();
  });

  test('never when it is switched off', () => {
    const off = compileLimits(
      makeLimits((set) => {
        set.circuit_breaker.enabled = false;
      }),
    );
    expect(codeOf(held(), { rules: new BreakerRules(off), streak: 99, now: NOON + 99_999 })).toBeUndefined();
  });
});

describe('a streak of losses', () => {
  const add = (streak: LossStreak, ...fills: [realized: string, after: string][]) => {
    for (const [realized, after] of fills) streak.add('AAPL', attos(realized), nanos(after));
    return streak.length;
  };

  test('counts positions and not fills, and a gain ends it', () => {
    const streak = new LossStreak();
    expect(add(streak, ['0', '10'], ['-1', '6'], ['-1', '3'], ['-1', '0'])).toBe(1);
    expect(add(streak, ['0', '-10'], ['-2', '0'])).toBe(2);
    expect(add(streak, ['0', '10'], ['-5', '5'], ['6', '0'])).toBe(0);
  });

  test('a position that is turned counts as ended', () => {
    expect(add(new LossStreak(), ['0', '10'], ['-3', '-5'], ['-1', '0'])).toBe(2);
  });

  test('break-even neither counts nor ends it', () => {
    expect(add(new LossStreak(), ['0', '1'], ['-1', '0'], ['0', '1'], ['0', '0'])).toBe(1);
  });

  test('is rebuilt from the trades and the positions they led to', () => {
    const trades: ClosedTrade[] = [
      { symbol: 'AAPL', side: 'sell', quantity: '4', realizedPnl: '8' }, // closes what was opened before
      { symbol: 'AAPL', side: 'buy', quantity: '10', realizedPnl: '0' },
      { symbol: 'MSFT', side: 'buy', quantity: '1', realizedPnl: '0' },
      { symbol: 'AAPL', side: 'sell', quantity: '10', realizedPnl: '-3' },
      { symbol: 'MSFT', side: 'sell', quantity: '1', realizedPnl: '-2' },
      { symbol: 'AAPL', side: 'buy', quantity: '5', realizedPnl: '0' },
    ];
    const streak = new LossStreak();
    streak.replay(
      trades,
      new Map([
        ['AAPL', nanos('5')],
        ['MSFT', 0n],
      ]),
    );
    expect(streak.length).toBe(2);
    expect(add(streak, ['-1', '0'])).toBe(3);
  });
});
