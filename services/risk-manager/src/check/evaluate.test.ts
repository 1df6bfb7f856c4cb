import { describe, expect, test } from '@jest/globals';
import type { RiskLimits } from '@papergate/config';
import type { RiskOrder } from '@papergate/service-kit';
import type { Exposure } from '../exposure/exposure.ts';
import { attos, nanos } from '../units.ts';
import { check, codeOf, makeExposure, makeLimits, markAt, NOON, order } from '../testing/make.ts';
import { compileLimits } from '../limits/compile.ts';
import { readRiskOrder } from './evaluate.ts';
import { Traffic } from './traffic.ts';

interface Case {
  code: string;
  below: Partial<RiskOrder>;
  at: Partial<RiskOrder>;
  above: Partial<RiskOrder>;
  limits?: (limits: RiskLimits) => void;
  exposure?: () => Exposure;
}

const wide = (limits: RiskLimits): void => {
  limits.position_limits.max_position_value = '100000000';
  limits.position_limits.max_position_quantity = '1000000';
  limits.position_limits.max_gross_exposure = '100000000';
  limits.position_limits.max_net_exposure = '100000000';
  limits.position_limits.max_symbol_concentration_percent = 100;
  limits.order_validation.max_order_quantity = '1000000';
  limits.order_validation.max_order_value = '100000000';
};

/** Each limit, one step below it, at it, and one step above: only the last is refused. */
const cases: Case[] = [
  {
    code: 'RISK_ORDER_QUANTITY',
    below: { quantity: '499.999999999' },
    at: { quantity: '500' },
    above: { quantity: '500.000000001' },
    limits: (limits) => {
      wide(limits);
      limits.order_validation.max_order_quantity = '500';
    },
  },
  {
    code: 'RISK_ORDER_VALUE',
    below: { quantity: '249.999999999' },
    at: { quantity: '250' },
    above: { quantity: '250.000000001' },
    limits: (limits) => {
      wide(limits);
      limits.order_validation.max_order_value = '25000';
    },
  },
  {
    code: 'RISK_POSITION_QUANTITY',
    below: { quantity: '99' },
    at: { quantity: '100' },
    above: { quantity: '101' },
    limits: (limits) => {
      wide(limits);
      limits.position_limits.max_position_quantity = '1000';
    },
    exposure: () => makeExposure({ AAPL: { quantity: '900', price: '100' } }),
  },
  {
    code: 'RISK_POSITION_VALUE',
    below: { quantity: '99' },
    at: { quantity: '100' },
    above: { quantity: '101' },
    limits: (limits) => {
      wide(limits);
      limits.position_limits.max_position_value = '50000';
    },
    exposure: () => makeExposure({ AAPL: { quantity: '400', price: '90' } }),
  },
  {
    code: 'RISK_CONCENTRATION',
    below: { quantity: '2499' },
    at: { quantity: '2500' },
    above: { quantity: '2501' },
    limits: (limits) => {
      wide(limits);
      limits.position_limits.max_symbol_concentration_percent = 25;
    },
  },
  {
    code: 'RISK_GROSS_EXPOSURE',
    below: { quantity: '499' },
    at: { quantity: '500' },
    above: { quantity: '501' },
    limits: (limits) => {
      wide(limits);
      limits.position_limits.max_gross_exposure = '200000';
    },
    exposure: () => makeExposure({ MSFT: { quantity: '-500', price: '300' } }, { AAPL: 100, MSFT: 300 }),
  },
  {
    code: 'RISK_NET_EXPOSURE',
    below: { quantity: '399' },
    at: { quantity: '400' },
    above: { quantity: '401' },
    limits: (limits) => {
      wide(limits);
      limits.position_limits.max_net_exposure = '100000';
    },
    exposure: () => makeExposure({ MSFT: { quantity: '200', price: '300' } }, { AAPL: 100, MSFT: 300 }),
  },
  {
    code: 'RISK_NET_EXPOSURE',
    below: { side: 'sell', quantity: '399' },
    at: { side: 'sell', quantity: '400' },
    above: { side: 'sell', quantity: '401' },
    limits: (limits) => {
      wide(limits);
      limits.position_limits.max_net_exposure = '100000';
    },
    exposure: () => makeExposure({ MSFT: { quantity: '-200', price: '300' } }, { AAPL: 100, MSFT: 300 }),
  },
  {
    code: 'RISK_SHORT',
    below: { side: 'sell', quantity: '9' },
    at: { side: 'sell', quantity: '10' },
    above: { side: 'sell', quantity: '11' },
    limits: (limits) => {
      limits.position_limits.allow_short = false;
    },
    exposure: () => makeExposure({ AAPL: { quantity: '10', price: '100' } }),
  },
  {
    code: 'RISK_PRICE',
    below: { type: 'limit', price: '96' },
    at: { type: 'limit', price: '95' },
    above: { type: 'limit', price: '94.999999999' },
    limits: (limits) => {
      limits.order_validation.min_price = '95';
      limits.order_validation.max_price_deviation_percent = 50;
    },
  },
  {
    code: 'RISK_PRICE',
    below: { type: 'limit', price: '109' },
    at: { type: 'limit', price: '110' },
    above: { type: 'limit', price: '110.000000001' },
    limits: (limits) => {
      limits.order_validation.max_price = '110';
      limits.order_validation.max_price_deviation_percent = 50;
    },
  },
  {
    code: 'RISK_PRICE_DEVIATION',
    below: { type: 'limit', price: '104.99' },
    at: { type: 'limit', price: '105' },
    above: { type: 'limit', price: '105.000000001' },
  },
  {
    code: 'RISK_PRICE_DEVIATION',
    below: { type: 'stop', stop_price: '95.01', side: 'sell' },
    at: { type: 'stop', stop_price: '95', side: 'sell' },
    above: { type: 'stop', stop_price: '94.999999999', side: 'sell' },
  },
];

