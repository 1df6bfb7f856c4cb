// Memory of the services, at rest and while ticks and orders come as fast as the load suites send them. Counted is the
// proportional share (PSS), so that what processes share is counted once.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBundle } from '../bundle/start.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const REST_MS = 30_000;
const LOAD_MS = 20_000;
const PROMISED_MB = 700;
const TICKS_A_SECOND = 1_000;
const ORDERS_A_SECOND = 100;

const home = mkdtempSync(join(tmpdir(), 'papergate-bench-'));
const bundle = await startBundle({ root: ROOT, home });
const { services } = bundle.status;

/** MB of each service. */
function memory(): Map<string, number> {
  return new Map(
    services.map(({ name, pid }) => {
      const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
      return [name, Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) / 1000];
    }),
  );
}
const sum = (found: Map<string, number>): number => Math.round([...found.values()].reduce((a, b) => a + b, 0));
const words = (found: Map<string, number>): string =>
  [...found].map(([name, megabytes]) => `${name} ${Math.round(megabytes)}`).join(', ');

function post(url: string, body: unknown): Promise<unknown> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).then((answer) => answer.text());
}

async function load(): Promise<Map<string, number>> {
  const { symbols } = bundle.system;
  let most = memory();
  const endsAt = Date.now() + LOAD_MS;
  for (let tenth = 0; Date.now() < endsAt; tenth += 1) {
    const ticks = Array.from({ length: TICKS_A_SECOND / 10 }, (_, at) => ({
      symbol: symbols[at % symbols.length],
      price: (100 + ((tenth + at) % 100) / 100).toFixed(2),
    }));
    const orders = Array.from({ length: ORDERS_A_SECOND / 10 }, (_, at) =>
      post(`${bundle.urls.orchestrator}/api/v1/orders`, {
        symbol: symbols[at % symbols.length],
        side: (tenth + at) % 2 === 0 ? 'buy' : 'sell',
        type: 'market',
        quantity: 1,
      }),
    );
    await Promise.all([post(`${bundle.urls.orchestrator}/api/v1/market_data`, ticks), ...orders, delay(100)]);
    const now = memory();
    if (sum(now) > sum(most)) most = now;
  }
  return most;
}

try {
  await delay(REST_MS);
  const rest = memory();
  const full = await load();
  for (const [when, found] of [
    ['at rest', rest],
    ['under load, at most', full],
  ] as const) {
    const figure = {
      name: `memory of the eight services ${when}`,
      value: sum(found),
      unit: 'MB',
      ceiling: PROMISED_MB,
      ceiling_name: when === 'at rest' ? 'as promised, at rest' : 'as promised at rest',
      note: `PSS: ${words(found)}; PostgreSQL and the supervisor besides`,
    };
    process.stdout.write(`${JSON.stringify(figure)}\n`);
  }
} finally {
  await bundle.stop();
  rmSync(home, { recursive: true, force: true });
}
