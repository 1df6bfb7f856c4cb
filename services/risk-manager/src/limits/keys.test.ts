import { describe, expect, test } from '@jest/globals';
import type { RiskLimits } from '@papergate/config';
import { createMetrics, type RiskOrder, type TradingState } from '@papergate/service-kit';
import { Breaker } from '../breaker/breaker.ts';
import { BreakerRules } from '../breaker/rules.ts';
import type { StoredState } from '../breaker/store.ts';
import { readRiskOrder } from '../check/order.ts';
import { RULE_CASES } from '../check/testing/cases.ts';
import { Traffic } from '../check/traffic.ts';
import type { RiskEvent } from '../events/recorder.ts';
import type { Exposure } from '../exposure/exposure.ts';
import { createInstruments } from '../instruments.ts';
import { Monitor } from '../monitor.ts';
import { crossed } from '../protection/crossed.ts';
import { check, codeOf, makeExposure, makeLimits, NOON, order } from '../testing/make.ts';
import { attos, nanos } from '../units.ts';
import { compileLimits } from './compile.ts';

type Probe = (limits: RiskLimits) => unknown;
/** Two values of a key that a probe has to tell apart, and what else is set meanwhile. */
type Row = [one: unknown, other: unknown, probe: Probe, base?: (limits: RiskLimits) => void];

const instruments = createInstruments(createMetrics('risk-manager', { runtime: false }));
const at = (text: string): number => Date.parse(text);

const ask =
  (request: Partial<RiskOrder> = {}, exposure: () => Exposure = makeExposure, now = NOON): Probe =>
  (limits) =>
    codeOf(check(request, exposure(), limits, now));

/** With orders that went through at these times before. */
const after =
  (...ages: number[]): Probe =>
  (limits) => {
    const traffic = new Traffic(compileLimits(limits).order);
    for (const [i, age] of ages.entries()) {
      traffic.add(readRiskOrder(order({ client_order_id: `before-${i}` })), NOON - age);
    }
    return codeOf(check({}, makeExposure(), limits, NOON, traffic));
  };

const caseOf = (what: string): (() => Exposure) =>
  RULE_CASES.find((asked) => asked.what === what)?.exposure ?? makeExposure;
const held = (quantity = '10'): Exposure => makeExposure({ AAPL: { quantity, price: '100' } });
const moved =
  (usd: number, best = 100) =>
  (limits: RiskLimits) => {
    const symbol = held().symbol('AAPL');
    symbol.bid = symbol.ask = usd * 1e6;
    return crossed(symbol, nanos(String(best)), compileLimits(limits));
  };

/** What the monitor does about an exposure: trips, and warnings. */
const watch =
  (change: (exposure: Exposure, rules: BreakerRules) => void, now = NOON): Probe =>
  (limits) => {
    const compiled = compileLimits(limits);
    const exposure = held();
    const rules = new BreakerRules(compiled);
    change(exposure, rules);
    const seen: string[] = [];
    new Monitor({
      exposure,
      limits: compiled,
      rules,
      breaker: {
        tripAutomatically: (code, _message, state) => seen.push(`${code} ${state}`) > 0,
        resume: () => Promise.resolve(false),
      },
      feed: () => ({ lastSeen: NOON, disconnectedSince: undefined }),
      recorder: { record: ({ code }: RiskEvent) => seen.push(code) },
      instruments,
      now: () => now,
    }).run();
    return seen;
  };
const lossy = (usd: string) => (exposure: Exposure) => {
  exposure.realizedToday = attos(`-${usd}`);
};

/** What becomes of a trip 100 s later. */
const resumed: Probe = async (limits) => {
  const { cooldown_seconds: cooldownSeconds, auto_resume: autoResume } = limits.circuit_breaker;
  const stored: StoredState = { state: 'HALTED', reason: 'x', code: 'RISK_STALE_DATA', held: false, since: NOON };
  let state: TradingState | undefined;
  const breaker = new Breaker({
    store: { load: () => Promise.resolve(stored), save: () => Promise.resolve() },
    recorder: { record: () => undefined },
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    cooldownSeconds,
    autoResume,
    onState: (now) => (state = now?.state),
    onTrip: () => undefined,
    now: () => NOON + 100_000,
  });
  await breaker.load();
  await breaker.resume();
  return state;
};

const hours = (limits: RiskLimits): void => {
  limits.time_restrictions.regular_hours_only = true;
};
const limit = { type: 'limit', price: '100' } as const;
const when = (text: string, request: Partial<RiskOrder> = limit): Probe => ask(request, makeExposure, at(text));

