import type { BundleDouble } from './bundle-double.ts';

const SERVICES = [
  'paper-exchange',
  'market-data',
  'signal-bridge',
  'risk-manager',
  'execution-engine',
  'observability-api',
  'dashboard',
  'orchestrator',
];

export const trading = (state: string, reason = 'first start') => ({
  state,
  known: true,
  reason,
  since: '2026-03-02T14:31:07.000Z',
});

export function service(overrides: Record<string, unknown> = {}) {
  return {
    url: 'http://127.0.0.1:1',
    alive: true,
    ready: true,
    latency_ms: 1.4,
    release: '0123456789abcdef',
    uptime_seconds: 60,
    checks: {},
    problem: null,
    checked_at: '2026-03-02T14:31:07.000Z',
    ...overrides,
  };
}

export function status(overrides: Record<string, unknown> = {}, services: Record<string, unknown> = {}) {
  return {
    overall: 'healthy',
    environment: 'development',
    release: { sha: '0123456789abcdef', uniform: true },
    trading: trading('ACTIVE'),
    services: { ...Object.fromEntries(SERVICES.map((name) => [name, service()])), ...services },
    as_of: '2026-03-02T14:31:07.000Z',
    ...overrides,
  };
}

export function order(overrides: Record<string, unknown> = {}) {
  return {
    order_id: 'o-1',
    client_order_id: 'mean-reversion-o-1',
    broker_order_id: 'b-1',
    strategy: 'mean-reversion',
    symbol: 'AAPL',
    side: 'buy',
    type: 'market',
    quantity: '5',
    price: null,
    stop_price: null,
    time_in_force: 'day',
    status: 'filled',
    filled_quantity: '5',
    avg_fill_price: '167.4105',
    reject_code: null,
    reject_reason: null,
    created_at: '2026-03-02T14:31:07.123Z',
    updated_at: '2026-03-02T14:31:07.200Z',
    ...overrides,
  };
}

/** What the roll-out lets the release trade: everything, until told otherwise. */
export function scope(overrides: Record<string, unknown> = {}) {
  return {
    release: '0123456789abcdef',
    environment: 'development',
    stage: 'unset',
    symbols: 'all',
    reason: 'none has been set for this release',
    set_by: null,
    set_at: null,
    expires_at: null,
    effective: 'all',
    ...overrides,
  };
}

/** A second of the live stream; its numbers depend on `at` alone. */
export function sample(at: number) {
  const wave = Math.sin(at / 20_000);
  return {
    at: new Date(at).toISOString(),
    ticks_per_second: Math.round(1_000 + 240 * wave + 60 * Math.sin(at / 3_100)),
    orders_per_second: 3.2,
    fills_per_second: 3.1,
    signals_per_second: 1.4,
    realized_pnl: (180 + 90 * wave).toFixed(2),
    unrealized_pnl: (-20 + 45 * Math.cos(at / 31_000)).toFixed(2),
    tick_latency_ms: { p50: 2.1, p95: 6.2, p99: 9 + 4 * wave, count: 400 },
    order_latency_ms: { p50: 11, p95: 24, p99: 41 + 12 * Math.cos(at / 9_000) },
    write_latency_ms: { p50: 4, p95: 9, p99: 15 + 5 * Math.sin(at / 5_000), count: 30 },
    storage_held: 120,
    storage_lag_ms: 31,
  };
}

export function metrics(at: number, overrides: Record<string, unknown> = {}) {
  return { type: 'metrics', ...sample(at), trading: trading('ACTIVE'), services: {}, ...overrides };
}

/** A bundle in the middle of a good day. */
export function answerAll(double: BundleDouble, now: number): void {
  const answer = (key: string, body: unknown): void => void double.answers.set(key, { status: 200, body });
  const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString();
  answer('GET /api/v1/orchestration/status', status());
  answer('GET /api/v1/positions', {
    positions: [
      { symbol: 'AAPL', quantity: '25', avg_entry_price: '167.31', mark: '168.02', unrealized_pnl: '17.75' },
      { symbol: 'NVDA', quantity: '-10', avg_entry_price: '902.5', mark: '905.11', unrealized_pnl: '-26.1' },
      { symbol: 'SPY', quantity: '0', avg_entry_price: '0', mark: null, unrealized_pnl: null },
    ],
  });
  answer('GET /api/v1/account', { equity: '1000183.4000', cash: '991204.11' });
  answer('GET /api/v1/orders', {
    orders: [
      order({
        order_id: 'o-5',
        symbol: 'SPY',
        status: 'new',
        type: 'limit',
        price: '512.25',
        filled_quantity: '0',
        avg_fill_price: null,
        strategy: null,
        created_at: ago(4),
        updated_at: ago(4),
      }),
      order({
        order_id: 'o-4',
        symbol: 'NVDA',
        side: 'sell',
        status: 'partially_filled',
        quantity: '10',
        filled_quantity: '4',
        avg_fill_price: '902.5',
        strategy: 'momentum',
        created_at: ago(9),
        updated_at: ago(8),
      }),
      order({
        order_id: 'o-3',
        symbol: 'TSLA',
        status: 'rejected',
        filled_quantity: '0',
        avg_fill_price: null,
        reject_code: '40310000',
        reject_reason: 'insufficient buying power',
        created_at: ago(30),
        updated_at: ago(30),
      }),
      order({ order_id: 'o-2', symbol: 'MSFT', side: 'sell', created_at: ago(61), updated_at: ago(60) }),
      order({ created_at: ago(95), updated_at: ago(94) }),
    ],
  });
  answer('GET /api/trades/pnl', {
    period: 'today',
    realized_pnl: '183.40',
    unrealized_pnl: '-8.35',
    trades: 214,
    volume: '1070',
    notional: '179331.55',
    by_symbol: [],
    trades_list: [],
  });
  answer('GET /api/risk/exposure', { gross_exposure: '13251.60', net_exposure: '-4850.60', equity: '1000183.40' });
  answer('GET /api/risk/scope', scope());
  answer('GET /api/signals', {
    signals: [
      {
        id: 's-2',
        strategy: 'momentum',
        symbol: 'NVDA',
        side: 'sell',
        quantity: '10',
        price: '902.61',
        reason: 'rate of change −0.07 % over 10 bars',
        event_time: ago(9),
        created_at: ago(9),
      },
      {
        id: 's-1',
        strategy: 'mean-reversion',
        symbol: 'AAPL',
        side: 'buy',
        quantity: '5',
        price: '167.31',
        reason: 'z-score −2.31 of 20 bars',
        event_time: ago(95),
        created_at: ago(95),
      },
    ],
  });
  answer('GET /api/risk/events', {
    events: [
      {
        id: 3,
        at: ago(30),
        kind: 'refusal',
        code: 'RISK_ORDER_VALUE',
        symbol: 'TSLA',
        client_order_id: 'c-3',
        message: 'the order’s value 31,250 is above max_order_value 25,000',
      },
      {
        id: 2,
        at: ago(2_000),
        kind: 'reset',
        code: 'MANUAL',
        symbol: null,
        client_order_id: null,
        message: 'checked the feed',
      },
      {
        id: 1,
        at: ago(2_400),
        kind: 'trip',
        code: 'STALE_DATA',
        symbol: null,
        client_order_id: null,
        message: 'no tick for 16 s',
      },
    ],
  });
  answer('GET /api/metrics/history', {
    interval_ms: 1_000,
    samples: Array.from({ length: 400 }, (_, at) => sample(now - (400 - at) * 1_000)),
  });
}
