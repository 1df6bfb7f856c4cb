import type { RiskLimits } from '@papergate/config';
import type { RiskOrder } from '@papergate/service-kit';
import type { Exposure } from '../../exposure/exposure.ts';
import { makeExposure, markAt, NOON, order } from '../../testing/make.ts';
import { attos, nanos } from '../../units.ts';
import { readRiskOrder } from '../order.ts';
import type { Traffic } from '../traffic.ts';

/** An order that one rule alone refuses. */
export interface RuleCase {
  rule: string;
  what: string;
  code: string;
  request?: Partial<RiskOrder>;
  limits?: (limits: RiskLimits) => void;
  exposure?: () => Exposure;
  traffic?: (traffic: Traffic) => void;
  now?: number;
}

const held = (quantity: string, price = '100'): Exposure => makeExposure({ AAPL: { quantity, price } });

function changed(change: (exposure: Exposure) => void): () => Exposure {
  return () => {
    const exposure = makeExposure();
    change(exposure);
    return exposure;
  };
}

/** With an open order of ours. */
function withOrder(side: 'buy' | 'sell', limit: string | undefined, exposure = makeExposure()): Exposure {
  const quantity = nanos('10');
  exposure.reserve(
    {
      clientOrderId: 'resting',
      symbol: 'AAPL',
      side,
      quantity,
      remaining: quantity,
      limit: limit === undefined ? undefined : nanos(limit),
      at: NOON,
    },
    nanos('100'),
  );
  return exposure;
}

const hours = (limits: RiskLimits): void => {
  limits.time_restrictions.regular_hours_only = true;
};
const washing = (limits: RiskLimits): void => {
  limits.order_validation.refuse_wash_trades = true;
};
const live = (limits: RiskLimits): void => {
  limits.order_validation.require_live_quote = true;
};
const limitOrder = { type: 'limit', price: '100' } as const;
const at = (text: string): number => Date.parse(text);

function quote(bid: number, ask: number): () => Exposure {
  return changed((exposure) => {
    const [b, a] = [bid * 1e6, ask * 1e6];
    exposure.mark({ n: 1, s: 'AAPL', k: 'q', t: 0, r: 0, b, a, bs: 1, as: 1 }, NOON, 15_000);
  });
}

function funds(buyingPower: string, more: Partial<{ shorting: boolean; blocked: boolean }> = {}): () => Exposure {
  return changed((exposure) => {
    exposure.funds.observe({ buyingPower: attos(buyingPower), shorting: true, blocked: false, ...more }, NOON);
  });
}

