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
    allow_short: Type.Boolean(),
  }),
  loss_limits: Strict({
    max_daily_loss: DecimalString,
    max_daily_loss_percent: Percent,
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
    trip_state: Type.Enum(['REDUCING', 'HALTED']),
  }),
  order_validation: Strict({
    max_order_quantity: DecimalString,
    max_order_value: DecimalString,
    min_price: DecimalString,
    max_price: DecimalString,
    max_price_deviation_percent: Percent,
    max_orders_per_second: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
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
    blackout_periods: Type.Array(BlackoutSchema),
  }),
  monitoring: Strict({
    mark_interval_ms: Type.Integer({ minimum: 10, maximum: 60_000 }),
    exposure_warning_percent: Percent,
    loss_warning_percent: Percent,
  }),
});
export type RiskLimits = Static<typeof RiskLimitsSchema>;
