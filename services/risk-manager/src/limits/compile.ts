import type { RiskLimits } from '@papergate/config';
import { createCalendar, type TradingCalendar } from './calendar.ts';
import { attos, nanos, percentUnits, type Attos, type Nanos } from '../units.ts';

/** The limits in the units that they are compared in. Percents are millionths of a percent. */
export interface CompiledLimits {
  position: {
    quantity: Nanos;
    value: Attos;
    concentration: bigint;
    gross: Attos;
    net: Attos;
    open: number;
    buyingPowerPercent: bigint;
    allowShort: boolean;
  };
  loss: {
    daily: Attos;
    dailyPercent: bigint;
    weekly: Attos;
    monthly: Attos;
    drawdownPercent: bigint;
    consecutive: number;
  };
  order: {
    quantity: Nanos;
    value: Attos;
    minPrice: Nanos;
    maxPrice: Nanos;
    deviationPercent: bigint;
    spreadPercent: bigint;
    liveQuote: boolean;
    perSecond: number;
    perMinute: number;
    tradesPerDay: number;
    duplicateWindowMs: number;
    refuseWashTrades: boolean;
    open: number;
    types: ReadonlySet<string>;
    restricted: ReadonlySet<string>;
  };
  breaker: RiskLimits['circuit_breaker'];
  stopLoss: { enabled: boolean; percent: bigint; trailing: boolean };
  takeProfit: { enabled: boolean; percent: bigint };
  monitoring: { intervalMs: number; exposureWarning: bigint; lossWarning: bigint };
  calendar: TradingCalendar;
}

/** Throws a UserError for a time zone or a blackout that means nothing. */
export function compileLimits(limits: RiskLimits): CompiledLimits {
  const { position_limits: position, loss_limits: loss, order_validation: order, monitoring } = limits;
  return {
    position: {
      quantity: nanos(position.max_position_quantity),
      value: attos(position.max_position_value),
      concentration: percentUnits(position.max_symbol_concentration_percent),
      gross: attos(position.max_gross_exposure),
      net: attos(position.max_net_exposure),
      open: position.max_open_positions,
      buyingPowerPercent: percentUnits(position.max_buying_power_percent),
      allowShort: position.allow_short,
    },
    loss: {
      daily: attos(loss.max_daily_loss),
      dailyPercent: percentUnits(loss.max_daily_loss_percent),
      weekly: attos(loss.max_weekly_loss),
      monthly: attos(loss.max_monthly_loss),
      drawdownPercent: percentUnits(loss.max_drawdown_percent),
      consecutive: loss.max_consecutive_losses,
    },
    order: {
      quantity: nanos(order.max_order_quantity),
      value: attos(order.max_order_value),
      minPrice: nanos(order.min_price),
      maxPrice: nanos(order.max_price),
      deviationPercent: percentUnits(order.max_price_deviation_percent),
      spreadPercent: percentUnits(order.max_spread_percent),
      liveQuote: order.require_live_quote,
      perSecond: order.max_orders_per_second,
      perMinute: order.max_orders_per_minute,
      tradesPerDay: order.max_trades_per_day,
      duplicateWindowMs: order.duplicate_window_ms,
      refuseWashTrades: order.refuse_wash_trades,
      open: order.max_open_orders,
      types: new Set(order.allowed_types),
      restricted: new Set(order.restricted_symbols),
    },
    breaker: limits.circuit_breaker,
    stopLoss: { ...limits.stop_loss, percent: percentUnits(limits.stop_loss.percent) },
    takeProfit: { ...limits.take_profit, percent: percentUnits(limits.take_profit.percent) },
    monitoring: {
      intervalMs: monitoring.mark_interval_ms,
      exposureWarning: percentUnits(monitoring.exposure_warning_percent),
      lossWarning: percentUnits(monitoring.loss_warning_percent),
    },
    calendar: createCalendar(limits.time_restrictions),
  };
}
