import type { Metrics } from '@papergate/service-kit';

/** The service's metrics, by name in its README. */
export function createInstruments(metrics: Metrics) {
  return {
    checks: metrics.counter('risk_checks_total', 'Orders checked, by verdict', ['verdict']),
    refusals: metrics.counter('risk_refusals_total', 'Orders refused, by code', ['code']),
    checkSeconds: metrics.histogram(
      'risk_check_seconds',
      'Time of one check',
      [],
      [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05],
    ),
    trips: metrics.counter('circuit_breaker_trips_total', 'Trips of the circuit breaker, by what tripped it', ['code']),
    state: metrics.gauge('trading_state', '1 for the trading state in force', ['state']),
    gross: metrics.gauge('exposure_gross_usd', 'Sum of the absolute values of all positions'),
    net: metrics.gauge('exposure_net_usd', 'Sum of the values of all positions'),
    equity: metrics.gauge('account_equity_usd', 'The account’s equity as the broker last told it'),
    dailyPnl: metrics.gauge('daily_pnl_usd', 'Profit or loss of the day, realized and unrealized'),
    drawdown: metrics.gauge('drawdown_percent', 'How far the account is below its peak'),
    buyingPower: metrics.gauge(
      'buying_power_usd',
      'The broker’s buying power less what orders claim that it did not know of',
    ),
    trades: metrics.gauge('trades_today', 'Orders of today that were filled at least in part'),
    weeklyPnl: metrics.gauge('weekly_pnl_usd', 'Profit or loss since Monday, realized and unrealized'),
    monthlyPnl: metrics.gauge('monthly_pnl_usd', 'Profit or loss of the month, realized and unrealized'),
    streak: metrics.gauge('consecutive_losses', 'Positions closed at a loss, one after the other'),
    scope: metrics.gauge('order_scope_symbols', 'Symbols that the release may trade, by the roll-out'),
    reservations: metrics.gauge('risk_reservations', 'Open orders whose exposure is reserved'),
    protections: metrics.counter('protective_orders_total', 'Orders that close a position at its stop or target', [
      'trigger',
    ]),
    syncs: metrics.counter('risk_syncs_total', 'Comparisons with the database, by result', ['result']),
    eventsDropped: metrics.counter(
      'risk_events_dropped_total',
      'Risk events that were not stored since too many waited',
    ),
  };
}

export type Instruments = ReturnType<typeof createInstruments>;
