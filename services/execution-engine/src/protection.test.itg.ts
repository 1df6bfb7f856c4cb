import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Pool } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { booksAgree, poolOf } from './testing/books.ts';
import { ready, startBundle, type Bundle } from './testing/bundle.ts';

jest.setTimeout(30_000);

let bundle: Bundle;
let pool: Pool;

beforeAll(async () => {
  bundle = await startBundle({
    services: ['paper-exchange', 'market-data', 'risk-manager', 'execution-engine'],
    // So narrow that the walk of the synthetic market crosses one of the two at once.
    limits: `
[stop_loss]
percent = 0.001
[take_profit]
percent = 0.001
[time_restrictions]
regular_hours_only = false
no_new_positions_before_close_minutes = 0
blackout_periods = []
[monitoring]
mark_interval_ms = 50
`,
  });
  pool = poolOf(bundle);
  await ready(bundle, 'execution-engine');
}, 120_000);

afterAll(async () => {
  await pool.end();
  await bundle.close();
});

describe('a position that crosses its stop or its target', () => {
  test('is closed by one order of the risk manager', async () => {
    const body = { symbol: 'AAPL', side: 'buy', type: 'market', quantity: 7, client_order_id: 'opening' };
    await until(
      'the order to be taken',
      async () => (await bundle.client('execution-engine').send('POST', '/orders', body)).status === 200,
    );
    await until('the position to be closed', async () => {
      const { rows } = await pool.query(`SELECT quantity::float AS quantity FROM positions WHERE symbol = 'AAPL'`);
      return rows[0]?.quantity === 0;
    });
    const orders = await pool.query<{
      client_order_id: string;
      source: string;
      side: string;
      quantity: number;
      status: string;
    }>(
      `SELECT client_order_id, source, side, quantity::float AS quantity, status FROM orders WHERE client_order_id <> 'opening'`,
    );
    expect(orders.rows).toEqual([
      {
        client_order_id: expect.stringMatching(/^protect-AAPL-[0-9a-z]+-1$/),
        source: 'protection',
        side: 'sell',
        quantity: 7,
        status: 'filled',
      },
    ]);
    await until(
      'the event',
      async () =>
        (await pool.query(`SELECT 1 FROM risk_events WHERE code IN ('STOP_LOSS', 'TAKE_PROFIT')`)).rowCount === 1,
    );
    await booksAgree(bundle, pool);
  }, 60_000);
});
