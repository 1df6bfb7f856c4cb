import { Type, type Static, type TSchema } from 'typebox';
import { DecimalString, SymbolName } from './system.ts';

const Strict = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });
const Percent = Type.Number({ exclusiveMinimum: 0, maximum: 100 });
const TimeOfDay = Type.String({
  pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
  description: 'HH:MM in the table’s time zone',
  expects: 'a time of day HH:MM, in quotes',
});

const Day = Type.String({
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
  description: 'a calendar day',
  expects: 'a day YYYY-MM-DD, in quotes',
});

const TimeText = Type.String({
  minLength: 5,
  maxLength: 40,
  expects: 'HH:MM or a time with date and offset, in quotes',
});

export const BlackoutSchema = Strict({
  name: Type.String({ minLength: 1, maxLength: 80 }),
  /** RFC 3339 with offset, or a time of day that comes back each day. */
  from: TimeText,
  to: TimeText,
  symbols: Type.Optional(Type.Array(SymbolName, { minItems: 1, uniqueItems: true })),
});

/** `config/risk_limits.toml`. Money in USD as decimal strings, shares as decimal strings, percents as numbers. */
export const RiskLimitsSchema = Strict({
  position_limits: Strict({
    max_position_quantity: DecimalString,
    max_position_value: DecimalString,
    max_symbol_concentration_percent: Percent,
    max_gross_exposure: DecimalString,
    max_net_exposure: DecimalString,
    max_open_positions: Type.Integer({ minimum: 1, maximum: 10_000 }),
    /** Of the buying power that the broker shows, how much orders that open a position may claim. */
    max_buying_power_percent: Percent,
    allow_short: Type.Boolean(),
  }),
  loss_limits: Strict({
    max_daily_loss: DecimalString,
    max_daily_loss_percent: Percent,
    /** Since Monday, and since the first of the month, in New York: realized, with open positions at their marks. */
    max_weekly_loss: DecimalString,
    max_monthly_loss: DecimalString,
    max_drawdown_percent: Percent,
    max_consecutive_losses: Type.Integer({ minimum: 1, maximum: 10_000 }),
  }),
  stop_loss: Strict({ enabled: Type.Boolean(), percent: Percent, trailing: Type.Boolean() }),
  take_profit: Strict({ enabled: Type.Boolean(), percent: Percent }),
  circuit_breaker: Strict({
    enabled: Type.Boolean(),
    max_rejects_per_minute: Type.Integer({ minimum: 1, maximum: 100_000 }),
    max_stale_data_ms: Type.Integer({ minimum: 100, maximum: 86_400_000 }),
    cooldown_seconds: Type.Integer({ minimum: 0, maximum: 86_400 }),
    /** After the cooldown, what a limit tripped is reset by itself once its cause is gone; what a person tripped never. */
    auto_resume: Type.Boolean(),
    trip_state: Type.Enum(['REDUCING', 'HALTED']),
  }),
  order_validation: Strict({
    max_order_quantity: DecimalString,
    max_order_value: DecimalString,
    min_price: DecimalString,
    max_price: DecimalString,
    max_price_deviation_percent: Percent,
    /** Between bid and ask, as a percent of their middle, for market orders; 200 is any. */
    max_spread_percent: Type.Number({ exclusiveMinimum: 0, maximum: 200 }),
    /** Whether every order that does not shrink a position needs a market price that is not stale, not market orders alone. */
    require_live_quote: Type.Boolean(),
    max_orders_per_second: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    max_orders_per_minute: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    /** Orders a New York day that are filled, or may still be. */
    max_trades_per_day: Type.Integer({ minimum: 1, maximum: 100_000_000 }),
    /** An order like one that was let through this short a time before is refused; 0 is off. */
    duplicate_window_ms: Type.Integer({ minimum: 0, maximum: 60_000 }),
    /** Refuse what could trade with an open order of ours on the other side, as Alpaca does. */
    refuse_wash_trades: Type.Boolean(),
    max_open_orders: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    allowed_types: Type.Array(Type.Enum(['market', 'limit', 'stop', 'stop_limit']), { minItems: 1, uniqueItems: true }),
    restricted_symbols: Type.Array(SymbolName, { uniqueItems: true }),
  }),
  time_restrictions: Strict({
    time_zone: Type.String({ minLength: 1, maxLength: 64 }),
    regular_hours_only: Type.Boolean(),
    open: TimeOfDay,
    close: TimeOfDay,
    no_new_positions_before_close_minutes: Type.Integer({ minimum: 0, maximum: 390 }),
    /** Whose holidays and 13:00 closes count while `regular_hours_only`. */
    exchange_calendar: Type.Enum(['NYSE', 'none']),
    /** Days on which the market is closed besides, and those on which it closes early, in the table's time zone. */
    closed_days: Type.Array(Day, { uniqueItems: true }),
    early_closes: Type.Array(Strict({ day: Day, close: TimeOfDay })),
    blackout_periods: Type.Array(BlackoutSchema),
  }),
  monitoring: Strict({
    mark_interval_ms: Type.Integer({ minimum: 10, maximum: 60_000 }),
    exposure_warning_percent: Percent,
    loss_warning_percent: Percent,
  }),
});
export type RiskLimits = Static<typeof RiskLimitsSchema>;