const KEYS: Readonly<Record<string, Row>> = {
  'position_limits.max_position_quantity': ['9', '10', ask()],
  'position_limits.max_position_value': ['999', '1000', ask()],
  'position_limits.max_symbol_concentration_percent': [0.09, 0.1, ask()],
  'position_limits.max_gross_exposure': ['999', '1000', ask()],
  'position_limits.max_net_exposure': ['999', '1000', ask()],
  'position_limits.max_open_positions': [1, 2, ask({}, caseOf('one symbol too many'))],
  'position_limits.max_buying_power_percent': [50, 51, ask({}, caseOf('more than the share of it that may be used'))],
  'position_limits.allow_short': [false, true, ask({ side: 'sell' })],
  'loss_limits.max_daily_loss': ['100', '100.01', watch(lossy('100'))],
  'loss_limits.max_daily_loss_percent': [0.01, 0.011, watch(lossy('100'))],
  'loss_limits.max_weekly_loss': ['100', '100.01', watch((exposure) => (exposure.realizedWeek = attos('-100')))],
  'loss_limits.max_monthly_loss': ['100', '100.01', watch((exposure) => (exposure.realizedMonth = attos('-100')))],
  'loss_limits.max_drawdown_percent': [5, 5.1, ask({}, caseOf('too far below the peak'))],
  'loss_limits.max_consecutive_losses': [10, 11, watch((exposure) => (exposure.lossStreak = 10))],
  'stop_loss.enabled': [false, true, moved(98)],
  'stop_loss.percent': [2, 2.1, moved(98)],
  'stop_loss.trailing': [false, true, moved(101, 104)],
  'take_profit.enabled': [false, true, moved(104)],
  'take_profit.percent': [4, 4.1, moved(104)],
  'circuit_breaker.enabled': [false, true, watch(lossy('5000'))],
  'circuit_breaker.max_rejects_per_minute': [
    1,
    2,
    watch((_exposure, rules) => {
      rules.rejected(NOON);
      rules.rejected(NOON);
    }),
  ],
  'circuit_breaker.max_stale_data_ms': [1_000, 1_001, ask({}, makeExposure, NOON + 1_001)],
  'circuit_breaker.cooldown_seconds': [100, 101, resumed, (limits) => (limits.circuit_breaker.auto_resume = true)],
  'circuit_breaker.auto_resume': [false, true, resumed, (limits) => (limits.circuit_breaker.cooldown_seconds = 100)],
  'circuit_breaker.trip_state': ['REDUCING', 'HALTED', watch(lossy('5000'))],
  'order_validation.max_order_quantity': ['9', '10', ask()],
  'order_validation.max_order_value': ['999', '1000', ask()],
  'order_validation.min_price': ['100.01', '100', ask()],
  'order_validation.max_price': ['99.99', '100', ask()],
  'order_validation.max_price_deviation_percent': [1, 1.1, ask({ type: 'limit', price: '98.95' })],
  'order_validation.max_spread_percent': [2.1, 2.2, ask({}, caseOf('a market order into a wide quote'))],
  'order_validation.require_live_quote': [true, false, ask({ ...limit, symbol: 'TSLA' })],
  'order_validation.max_orders_per_second': [1, 2, after(999)],
  'order_validation.max_orders_per_minute': [1, 2, after(59_999)],
  'order_validation.max_trades_per_day': [2, 3, ask({}, caseOf('one more today, an open order among them'))],
  'order_validation.duplicate_window_ms': [500, 501, after(500)],
  'order_validation.refuse_wash_trades': [true, false, ask({}, caseOf('a market order against an open limit'))],
  'order_validation.max_open_orders': [1, 2, ask({}, caseOf('too many open'))],
  'order_validation.allowed_types': [['limit'], ['limit', 'market'], ask()],
  'order_validation.restricted_symbols': [['AAPL'], ['SPY'], ask()],
  'time_restrictions.time_zone': ['America/New_York', 'America/Chicago', when('2024-06-05T09:30:00-04:00'), hours],
  'time_restrictions.regular_hours_only': [true, false, when('2024-06-05T09:29:00-04:00')],
  'time_restrictions.open': ['09:30', '09:31', when('2024-06-05T09:30:00-04:00'), hours],
  'time_restrictions.close': ['16:00', '16:10', when('2024-06-05T16:00:00-04:00'), hours],
  'time_restrictions.no_new_positions_before_close_minutes': [5, 4, when('2024-06-05T15:55:00-04:00'), hours],
  'time_restrictions.exchange_calendar': ['NYSE', 'none', when('2024-06-19T12:00:00-04:00'), hours],
  'time_restrictions.closed_days': [['2024-06-05'], ['2024-06-04'], when('2024-06-05T12:00:00-04:00'), hours],
  'time_restrictions.early_closes': [
    [{ day: '2024-06-05', close: '12:00' }],
    [{ day: '2024-06-05', close: '12:30' }],
    when('2024-06-05T12:00:00-04:00'),
    hours,
  ],
  'time_restrictions.blackout_periods': [
    [{ name: 'x', from: '11:00', to: '11:01' }],
    [{ name: 'x', from: '11:01', to: '11:02' }],
    ask(),
  ],
  'monitoring.mark_interval_ms': [10, 20, (limits) => compileLimits(limits).monitoring.intervalMs],
  'monitoring.exposure_warning_percent': [0.5, 0.6, watch(() => undefined)],
  'monitoring.loss_warning_percent': [50, 51, watch(lossy('1000'))],
};

function keysOf(limits: RiskLimits): string[] {
  return Object.entries(limits).flatMap(([table, keys]) => Object.keys(keys).map((key) => `${table}.${key}`));
}

function limitsWith(key: string, value: unknown, base: Row[3]): RiskLimits {
  const [table = '', name = ''] = key.split('.');
  return makeLimits((limits) => {
    base?.(limits);
    (limits as unknown as Record<string, Record<string, unknown>>)[table] = {
      ...limits[table as keyof RiskLimits],
      [name]: value,
    };
  });
}

describe('risk_limits.toml', () => {
  test('has no key that is not held here', () => {
    expect(Object.keys(KEYS).toSorted()).toEqual(keysOf(makeLimits()).toSorted());
  });

  test.each(Object.entries(KEYS))('%s makes a difference', async (key, [one, other, probe, base]) => {
    const found = [await probe(limitsWith(key, one, base)), await probe(limitsWith(key, other, base))];
    expect(found[0]).not.toEqual(found[1]);
  });
});
