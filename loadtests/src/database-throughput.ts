/** 1000 ticks a second written to the store, one row a request, while others read it. */
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { baseUrl, jsonParams, symbols } from './lib/env.ts';
import { tellFailure } from './lib/failures.ts';
import { noteStart, scheduledAt, since } from './lib/latency.ts';
import { atLeast, common, isMain, isPlanned, mainSeconds, phases, plan, scaled } from './lib/plan.ts';
import { tickAt } from './lib/prices.ts';

const load = plan.load['database-throughput'];
const writeRate = scaled(load.writes_per_second);
const readRate = scaled(load.reads_per_second);
const floor = plan.floors['database-throughput'];
const writes = writeRate * mainSeconds;
const reads = readRate * mainSeconds;

const written = new Counter('writes_succeeded');
const readBack = new Counter('reads_succeeded');
const attempted = new Counter('writes_sent');
const writeLatency = new Trend('write_latency', true);
const readLatency = new Trend('read_latency', true);

const url = `${baseUrl('OBSERVABILITY_URL')}/api/storage/ticks`;
const params = jsonParams(10_000);
/** Stored ticks are rows, not the market: nothing trades on them, so that any price does. */
const PRICE = 100;
const READ_LIMIT = 100;

export const options = {
  ...common,
  scenarios: { ...phases('write', writeRate, 500), ...phases('read', readRate, 30) },
  thresholds: {
    writes_sent: [atLeast(99, writes)],
    writes_succeeded: [atLeast(floor.write_success_percent, writes)],
    write_latency: [`med<=${floor.write_median_ms}`],
    reads_succeeded: [atLeast(floor.read_success_percent, reads)],
    read_latency: [`med<=${floor.read_median_ms}`],
    'dropped_iterations{scenario:main_write}': [`count<=${Math.ceil(writes * 0.01)}`],
    'dropped_iterations{scenario:main_read}': [`count<=${Math.ceil(reads * 0.01)}`],
  },
};

export function setup(): void {
  // k6 lets thresholds of metrics without a sample pass; a zero makes "none at all" a number that fails.
  for (const counter of [written, readBack, attempted]) counter.add(0);
}

function due(rate: number): number {
  return scheduledAt(isMain(exec.scenario.name) ? rate : Math.max(1, Math.round(rate / 2)));
}

export function write(): void {
  const { name, iterationInTest: index } = exec.scenario;
  const scheduled = due(writeRate);
  const symbol = symbols[index % symbols.length]!;
  const response = http.post(url, JSON.stringify(tickAt(PRICE, symbol, index, scheduled)), params);
  const took = since(scheduled, response.timings.duration);
  const ok = response.status >= 200 && response.status < 300;
  if (!ok) tellFailure('write failed', response);
  if (!isPlanned(name, index, writeRate)) return;
  noteStart();

  attempted.add(1);
  writeLatency.add(took);
  if (ok) written.add(1);
}

function rowCount(body: unknown): number {
  const parsed = JSON.parse(String(body)) as unknown[] | { ticks?: unknown[] };
  return (Array.isArray(parsed) ? parsed : parsed.ticks)?.length ?? 0;
}

export function read(): void {
  const { name, iterationInTest: index } = exec.scenario;
  const scheduled = due(readRate);
  const symbol = symbols[index % symbols.length]!;
  const response = http.get(`${url}?symbol=${symbol}&limit=${READ_LIMIT}`, params);
  const took = since(scheduled, response.timings.duration);
  const ok = response.status === 200 && rowCount(response.body) > 0;
  if (!ok) tellFailure('read failed', response);
  if (!isPlanned(name, index, readRate)) return;
  noteStart();

  readLatency.add(took);
  if (ok) readBack.add(1);
}
