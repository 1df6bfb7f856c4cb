/** Limits that every rule is held against and that no order of a benchmark reaches. */
export const WIDE_LIMITS = `
[position_limits]
max_position_quantity = "1000000"
max_position_value = "500000000"
max_symbol_concentration_percent = 100.0
max_gross_exposure = "1000000000"
max_net_exposure = "1000000000"
allow_short = true
[loss_limits]
max_daily_loss = "100000000"
max_daily_loss_percent = 100.0
max_weekly_loss = "100000000"
max_monthly_loss = "100000000"
max_drawdown_percent = 100.0
max_consecutive_losses = 10000
[circuit_breaker]
max_stale_data_ms = 60000
max_rejects_per_minute = 10000
[order_validation]
max_spread_percent = 200.0
require_live_quote = false
max_orders_per_second = 100000
max_orders_per_minute = 1000000
max_trades_per_day = 100000000
duplicate_window_ms = 0
refuse_wash_trades = false
max_open_orders = 100000
[time_restrictions]
regular_hours_only = false
no_new_positions_before_close_minutes = 0
blackout_periods = []
`;