export const RULE_CASES: readonly RuleCase[] = [
  {
    rule: 'halted',
    what: 'trading is halted',
    code: 'RISK_HALTED',
    exposure: changed((exposure) => (exposure.state = 'HALTED')),
  },
  {
    rule: 'halted',
    what: 'nobody knows the state',
    code: 'RISK_HALTED',
    exposure: changed((exposure) => (exposure.state = undefined)),
  },
  {
    rule: 'restricted-symbol',
    what: 'a symbol that is not traded',
    code: 'RISK_RESTRICTED_SYMBOL',
    limits: (limits) => (limits.order_validation.restricted_symbols = ['AAPL']),
  },
  {
    rule: 'order-type',
    what: 'a type that is not used',
    code: 'RISK_ORDER_TYPE',
    limits: (limits) => (limits.order_validation.allowed_types = ['limit']),
  },
  {
    rule: 'order-quantity',
    what: 'too many shares',
    code: 'RISK_ORDER_QUANTITY',
    limits: (limits) => (limits.order_validation.max_order_quantity = '9'),
  },
  {
    rule: 'order-value',
    what: 'too many dollars',
    code: 'RISK_ORDER_VALUE',
    limits: (limits) => (limits.order_validation.max_order_value = '999.99'),
  },
  {
    rule: 'market-price',
    what: 'a market order of which nobody knows a price',
    code: 'RISK_NO_PRICE',
    request: { symbol: 'TSLA' },
  },
  {
    rule: 'market-price',
    what: 'a limit order of which nobody knows a price, where one is required',
    code: 'RISK_NO_PRICE',
    request: { ...limitOrder, symbol: 'TSLA' },
    limits: live,
  },
  { rule: 'stale-quote', what: 'a market order on an old price', code: 'RISK_STALE_DATA', now: NOON + 15_001 },
  {
    rule: 'stale-quote',
    what: 'a limit order on an old price, where a live one is required',
    code: 'RISK_STALE_DATA',
    request: limitOrder,
    limits: live,
    now: NOON + 15_001,
  },
  {
    rule: 'price-range',
    what: 'a price below what is traded',
    code: 'RISK_PRICE',
    request: { type: 'limit', price: '96' },
    limits: (limits) => (limits.order_validation.min_price = '97'),
  },
  {
    rule: 'price-range',
    what: 'a market price above what is traded',
    code: 'RISK_PRICE',
    limits: (limits) => (limits.order_validation.max_price = '99'),
  },
  {
    rule: 'price-collar',
    what: 'a limit far from the market',
    code: 'RISK_PRICE_DEVIATION',
    request: { type: 'limit', price: '94.99' },
  },
  {
    rule: 'price-collar',
    what: 'a stop far from the market',
    code: 'RISK_PRICE_DEVIATION',
    request: { type: 'stop_limit', price: '100', stop_price: '105.01' },
  },
  {
    rule: 'price-increment',
    what: 'a fraction of a cent',
    code: 'RISK_PRICE_INCREMENT',
    request: { type: 'limit', price: '100.001' },
  },
  {
    rule: 'price-increment',
    what: 'a stop at a fraction of a cent',
    code: 'RISK_PRICE_INCREMENT',
    request: { type: 'stop', stop_price: '100.000000001' },
  },
  { rule: 'spread', what: 'a market order into a wide quote', code: 'RISK_SPREAD', exposure: quote(98.9, 101.1) },
  {
    rule: 'market-hours',
    what: 'before the open',
    code: 'RISK_OUTSIDE_HOURS',
    request: limitOrder,
    limits: hours,
    now: at('2024-06-05T09:29:59-04:00'),
  },
  {
    rule: 'market-hours',
    what: 'on a holiday',
    code: 'RISK_OUTSIDE_HOURS',
    request: limitOrder,
    limits: hours,
    now: at('2024-06-19T12:00:00-04:00'),
  },
  {
    rule: 'before-close',
    what: 'a new position shortly before the close',
    code: 'RISK_OUTSIDE_HOURS',
    request: limitOrder,
    limits: hours,
    now: at('2024-06-05T15:55:00-04:00'),
  },
  {
    rule: 'blackout',
    what: 'in a blackout of the symbol',
    code: 'RISK_BLACKOUT',
    limits: (limits) => {
      limits.time_restrictions.blackout_periods = [{ name: 'news', from: '11:00', to: '11:01', symbols: ['AAPL'] }];
    },
  },
  {
    rule: 'order-rate',
    what: 'one more within a second',
    code: 'RISK_ORDER_RATE',
    limits: (limits) => (limits.order_validation.max_orders_per_second = 1),
    traffic: (traffic) => traffic.second.add(NOON - 999),
  },
  {
    rule: 'order-budget',
    what: 'one more within a minute',
    code: 'RISK_ORDER_BUDGET',
    limits: (limits) => (limits.order_validation.max_orders_per_minute = 1),
    traffic: (traffic) => traffic.minute.add(NOON - 59_999),
  },
  {
    rule: 'open-orders',
    what: 'too many open',
    code: 'RISK_OPEN_ORDERS',
    limits: (limits) => (limits.order_validation.max_open_orders = 1),
    exposure: () => withOrder('buy', undefined),
  },
  {
    rule: 'trades-per-day',
    what: 'one more today, an open order among them',
    code: 'RISK_TRADES_PER_DAY',
    limits: (limits) => (limits.order_validation.max_trades_per_day = 2),
    exposure: () => {
      const exposure = withOrder('buy', undefined);
      exposure.tradesToday = 1;
      return exposure;
    },
  },
  {
    rule: 'duplicate-intent',
    what: 'the same again',
    code: 'RISK_DUPLICATE_INTENT',
    limits: (limits) => (limits.order_validation.duplicate_window_ms = 1_000),
    traffic: (traffic) => traffic.remember(readRiskOrder(order({ client_order_id: 'twin' })), NOON - 999),
  },
  {
    rule: 'wash-trade',
    what: 'a market order against an open limit',
    code: 'RISK_WASH_TRADE',
    limits: washing,
    exposure: () => withOrder('sell', '104'),
  },
  {
    rule: 'wash-trade',
    what: 'a limit that crosses ours',
    code: 'RISK_WASH_TRADE',
    request: { side: 'sell', type: 'limit', price: '99' },
    limits: washing,
    exposure: () => withOrder('buy', '99'),
  },
  {
    rule: 'wash-trade',
    what: 'a limit against an open stop',
    code: 'RISK_WASH_TRADE',
    request: limitOrder,
    limits: washing,
    exposure: () => withOrder('sell', undefined),
  },
  {
    rule: 'reducing-only',
    what: 'a new position while reducing',
    code: 'RISK_REDUCING_ONLY',
    exposure: changed((exposure) => (exposure.state = 'REDUCING')),
  },
  {
    rule: 'account-blocked',
    what: 'an account that the broker has blocked',
    code: 'RISK_ACCOUNT_BLOCKED',
    exposure: funds('1000000', { blocked: true }),
  },
  {
    rule: 'short-position',
    what: 'a short sale where none are allowed',
    code: 'RISK_SHORT',
    request: { side: 'sell', quantity: '11' },
    limits: (limits) => (limits.position_limits.allow_short = false),
    exposure: () => held('10'),
  },
  {
    rule: 'short-position',
    what: 'a short sale of an account that may not',
    code: 'RISK_SHORT',
    request: { side: 'sell' },
    exposure: funds('1000000', { shorting: false }),
  },
  {
    rule: 'daily-loss',
    what: 'the dollars of a day',
    code: 'RISK_DAILY_LOSS',
    exposure: changed((exposure) => (exposure.realizedToday = attos('-2000'))),
  },
  {
    rule: 'daily-loss',
    what: 'the percents of a day',
    code: 'RISK_DAILY_LOSS',
    limits: (limits) => {
      limits.loss_limits.max_daily_loss = '3000';
      limits.loss_limits.max_daily_loss_percent = 0.2;
    },
    exposure: changed((exposure) => (exposure.realizedToday = attos('-2000'))),
  },
  {
    rule: 'weekly-loss',
    what: 'a week’s loss, open losses among it',
    code: 'RISK_WEEKLY_LOSS',
    limits: (limits) => (limits.position_limits.max_position_value = '100000'),
    exposure: () => {
      const exposure = held('100', '101');
      exposure.realizedWeek = attos('-4900');
      return exposure;
    },
  },
  {
    rule: 'monthly-loss',
    what: 'a month’s loss',
    code: 'RISK_MONTHLY_LOSS',
    exposure: changed((exposure) => (exposure.realizedMonth = attos('-10000'))),
  },
  {
    rule: 'drawdown',
    what: 'too far below the peak',
    code: 'RISK_DRAWDOWN',
    exposure: changed((exposure) => {
      exposure.equity = { current: attos('950000'), opening: attos('950000'), peak: attos('1000000') };
    }),
  },
  {
    rule: 'consecutive-losses',
    what: 'ten losses in a row',
    code: 'RISK_CONSECUTIVE_LOSSES',
    exposure: changed((exposure) => (exposure.lossStreak = 10)),
  },
  {
    rule: 'position-quantity',
    what: 'a position of too many shares',
    code: 'RISK_POSITION_QUANTITY',
    limits: (limits) => (limits.position_limits.max_position_quantity = '14'),
    exposure: () => held('5'),
  },
  {
    rule: 'position-value',
    what: 'a position of too many dollars',
    code: 'RISK_POSITION_VALUE',
    limits: (limits) => (limits.position_limits.max_position_value = '1499'),
    exposure: () => held('5'),
  },
  {
    rule: 'concentration',
    what: 'too much of the equity in one symbol',
    code: 'RISK_CONCENTRATION',
    limits: (limits) => (limits.position_limits.max_symbol_concentration_percent = 0.09),
  },
  {
    rule: 'concentration',
    what: 'an equity that nobody knows',
    code: 'RISK_CONCENTRATION',
    exposure: changed((exposure) => (exposure.equity = undefined)),
  },
  {
    rule: 'gross-exposure',
    what: 'too much in all',
    code: 'RISK_GROSS_EXPOSURE',
    limits: (limits) => (limits.position_limits.max_gross_exposure = '1999'),
    exposure: () => makeExposure({ MSFT: { quantity: '-10', price: '100' } }, { AAPL: 100, MSFT: 100 }),
  },
  {
    rule: 'net-exposure',
    what: 'too much on one side',
    code: 'RISK_NET_EXPOSURE',
    limits: (limits) => (limits.position_limits.max_net_exposure = '1999'),
    exposure: () => makeExposure({ MSFT: { quantity: '10', price: '100' } }, { AAPL: 100, MSFT: 100 }),
  },
  {
    rule: 'open-positions',
    what: 'one symbol too many',
    code: 'RISK_OPEN_POSITIONS',
    limits: (limits) => (limits.position_limits.max_open_positions = 1),
    exposure: () => makeExposure({ MSFT: { quantity: '1', price: '100' } }, { AAPL: 100, MSFT: 100 }),
  },
  { rule: 'buying-power', what: 'more than the account can buy', code: 'RISK_BUYING_POWER', exposure: funds('999.99') },
  {
    rule: 'buying-power',
    what: 'more than the share of it that may be used',
    code: 'RISK_BUYING_POWER',
    limits: (limits) => (limits.position_limits.max_buying_power_percent = 50),
    exposure: funds('1999.99'),
  },
  {
    rule: 'buying-power',
    what: 'what other orders have claimed since the broker told it',
    code: 'RISK_BUYING_POWER',
    exposure: () => {
      const exposure = funds('2000')();
      exposure.funds.claim('other', attos('1000.01'));
      return exposure;
    },
  },
  {
    rule: 'buying-power',
    what: 'a short sale at three percent above its price',
    code: 'RISK_BUYING_POWER',
    request: { side: 'sell' },
    exposure: funds('1029.99'),
  },
  {
    rule: 'buying-power',
    what: 'an account that nobody knows',
    code: 'RISK_BUYING_POWER',
    exposure: changed((exposure) => (exposure.funds.standing = undefined)),
  },
];

/** What getting out of AAPL looks like, through every limit that has been passed already. */
export function beyondEveryLimit(): Exposure {
  const exposure = held('10');
  exposure.state = 'REDUCING';
  exposure.realizedToday = exposure.realizedWeek = exposure.realizedMonth = attos('-1000000');
  exposure.equity = { current: attos('1'), opening: attos('1000000'), peak: attos('1000000') };
  exposure.lossStreak = 1_000;
  exposure.tradesToday = 1_000_000;
  exposure.funds.observe({ buyingPower: attos('-1'), shorting: false, blocked: false }, NOON);
  markAt(exposure, 'AAPL', 100, NOON);
  return exposure;
}
