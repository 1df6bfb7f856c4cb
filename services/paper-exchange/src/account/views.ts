import { availableQty } from '../orders/checks.ts';
import type { OrderStore } from '../orders/store.ts';
import type { Instruments } from '../market/instruments.ts';
import { addDays, newYorkDate, toRfc3339, type Micros } from '../clock/new-york.ts';
import { averagePrice, formatMoney, formatPrice, formatQty, ratio, valueOf } from '../units/amounts.ts';
import { abs, type Account, type Position } from './account.ts';
import { marginOf, type Multiplier } from './margin.ts';

export interface AccountIdentity {
  id: string;
  number: string;
  createdAt: Micros;
}

export interface ViewDeps {
  account: Account;
  store: OrderStore;
  instruments: Instruments;
  multiplier: Multiplier;
}

/** `GET /v2/account`. Amounts are decimal text in USD. */
export function accountJson(
  deps: ViewDeps,
  identity: AccountIdentity,
  settings: { suspend_trade: boolean; no_shorting: boolean },
  now: Micros,
): Record<string, unknown> {
  const { account, instruments, store, multiplier } = deps;
  const margin = marginOf(account, instruments, store.open(), multiplier);
  const buyingPower = formatMoney(margin.buyingPower);
  return {
    id: identity.id,
    admin_configurations: {},
    user_configurations: null,
    account_number: identity.number,
    status: 'ACTIVE',
    crypto_status: 'INACTIVE',
    options_approved_level: 0,
    options_trading_level: 0,
    currency: 'USD',
    buying_power: buyingPower,
    regt_buying_power: formatMoney(margin.regtBuyingPower),
    daytrading_buying_power: multiplier === 4 ? buyingPower : '0',
    effective_buying_power: buyingPower,
    non_marginable_buying_power: formatMoney(account.cash > 0n ? account.cash : 0n),
    options_buying_power: '0',
    bod_dtbp: '0',
    cash: formatMoney(account.cash),
    accrued_fees: '0',
    pending_transfer_in: '0',
    portfolio_value: formatMoney(margin.equity),
    trading_blocked: false,
    transfers_blocked: false,
    account_blocked: false,
    trade_suspended_by_user: settings.suspend_trade,
    created_at: toRfc3339(identity.createdAt),
    multiplier: String(multiplier),
    shorting_enabled: multiplier > 1 && !settings.no_shorting,
    equity: formatMoney(margin.equity),
    last_equity: formatMoney(account.startingCash),
    long_market_value: formatMoney(margin.longValue),
    short_market_value: formatMoney(margin.shortValue),
    position_market_value: formatMoney(margin.longValue - margin.shortValue),
    initial_margin: formatMoney(margin.initialMargin),
    maintenance_margin: formatMoney(margin.maintenanceMargin),
    last_maintenance_margin: '0',
    sma: '0',
    daytrade_count: 0,
    balance_asof: addDays(newYorkDate(now), -1),
    crypto_tier: 0,
    intraday_adjustments: '0',
    pending_reg_taf_fees: '0',
    pattern_day_trader: multiplier === 4,
  };
}

/** One entry of `GET /v2/positions`. */
export function positionJson(deps: ViewDeps, position: Position): Record<string, unknown> {
  const { symbol, qty, cost } = position;
  const instrument = deps.instruments.list(symbol);
  const { mark, opening } = instrument;
  const value = mark > 0 ? valueOf(mark, qty) : cost;
  const profit = value - cost;
  return {
    asset_id: instrument.assetId,
    symbol,
    exchange: 'NASDAQ',
    asset_class: 'us_equity',
    asset_marginable: true,
    qty: formatQty(qty),
    avg_entry_price: averagePrice(cost, qty) ?? '0',
    side: qty > 0n ? 'long' : 'short',
    market_value: formatMoney(value),
    cost_basis: formatMoney(cost),
    unrealized_pl: formatMoney(profit),
    unrealized_plpc: ratio(profit, abs(cost)),
    unrealized_intraday_pl: formatMoney(profit),
    unrealized_intraday_plpc: ratio(profit, abs(cost)),
    current_price: formatPrice(mark),
    lastday_price: formatPrice(opening),
    change_today: ratio(BigInt(mark - opening), BigInt(opening)),
    qty_available: formatQty(qty > 0n ? availableQty(deps, symbol) : -availableQty(deps, symbol)),
  };
}