describe('limits at their boundary', () => {
  test.each(cases)(
    '$code refuses what is beyond it, and nothing else ($above)',
    ({ code, below, at, above, limits, exposure }) => {
      const set = makeLimits(limits);
      const state = exposure ?? makeExposure;
      expect(codeOf(check(below, state(), set))).toBe('allowed');
      expect(codeOf(check(at, state(), set))).toBe('allowed');
      expect(codeOf(check(above, state(), set))).toBe(code);
    },
  );

  test('refusals say what was found and what is allowed', () => {
    const verdict = check({ quantity: '251' }, makeExposure());
    expect(verdict).toMatchObject({
      code: 'RISK_ORDER_VALUE',
      message: 'the order is worth $25100.00, allowed: $25000.00',
    });
  });

  test('the number of open positions', () => {
    const limits = makeLimits((set) => {
      set.position_limits.max_open_positions = 2;
    });
    const one = makeExposure({ MSFT: { quantity: '1', price: '100' } }, { AAPL: 100, MSFT: 100 });
    expect(codeOf(check({}, one, limits))).toBe('allowed');
    const two = makeExposure(
      { MSFT: { quantity: '1', price: '100' }, SPY: { quantity: '-1', price: '100' } },
      { AAPL: 100, MSFT: 100, SPY: 100 },
    );
    expect(codeOf(check({}, two, limits))).toBe('RISK_OPEN_POSITIONS');
    expect(codeOf(check({ symbol: 'MSFT' }, two, limits))).toBe('allowed');
    const ordered = makeExposure({ MSFT: { quantity: '1', price: '100' } }, { AAPL: 100, MSFT: 100, SPY: 100 });
    ordered.reserve(
      { clientOrderId: 'x', symbol: 'SPY', side: 'buy', quantity: nanos('1'), remaining: nanos('1'), at: NOON },
      nanos('100'),
    );
    expect(codeOf(check({}, ordered, limits))).toBe('RISK_OPEN_POSITIONS');
  });

  test('adding to a position that is held opens none', () => {
    const limits = makeLimits((set) => {
      set.position_limits.max_open_positions = 1;
    });
    const held = { quantity: '1', price: '100' };
    const exposure = makeExposure({ AAPL: held, MSFT: held, SPY: held }, { AAPL: 100, MSFT: 100, SPY: 100 });
    expect(codeOf(check({}, exposure, limits))).toBe('allowed');
  });

  test('the number of open orders', () => {
    const limits = makeLimits((set) => {
      set.order_validation.max_open_orders = 2;
    });
    const exposure = makeExposure();
    const reserve = (id: string) =>
      exposure.reserve(
        { clientOrderId: id, symbol: 'AAPL', side: 'buy', quantity: 1n, remaining: 1n, at: NOON },
        nanos('100'),
      );
    reserve('a');
    expect(codeOf(check({}, exposure, limits))).toBe('allowed');
    reserve('b');
    expect(codeOf(check({}, exposure, limits))).toBe('RISK_OPEN_ORDERS');
    exposure.release('a');
    expect(codeOf(check({}, exposure, limits))).toBe('allowed');
  });

  test('the number of orders within any second', () => {
    const limits = makeLimits((set) => {
      set.order_validation.max_orders_per_second = 3;
    });
    const traffic = new Traffic(compileLimits(limits).order);
    const at = (ms: number) => codeOf(check({}, makeExposure(), limits, NOON + ms, traffic));
    let orders = 0;
    const add = (ms: number) =>
      traffic.add(readRiskOrder(order({ client_order_id: `o-${(orders += 1)}`, symbol: `S${orders}` })), NOON + ms);
    for (const ms of [0, 400, 800]) {
      expect(at(ms)).toBe('allowed');
      add(ms);
    }
    expect(at(999)).toBe('RISK_ORDER_RATE');
    expect(at(1000)).toBe('allowed');
    add(1000);
    expect(at(1399)).toBe('RISK_ORDER_RATE');
  });
});

