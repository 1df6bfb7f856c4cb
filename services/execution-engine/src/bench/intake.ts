// node services/execution-engine/src/bench/intake.ts [orders a round]
// Orders a second that the intake acknowledges (token, schema, risk check, commit, with dispatch and fills going on), beside
// fastify and a group-committed INSERT alone; 100 under way at all times. Both by turns, round after round, so that whatever
// else the machine does falls on both. Then how fast the acknowledged ones are filled.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { Secret } from '@papergate/config';
import { httpUrl } from '@papergate/service-kit';
import { poolOf } from '../testing/books.ts';
import { ready, startBundle, type Bundle } from '../testing/bundle.ts';
import { WIDE_LIMITS } from './pieces/limits.ts';

const ORDERS = Number(process.argv[2] ?? 8_000);
const WARM_UP = 4;
const ROUNDS = 7;
const CONCURRENT = 100;
const CEILING = fileURLToPath(new URL('pieces/ceiling.ts', import.meta.url));

interface Result {
  rate: number;
  p50: number;
  p99: number;
}

interface Target {
  origin: string;
  symbols: readonly string[];
  token: Secret;
}

async function drive({ origin, symbols, token }: Target, orders: number): Promise<Result> {
  const pool = new Pool(origin, { connections: CONCURRENT });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token.reveal()}` };
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
      const answer = await pool.request({ method: 'POST', path: '/orders', body, headers });
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
  const at = (quantile: number): number => latencies[Math.ceil(quantile * latencies.length) - 1] ?? 0;
  return { rate: latencies.length / seconds, p50: at(0.5), p99: at(0.99) };
}

/** Runs the least that an intake can be beside the bundle, on its database. */
async function withCeiling(bundle: Bundle, work: (origin: string) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, [CEILING, bundle.database.url.reveal()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    await work(`http://127.0.0.1:${port}`);
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

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const round = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

const token = new Secret(randomBytes(32).toString('hex'));
const bundle = await startBundle({
  services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine'],
  limits: WIDE_LIMITS,
  token,
  // What waits to be sent claims buying power: a whole round of it must fit.
  system: (system) => {
    system.exchange.starting_cash = '100000000';
  },
});
try {
  await ready(bundle, 'execution-engine');
  const { symbols } = bundle.system;
  const engine: Target = { origin: httpUrl(bundle.system, 'execution-engine'), symbols, token };
  const ours: Result[] = [];
  const ceilings: Result[] = [];
  const filled: number[] = [];
  await withCeiling(bundle, async (origin) => {
    const ceiling: Target = { origin, symbols, token };
    for (let turn = -WARM_UP; turn < ROUNDS; turn += 1) {
      const least = await drive(ceiling, ORDERS);
      const startedAt = performance.now();
      const found = await drive(engine, ORDERS);
      await drained(bundle);
      // The compiler has not seen enough of it yet.
      if (turn < 0) continue;
      ceilings.push(least);
      ours.push(found);
      filled.push(ORDERS / ((performance.now() - startedAt) / 1000));
    }
  });
  const of = (results: Result[], key: keyof Result): number => median(results.map((result) => result[key]));
  const share = median(ours.map(({ rate }, index) => rate / (ceilings[index]?.rate ?? Number.NaN)));
  const late = median(ours.map(({ p99 }, index) => p99 / (ceilings[index]?.p99 ?? Number.NaN)));
  const print = (line: Record<string, unknown>): void => console.log(JSON.stringify(line));
  print({
    name: 'orders acknowledged by the execution engine',
    value: Math.round(of(ours, 'rate')),
    unit: 'orders/s',
    ceiling: Math.round(of(ceilings, 'rate')),
    ceiling_name: 'fastify with schema and a group-committed INSERT',
    note: `medians of ${ROUNDS} rounds by turns, ${ORDERS} orders each: ${round(share, 2)} of the ceiling; p50 ${round(of(ours, 'p50'), 1)} ms, p99 ${round(of(ours, 'p99'), 1)} ms, the ceiling's ${round(of(ceilings, 'p99'), 1)} ms (${round(late, 1)} times)`,
  });
  print({
    name: 'orders from acknowledgement to fill',
    value: Math.round(median(filled)),
    unit: 'orders/s',
    ceiling: Math.round(of(ours, 'rate')),
    ceiling_name: 'acknowledged in the same run',
  });
} finally {
  await bundle.close();
}
