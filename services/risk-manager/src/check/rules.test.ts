import { describe, expect, test } from '@jest/globals';
import { compileLimits } from '../limits/compile.ts';
import { check, codeOf, makeExposure, makeLimits, NOON, order } from '../testing/make.ts';
import { attos } from '../units.ts';
import { readRiskOrder } from './order.ts';
import { RULES, type Rule } from './rules/index.ts';
import { beyondEveryLimit, RULE_CASES, type RuleCase } from './testing/cases.ts';
import { Traffic } from './traffic.ts';

const NAMES = RULES.map(({ name }) => name);

function verdict(asked: RuleCase, rules: readonly Rule[] = RULES): string {
  const limits = makeLimits(asked.limits);
  const traffic = new Traffic(compileLimits(limits).order);
  asked.traffic?.(traffic);
  return codeOf(check(asked.request ?? {}, (asked.exposure ?? makeExposure)(), limits, asked.now, traffic, rules));
}

describe('the rules', () => {
  test('each have a case that they refuse, and are named once', () => {
    expect(new Set(NAMES).size).toBe(NAMES.length);
    expect([...new Set(RULE_CASES.map(({ rule }) => rule))].toSorted()).toEqual(NAMES.toSorted());
  });

  test.each(RULE_CASES)('$rule refuses $what', (asked) => {
    expect(verdict(asked)).toBe(asked.code);
  });

  test.each(RULE_CASES)('without $rule nothing stops $what', (asked) => {
    const others = RULES.filter(({ name }) => name !== asked.rule);
    expect(others).toHaveLength(RULES.length - 1);
    expect(verdict(asked, others)).toBe('allowed');
  });

  test('let an order of no harm pass', () => {
    expect(codeOf(check({}, makeExposure()))).toBe('allowed');
  });

  test('let what shrinks a position pass, however many limits are passed already', () => {
    const limits = makeLimits((set) => {
      set.order_validation.require_live_quote = true;
      set.position_limits.allow_short = false;
    });
    const out = { side: 'sell', type: 'limit', price: '100' } as const;
    expect(codeOf(check(out, beyondEveryLimit(), limits, NOON + 60_000))).toBe('allowed');
    expect(codeOf(check({ ...out, quantity: '10.000000001' }, beyondEveryLimit(), limits, NOON))).not.toBe('allowed');
  });
});

describe('limits of what comes one after the other, at their boundary', () => {
  const duplicates = makeLimits((set) => {
    set.order_validation.duplicate_window_ms = 1_000;
  });
  const seen = (): Traffic => {
    const traffic = new Traffic(compileLimits(duplicates).order);
    traffic.add(readRiskOrder(order({ client_order_id: 'first', strategy: 'mover' })), NOON);
    return traffic;
  };
  const again = (request: object, now: number, traffic = seen()): string =>
    codeOf(
      check({ client_order_id: 'second', strategy: 'mover', ...request }, makeExposure(), duplicates, now, traffic),
    );

  test('the same intent is refused until its window is over, and another is not', () => {
    expect(again({}, NOON + 999)).toBe('RISK_DUPLICATE_INTENT');
    expect(again({}, NOON + 1_000)).toBe('allowed');
    expect(again({ client_order_id: 'first' }, NOON)).toBe('allowed');
    const others = [
      { side: 'sell' },
      { quantity: '11' },
      { symbol: 'MSFT', type: 'limit', price: '100' },
      { type: 'limit', price: '100' },
      { type: 'stop', stop_price: '101' },
      { strategy: 'reverter' },
    ];
    for (const other of others) expect([other, again(other, NOON)]).toEqual([other, 'allowed']);
  });

  test('an intent that came to nothing may come again at once', () => {
    const traffic = seen();
    traffic.forget('first');
    expect(again({}, NOON + 1, traffic)).toBe('allowed');
  });

  test('orders of an earlier process count, but for the intents of those that came to nothing', () => {
    const traffic = new Traffic(compileLimits(duplicates).order);
    const earlier = (id: string, isVoid: boolean, quantity: string) => ({
      order: readRiskOrder(order({ client_order_id: id, strategy: 'mover', quantity })),
      at: NOON - 100,
      void: isVoid,
    });
    traffic.restore([earlier('sent', false, '10'), earlier('void', true, '11')]);
    expect([again({}, NOON, traffic), again({ quantity: '11' }, NOON, traffic)]).toEqual([
      'RISK_DUPLICATE_INTENT',
      'allowed',
    ]);
  });

  test('an intent that came twice is kept by the second, and ends with it', () => {
    const traffic = seen();
    traffic.add(readRiskOrder(order({ client_order_id: 'again', strategy: 'mover' })), NOON + 500);
    traffic.forget('first');
    expect(again({}, NOON + 1_499, traffic)).toBe('RISK_DUPLICATE_INTENT');
    traffic.add(readRiskOrder(order({ client_order_id: 'later', symbol: 'SPY' })), NOON + 5_000);
    expect(again({}, NOON + 5_000, traffic)).toBe('allowed');
  });

  test('two limits that do not cross are no wash trade', () => {
    const limits = makeLimits((set) => {
      set.order_validation.refuse_wash_trades = true;
    });
    const wash = RULE_CASES.find(({ what }) => what === 'a limit that crosses ours');
    const resting = wash?.exposure ?? makeExposure;
    const sell = (price: string) => codeOf(check({ side: 'sell', type: 'limit', price }, resting(), limits));
    expect([sell('99'), sell('99.01')]).toEqual(['RISK_WASH_TRADE', 'allowed']);
    expect(codeOf(check({ side: 'buy' }, resting(), limits))).toBe('allowed');
    expect(codeOf(check({ symbol: 'MSFT', type: 'limit', price: '99', side: 'sell' }, resting(), limits))).toBe(
      'allowed',
    );
  });

  test('a price below a dollar may be in hundredths of a cent', () => {
    const limits = makeLimits((set) => {
      set.order_validation.min_price = '0.0001';
    });
    const at = (price: string) => codeOf(check({ symbol: 'PENNY', type: 'limit', price }, makeExposure(), limits));
    expect(['0.9999', '0.99991', '1', '1.01', '1.001'].map(at)).toEqual([
      'allowed',
      'RISK_PRICE_INCREMENT',
      'allowed',
      'allowed',
      'RISK_PRICE_INCREMENT',
    ]);
  });

  test('a spread that is reached is allowed, and a limit order may be sent into any', () => {
    const wide = RULE_CASES.find(({ rule }) => rule === 'spread')?.exposure ?? makeExposure;
    const limits = makeLimits((set) => {
      set.order_validation.max_spread_percent = 2.2;
    });
    expect(codeOf(check({}, wide(), limits))).toBe('allowed');
    expect(codeOf(check({ type: 'limit', price: '100' }, wide()))).toBe('allowed');
  });

  test('buying power may be used up, and what closes a position needs none', () => {
    const exposure = makeExposure({ AAPL: { quantity: '-10', price: '100' } });
    exposure.funds.observe({ buyingPower: attos('500'), shorting: true, blocked: false }, NOON);
    expect(codeOf(check({ quantity: '10' }, exposure))).toBe('allowed');
    expect(codeOf(check({ quantity: '15' }, exposure))).toBe('allowed');
    expect(codeOf(check({ quantity: '15.000000001' }, exposure))).toBe('RISK_BUYING_POWER');
  });
});