describe('the state', () => {
  test('nothing goes while halted, or while nobody knows', () => {
    const exposure = makeExposure({ AAPL: { quantity: '10', price: '100' } });
    exposure.state = 'HALTED';
    expect(codeOf(check({ side: 'sell' }, exposure))).toBe('RISK_HALTED');
    exposure.state = undefined;
    expect(codeOf(check({ side: 'sell' }, exposure))).toBe('RISK_HALTED');
  });

  test.each([
    ['10', { side: 'sell', quantity: '10' }, 'allowed'],
    ['10', { side: 'sell', quantity: '10.000000001' }, 'RISK_REDUCING_ONLY'],
    ['10', { side: 'buy', quantity: '1' }, 'RISK_REDUCING_ONLY'],
    ['-10', { side: 'buy', quantity: '10' }, 'allowed'],
    ['-10', { side: 'buy', quantity: '11' }, 'RISK_REDUCING_ONLY'],
    ['-10', { side: 'sell', quantity: '1' }, 'RISK_REDUCING_ONLY'],
    ['0', { side: 'sell', quantity: '1' }, 'RISK_REDUCING_ONLY'],
  ] as const)('REDUCING with a position of %s: %j is %s', (quantity, request, expected) => {
    const exposure = makeExposure({ AAPL: { quantity, price: '100' } });
    exposure.state = 'REDUCING';
    expect(codeOf(check(request, exposure))).toBe(expected);
  });

  test('REDUCING counts the orders that close the position already', () => {
    const exposure = makeExposure({ AAPL: { quantity: '10', price: '100' } });
    exposure.state = 'REDUCING';
    exposure.reserve(
      { clientOrderId: 'x', symbol: 'AAPL', side: 'sell', quantity: nanos('6'), remaining: nanos('6'), at: NOON },
      nanos('100'),
    );
    expect(codeOf(check({ side: 'sell', quantity: '4' }, exposure))).toBe('allowed');
    expect(codeOf(check({ side: 'sell', quantity: '5' }, exposure))).toBe('RISK_REDUCING_ONLY');
  });
});

describe('losses', () => {
  const lossy = (realized: string): Exposure => {
    const exposure = makeExposure({ AAPL: { quantity: '10', price: '100' } });
    exposure.realizedToday = attos(realized);
    return exposure;
  };

  test('the daily loss in dollars: reached is too much, and only for orders that do not shrink', () => {
    expect(codeOf(check({}, lossy('-1999.99')))).toBe('allowed');
    expect(codeOf(check({}, lossy('-2000')))).toBe('RISK_DAILY_LOSS');
    expect(codeOf(check({ side: 'sell', quantity: '10' }, lossy('-2000')))).toBe('allowed');
    expect(codeOf(check({ side: 'sell', quantity: '11' }, lossy('-2000')))).toBe('RISK_DAILY_LOSS');
  });

  test('open losses count, open gains too', () => {
    const exposure = lossy('-1000');
    markAt(exposure, 'AAPL', 50, NOON);
    exposure.setPosition('AAPL', nanos('20'), nanos('100'), NOON);
    expect(codeOf(check({ quantity: '1' }, exposure))).toBe('RISK_DAILY_LOSS');
    exposure.setPosition('AAPL', nanos('-20'), nanos('100'), NOON);
    expect(codeOf(check({ quantity: '1' }, exposure))).toBe('allowed');
  });

  test('the daily loss in percent of the opening equity', () => {
    const limits = makeLimits((set) => {
      set.loss_limits.max_daily_loss = '1000000';
      set.loss_limits.max_daily_loss_percent = 2;
    });
    expect(codeOf(check({}, lossy('-19999.99'), limits))).toBe('allowed');
    expect(codeOf(check({}, lossy('-20000'), limits))).toBe('RISK_DAILY_LOSS');
  });

  test('the drawdown from the peak', () => {
    const exposure = makeExposure();
    exposure.equity = { current: attos('950000.01'), opening: attos('950000'), peak: attos('1000000') };
    expect(codeOf(check({}, exposure))).toBe('allowed');
    exposure.equity = { ...exposure.equity, current: attos('950000') };
    expect(codeOf(check({}, exposure))).toBe('RISK_DRAWDOWN');
  });
});

