import type { ConfigFolder } from '../fixtures.ts';
import { INVALID, OVER, RISK, SYNTAX, UNREADABLE, type BadInput } from './row.ts';

const risk = (from: string | RegExp, to: string) => (folder: ConfigFolder) => folder.edit(RISK, from, to);
const over = (from: string | RegExp, to: string) => (folder: ConfigFolder) => folder.edit(OVER, from, to);

export const BAD_RISK_LIMITS: readonly BadInput[] = [
  ['absent limits', (folder) => folder.remove(RISK), UNREADABLE, 'risk_limits.toml', 'does not exist'],
  ['limits that are no TOML', risk('[loss_limits]', '[loss_limits'), SYNTAX, 'is not TOML at line'],
  ['limits as JSON', (folder) => folder.write(RISK, '{"a": 1}'), SYNTAX, 'is not TOML at line 1'],
  [
    'a key that stands twice',
    risk('allow_short = false', 'allow_short = false\nallow_short = true'),
    SYNTAX,
    'is not TOML at line',
  ],
  ['a table that stands twice', risk('[stop_loss]', '[loss_limits]'), SYNTAX, 'is not TOML at line'],
  ['empty limits', (folder) => folder.write(RISK, ''), INVALID, 'missing key stop_loss'],
  ['a broken override', (folder) => folder.write(OVER, 'x = '), SYNTAX, 'risk_limits.staging.toml', 'is not TOML'],
  [
    'an unknown key',
    risk('trailing = false', 'trailing = false\ntrailing_stop = 1'),
    INVALID,
    'unknown key stop_loss.trailing_stop',
  ],
  [
    'a misspelt key',
    risk('max_daily_loss =', 'max_dayly_loss ='),
    INVALID,
    'unknown key loss_limits.max_dayly_loss (did you mean "max_daily_loss"?)',
  ],
  [
    'a misspelt key in the override',
    over('max_open_orders', 'max_opened_orders'),
    INVALID,
    'risk_limits.staging.toml',
    'did you mean "max_open_orders"?',
  ],
  [
    'a table that does not exist',
    over('[circuit_breaker]', '[circuit_braker]'),
    INVALID,
    'risk_limits.staging.toml',
    'unknown key circuit_braker (did you mean "circuit_breaker"?)',
  ],
  [
    'money as a float',
    risk('"2000"', '2000.0'),
    INVALID,
    'loss_limits.max_daily_loss is 2000, allowed: a decimal number as text',
    'put it in quotes',
  ],
  [
    'a percent of 0',
    risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = 0'),
    INVALID,
    'is 0, allowed: a number greater than 0 and up to 100',
  ],
  ['a percent of 101', risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = 101'), INVALID, 'is 101'],
  [
    'a percent that is no number',
    risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = nan'),
    INVALID,
    'is NaN, allowed: a number',
  ],
  [
    'a percent without end',
    risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = inf'),
    INVALID,
    'is Infinity',
  ],
  [
    'a number that no float holds',
    risk('max_open_orders = 100', 'max_open_orders = 99999999999999999999'),
    SYNTAX,
    'is not TOML',
  ],
  [
    'a boolean as text',
    over('allow_short = true', 'allow_short = "false"'),
    INVALID,
    'position_limits.allow_short is "false", allowed: true, false',
  ],
  [
    'a limit of 0',
    risk('max_order_value = "25000"', 'max_order_value = "0"'),
    INVALID,
    'order_validation.max_order_value is "0", allowed: more than 0',
  ],
  [
    'a state that does not exist',
    risk('"HALTED"', '"PAUSED"'),
    INVALID,
    'circuit_breaker.trip_state is "PAUSED", allowed: "REDUCING", "HALTED"',
  ],
  [
    'an order type that does not exist',
    risk('"stop_limit"', '"stop_loss"'),
    INVALID,
    'order_validation.allowed_types.3 is "stop_loss", allowed: "market"',
  ],
  ['an order type twice', risk('"stop_limit"', '"market"'), INVALID, 'has "market" twice'],
  [
    'prices the wrong way round',
    risk('min_price = "1"', 'min_price = "100000.01"'),
    INVALID,
    'order_validation.min_price is "100000.01", allowed: at most order_validation.max_price',
  ],
  [
    'orders larger than positions',
    risk('max_order_quantity = "500"', 'max_order_quantity = "1000001"'),
    INVALID,
    'at most position_limits.max_position_quantity',
  ],
  [
    'order values larger than position values',
    risk('max_order_value = "25000"', 'max_order_value = "500000001"'),
    INVALID,
    'at most position_limits.max_position_value',
  ],
  [
    'positions larger than the exposure',
    over('max_position_value = "500000000"', 'max_position_value = "5000000000"'),
    INVALID,
    'risk_limits.staging.toml',
    'at most position_limits.max_gross_exposure',
  ],
  [
    'net above gross',
    over('max_net_exposure = "1000000000"', 'max_net_exposure = "1000000001"'),
    INVALID,
    'max_net_exposure',
    'at most position_limits.max_gross_exposure',
  ],
  [
    'a week that may lose less than a day',
    over('max_weekly_loss = "100000"', 'max_weekly_loss = "1999"'),
    INVALID,
    'at most loss_limits.max_weekly_loss',
  ],
  [
    'a month that may lose less than a week',
    over('max_monthly_loss = "400000"', 'max_monthly_loss = "99999"'),
    INVALID,
    'at most loss_limits.max_monthly_loss',
  ],
  [
    'more orders a second than a minute',
    over('max_orders_per_minute = 300000', 'max_orders_per_minute = 4999'),
    INVALID,
    'order_validation.max_orders_per_second is "5000", allowed: at most order_validation.max_orders_per_minute',
  ],
  [
    'a trailing stop without a stop',
    risk('enabled = true\npercent = 2.0\ntrailing = false', 'enabled = false\npercent = 2.0\ntrailing = true'),
    INVALID,
    'stop_loss.trailing is true, allowed: only where stop_loss.enabled is true',
  ],
  [
    'a breaker that resumes at once',
    risk('cooldown_seconds = 300\nauto_resume = false', 'cooldown_seconds = 0\nauto_resume = true'),
    INVALID,
    'circuit_breaker.auto_resume is true, allowed: only where circuit_breaker.cooldown_seconds is more than 0',
  ],
  [
    'a breaker that is off and resumes',
    risk(
      /enabled = true\nmax_rejects_per_minute = 20\n([\s\S]*)auto_resume = false/,
      'enabled = false\nmax_rejects_per_minute = 20\n$1auto_resume = true',
    ),
    INVALID,
    'circuit_breaker.auto_resume is true, allowed: only where circuit_breaker.enabled is true',
  ],
  [
    'minutes before a close that nothing looks at',
    over('no_new_positions_before_close_minutes = 0', 'no_new_positions_before_close_minutes = 5'),
    INVALID,
    'allowed: only where time_restrictions.regular_hours_only is true',
  ],
  ['a window of negative length', over('duplicate_window_ms = 0', 'duplicate_window_ms = -1'), INVALID, 'is -1'],
  ['a spread of nothing', over('max_spread_percent = 200.0', 'max_spread_percent = 0'), INVALID, 'is 0'],
  [
    'a calendar that does not exist',
    risk('exchange_calendar = "NYSE"', 'exchange_calendar = "LSE"'),
    INVALID,
    'time_restrictions.exchange_calendar is "LSE", allowed: "NYSE", "none"',
  ],
  [
    'a closed day that does not exist',
    risk('closed_days = []', 'closed_days = ["2026-02-29"]'),
    INVALID,
    'time_restrictions.closed_days.0 is "2026-02-29", allowed: a day that exists',
  ],
  [
    'a closed day without quotes',
    risk('closed_days = []', 'closed_days = [2026-02-28]'),
    INVALID,
    'closed_days.0',
    'in quotes',
  ],
  [
    'an early close after the close',
    risk('early_closes = []', 'early_closes = [{ day = "2026-07-02", close = "16:00" }]'),
    INVALID,
    'time_restrictions.early_closes.0.close is "16:00" on 2026-07-02, allowed: after open',
  ],
  [
    'an early close on a day that does not exist',
    risk('early_closes = []', 'early_closes = [{ day = "2026-06-31", close = "13:00" }]'),
    INVALID,
    'time_restrictions.early_closes.0.day is "2026-06-31"',
  ],
  [
    'a day that closes before it opens',
    risk('open = "09:30"', 'open = "16:30"'),
    INVALID,
    'time_restrictions.open is "16:30", allowed: before close, which is "16:00"',
  ],
  ['a day without length', risk('open = "09:30"', 'open = "16:00"'), INVALID, 'before close'],
  [
    'a time of 24:00',
    risk('close = "16:00"', 'close = "24:00"'),
    INVALID,
    'time_restrictions.close is "24:00", allowed: a time of day HH:MM',
  ],
  [
    'a time without quotes',
    risk('close = "16:00"', 'close = 16:00:00'),
    INVALID,
    'time_restrictions.close',
    'in quotes',
  ],
  [
    'a time zone that does not exist',
    risk('"America/New_York"', '"America/Gotham"'),
    INVALID,
    'time_restrictions.time_zone is "America/Gotham", allowed: a name of the IANA',
  ],
  ['a time zone that is an offset', risk('"America/New_York"', '"-05:00"'), INVALID, 'is "-05:00"'],
  [
    'no time left to trade',
    (folder) => {
      folder.edit(OVER, 'regular_hours_only = false', 'regular_hours_only = true');
      folder.edit(OVER, 'no_new_positions_before_close_minutes = 0', 'no_new_positions_before_close_minutes = 390');
    },
    INVALID,
    'is 390, allowed: less than the 390 minutes',
  ],
  ...(
    [
      [
        'a blackout that is no time',
        'from = "tomorrow"\nto = "09:32"',
        'from is "tomorrow", allowed: HH:MM, or a time with date',
      ],
      ['a blackout that ends before it begins', 'from = "09:40"\nto = "09:32"', 'is not before'],
      ['a blackout of two kinds', 'from = "09:30"\nto = "2026-07-03T13:00:00Z"', 'two kinds'],
      [
        'a blackout on a day that does not exist',
        'from = "2026-04-31T13:00:00Z"\nto = "2026-05-03T13:00:00Z"',
        'from is "2026-04-31T13:00:00Z"',
      ],
      [
        'a blackout without offset',
        'from = "2026-07-03T13:00:00"\nto = "2026-07-03T14:00:00"',
        'from is "2026-07-03T13:00:00"',
      ],
      ['a blackout over no time', 'from = "2026-07-03T13:00:00Z"\nto = "2026-07-03T09:00:00-04:00"', 'is not before'],
      [
        'a blackout without quotes',
        'from = 2026-07-03T13:00:00Z\nto = "2026-07-03T14:00:00Z"',
        'is the date 2026-07-03T13:00:00.000Z, allowed: HH:MM or a time',
      ],
      ['a blackout without a name', 'from = "09:30"\nto = "09:32"\nname = ""', 'SYNTAX'],
    ] as const
  ).map(([what, times, text]): BadInput => [
    what,
    (folder) => {
      folder.edit(OVER, 'blackout_periods = []', '');
      folder.edit(RISK, /from = "09:30"\nto = "09:32"/, times);
    },
    text === 'SYNTAX' ? SYNTAX : INVALID,
    text === 'SYNTAX' ? 'is not TOML' : text,
  ]),
];
