// node services/execution-engine/src/bench/intake.ts [orders]
// Orders a second at the intake of the whole order path (risk check, commit, dispatch and fills going on), beside fastify and
// a group-committed INSERT alone; 100 under way at all times. Then how fast the acknowledged ones are filled.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { httpUrl } from '@papergate/service-kit';
import { poolOf } from '../testing/books.ts';
import { ready, startBundle, type Bundle } from '../testing/bundle.ts';

const ORDERS = Number(process.argv[2] ?? 4_000);
const CONCURRENT = 100;
const CEILING = fileURLToPath(new URL('pieces/ceiling.ts', import.meta.url));
const LIMITS = `
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

interface Result {
  rate: number;
  p50: number;
  p99: number;
}

async function drive(origin: string, symbols: readonly string[], orders: number): Promise<Result> {
  const pool = new Pool(origin, { connections: CONCURRENT });
  const latencies: number[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < orders) {
      const index = next;
      next += 1;
      const body = JSON.stringify({
        symbol: symbols[index % symbols.length],
        side: Math.floor(index / 200) % 2 === 0 ? 'buy' : 'sell',
        type: 'market',
        quantity: 1,
      });
      const startedAt = performance.now();
      const answer = await pool.request({
        method: 'POST',
        path: '/orders',
        body,
        headers: { 'content-type': 'application/json' },
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`an order was answered ${answer.statusCode}: ${text}`);
      latencies.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: CONCURRENT }, one));
  const seconds = (performance.now() - startedAt) / 1000;
  await pool.close();
  latencies.sort((a, b) => a - b);
  const at = (quantile: number): number =>
    Math.round((latencies[Math.ceil(quantile * latencies.length) - 1] ?? 0) * 100) / 100;
  return { rate: Math.round(latencies.length / seconds), p50: at(0.5), p99: at(0.99) };
}

async function ceilingOf(bundle: Bundle): Promise<Result> {
  const child = spawn(process.execPath, [CEILING, bundle.database.url.reveal()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    await drive(`http://127.0.0.1:${port}`, bundle.system.symbols, 2_000);
    return await drive(`http://127.0.0.1:${port}`, bundle.system.symbols, ORDERS * 2);
  } finally {
    child.stdin.end();
  }
}

/** Asks the database and not the engine, whose time it would take. */
async function drained(bundle: Bundle): Promise<void> {
  const pool = poolOf(bundle);
  const open = `SELECT count(*)::int AS n FROM orders WHERE status NOT IN ('filled', 'canceled', 'expired', 'rejected', 'replaced')`;
  while (((await pool.query<{ n: number }>(open)).rows[0]?.n ?? 0) > 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await pool.end();
}

const bundle = await startBundle({
  services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine'],
  limits: LIMITS,
});
try {
  await ready(bundle, 'execution-engine');
  const engine = httpUrl(bundle.system, 'execution-engine');
  await drive(engine, bundle.system.symbols, 1_000);
  await drained(bundle);
  const ceiling = await ceilingOf(bundle);
  const startedAt = performance.now();
  const { rate, p50, p99 } = await drive(engine, bundle.system.symbols, ORDERS);
  await drained(bundle);
  const filled = Math.round(ORDERS / ((performance.now() - startedAt) / 1000));
  const print = (line: Record<string, unknown>): void => console.log(JSON.stringify(line));
  print({
    name: 'orders acknowledged by the execution engine',
    value: rate,
    unit: 'orders/s',
    ceiling: ceiling.rate,
    ceiling_name: 'fastify with schema and a group-committed INSERT',
    p50_ms: p50,
    p99_ms: p99,
  });
  print({
    name: 'orders from acknowledgement to fill',
    value: filled,
    unit: 'orders/s',
    ceiling: rate,
    ceiling_name: 'acknowledged in the same run',
  });
} finally {
  await bundle.close();
}
