import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { booksAgree, clearFaults, exchangeLedger, fault, poolOf, settled } from './testing/books.ts';
import { ready, startBundle, type Bundle } from './testing/bundle.ts';

let bundle: Bundle;
let pool: Pool;

beforeAll(async () => {
  bundle = await startBundle({ services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine'] });
  pool = poolOf(bundle);
  await ready(bundle, 'execution-engine');
}, 120_000);

afterAll(async () => {
  await pool.end();
  await bundle.close();
});

const SYMBOLS = ['AAPL', 'MSFT', 'SPY', 'NVDA', 'AMZN'];
const KILLS = 5;
const CLIENTS = 8;

/** The moments at which the engine is killed follow from the seed. */
function momentsOf(seed: number): number[] {
  return Array.from(
    { length: KILLS },
    (_, index) => createHash('sha256').update(`${seed}:${index}`).digest().readUInt16BE(0) % 700,
  );
}

describe('an engine that is killed', () => {
  test('loses no acknowledged order and sends none twice, at whatever moment it dies', async () => {
    const seed = Number(process.env['PAPERGATE_TEST_SEED'] ?? randomInt(1_000_000));
    process.stdout.write(`kill test: PAPERGATE_TEST_SEED=${seed}\n`);
    // Answers that are lost besides, so that some orders are unknown when the engine dies.
    await fault(bundle, {
      kind: 'lost_answer',
      match: { method: 'POST', path: '/v2/orders' },
      times: null,
      probability: 0.1,
    });
    const acknowledged = new Set<string>();
    const asked = new Set<string>();
    const run = { stopped: false };

    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let number = 0; !run.stopped; number += 1) {
        const clientOrderId = `kill-${client}-${number}`;
        asked.add(clientOrderId);
        const body = {
          symbol: SYMBOLS[client % SYMBOLS.length],
          side: number % 2 === 0 ? 'buy' : 'sell',
          type: 'market',
          quantity: 1,
          client_order_id: clientOrderId,
        };
        const answer = await bundle
          .client('execution-engine')
          .send('POST', '/orders', body, { timeoutMs: 3_000 })
          .catch(() => undefined);
        if (answer?.status === 200) acknowledged.add(clientOrderId);
        else await delay(20);
      }
    });
    for (const moment of momentsOf(seed)) {
      await delay(moment);
      await bundle.kill('execution-engine');
      await bundle.start('execution-engine');
      await ready(bundle, 'execution-engine');
      const before = acknowledged.size;
      await until('orders to be taken again', () => acknowledged.size > before + CLIENTS);
    }
    run.stopped = true;
    await Promise.all(clients);
    await clearFaults(bundle);
    await settled(bundle, 60_000);

    const sent = new Map<string, number>();
    for (const entry of await exchangeLedger(bundle)) {
      if (entry.kind === 'order') sent.set(entry.client_order_id, (sent.get(entry.client_order_id) ?? 0) + 1);
    }
    const rows = await pool.query<{ client_order_id: string; status: string }>(
      'SELECT client_order_id, status FROM orders',
    );
    const stored = new Map(rows.rows.map((row) => [row.client_order_id, row.status]));
    expect(acknowledged.size).toBeGreaterThan(KILLS * CLIENTS);
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
    expect([...sent].filter(([, times]) => times !== 1)).toEqual([]);
    // What is stored was sent, or refused by the exchange for a reason that is written down; what was sent is stored.
    expect([...stored].filter(([id, status]) => !sent.has(id) && status !== 'rejected')).toEqual([]);
    expect([...sent.keys()].filter((id) => !stored.has(id))).toEqual([]);
    await booksAgree(bundle, pool);
    const corrected = await pool.query(`SELECT message FROM risk_events WHERE code = 'RECONCILIATION_POSITION'`);
    expect(corrected.rows).toEqual([]);
  }, 240_000);
});