describe('prices', () => {
  test('a market order needs a price, and one that is not too old', () => {
    expect(codeOf(check({ symbol: 'TSLA' }, makeExposure()))).toBe('RISK_NO_PRICE');
    expect(codeOf(check({}, makeExposure(), makeLimits(), NOON + 15_000))).toBe('allowed');
    expect(codeOf(check({}, makeExposure(), makeLimits(), NOON + 15_001))).toBe('RISK_STALE_DATA');
  });

  test('a limit order carries its own', () => {
    expect(codeOf(check({ symbol: 'TSLA', type: 'limit', price: '200' }, makeExposure()))).toBe('allowed');
    expect(codeOf(check({ type: 'limit', price: '100' }, makeExposure(), makeLimits(), NOON + 60_000))).toBe('allowed');
  });

  test('an order is reckoned at its limit where that is above the market', () => {
    const verdict = check({ type: 'limit', price: '104', quantity: '241' }, makeExposure());
    expect(codeOf(verdict)).toBe('RISK_ORDER_VALUE');
    expect(codeOf(check({ type: 'limit', price: '104', quantity: '240' }, makeExposure()))).toBe('allowed');
  });

  test('without a known equity nothing that adds exposure goes', () => {
    const exposure = makeExposure({ AAPL: { quantity: '10', price: '100' } });
    exposure.equity = undefined;
    expect(codeOf(check({}, exposure))).toBe('RISK_CONCENTRATION');
    expect(codeOf(check({ side: 'sell', quantity: '5' }, exposure))).toBe('allowed');
  });
});

describe('what is not traded', () => {
  test('restricted symbols and types', () => {
    const limits = makeLimits((set) => {
      set.order_validation.restricted_symbols = ['AAPL'];
    });
    expect(codeOf(check({}, makeExposure(), limits))).toBe('RISK_RESTRICTED_SYMBOL');
    const typed = makeLimits((set) => {
      set.order_validation.allowed_types = ['limit'];
    });
    expect(codeOf(check({}, makeExposure(), typed))).toBe('RISK_ORDER_TYPE');
    expect(codeOf(check({ type: 'limit', price: '100' }, makeExposure(), typed))).toBe('allowed');
  });

  test('outside hours, in a blackout, and shortly before the close', () => {
    const limits = makeLimits((set) => {
      set.time_restrictions.regular_hours_only = true;
      set.time_restrictions.no_new_positions_before_close_minutes = 5;
      set.time_restrictions.blackout_periods = [{ name: 'noon', from: '12:00', to: '12:30', symbols: ['AAPL'] }];
    });
    const at = (time: string): number => Date.parse(`2024-06-05T${time}-04:00`);
    const exposure = (): Exposure => {
      const held = makeExposure({ AAPL: { quantity: '10', price: '100' } }, { AAPL: 100, MSFT: 100 });
      return held;
    };
    const limit = { type: 'limit', price: '100' } as const;
    expect(codeOf(check(limit, exposure(), limits, at('09:29:59')))).toBe('RISK_OUTSIDE_HOURS');
    expect(codeOf(check(limit, exposure(), limits, at('09:30:00')))).toBe('allowed');
    expect(codeOf(check(limit, exposure(), limits, at('12:00:00')))).toBe('RISK_BLACKOUT');
    expect(codeOf(check({ ...limit, symbol: 'MSFT' }, exposure(), limits, at('12:00:00')))).toBe('allowed');
    expect(codeOf(check(limit, exposure(), limits, at('15:54:59')))).toBe('allowed');
    expect(codeOf(check(limit, exposure(), limits, at('15:55:00')))).toBe('RISK_OUTSIDE_HOURS');
    expect(codeOf(check({ ...limit, side: 'sell' }, exposure(), limits, at('15:55:00')))).toBe('allowed');
    expect(codeOf(check({ ...limit, side: 'sell' }, exposure(), limits, at('16:00:00')))).toBe('RISK_OUTSIDE_HOURS');
  });
});

describe('getting out', () => {
  test('an order that shrinks a position passes limits that are exceeded already', () => {
    const limits = makeLimits((set) => {
      set.position_limits.max_position_quantity = '5';
      set.position_limits.max_position_value = '500';
      set.position_limits.max_gross_exposure = '500';
      set.position_limits.max_net_exposure = '500';
      set.position_limits.max_symbol_concentration_percent = 0.01;
    });
    const exposure = makeExposure({ AAPL: { quantity: '100', price: '100' } });
    expect(codeOf(check({ side: 'sell', quantity: '50' }, exposure, limits))).toBe('allowed');
    expect(codeOf(check({ side: 'buy', quantity: '1' }, exposure, limits))).toBe('RISK_POSITION_QUANTITY');
  });
});
