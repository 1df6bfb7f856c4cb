import { isDeepStrictEqual } from 'node:util';
import { deepStrictEqual } from 'node:assert/strict';
import { Big, createPool, type OrderView, type Pool } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import type { Bundle } from './bundle.ts';

export interface LedgerEntry {
  seq: number;
  kind: string;
  client_order_id: string;
  symbol: string;
  side: string;
  qty: string;
  price: string;
  execution_id: string;
}

/** The exchange's own record, which the tests hold ours against. */
export async function exchangeLedger(bundle: Bundle): Promise<LedgerEntry[]> {
  const answer = await bundle.client('paper-exchange').get('/sim/ledger?limit=100000');
  return (answer.body as { entries: LedgerEntry[] }).entries;
}

export async function fault(bundle: Bundle, body: Record<string, unknown>): Promise<void> {
  const answer = await bundle.client('paper-exchange').send('POST', '/sim/faults', body);
  if (answer.status !== 201) throw new Error(`the fault was refused: ${JSON.stringify(answer.body)}`);
}

export async function clearFaults(bundle: Bundle): Promise<void> {
  await bundle.client('paper-exchange').send('DELETE', '/sim/faults');
}

export async function ordersOf(bundle: Bundle, query = ''): Promise<OrderView[]> {
  return ((await bundle.client('execution-engine').get(`/orders?limit=1000${query}`)).body as { orders: OrderView[] })
    .orders;
}

export async function settled(bundle: Bundle, timeoutMs = 30_000): Promise<void> {
  await until('all orders to be final', async () => (await ordersOf(bundle, '&status=open')).length === 0, timeoutMs);
}

export function poolOf(bundle: Bundle): Pool {
  return createPool({ url: bundle.database.url, poolSize: 2, applicationName: 'test' });
}

/** Alpaca's REST, as a client with the account's key sees it. */
export async function alpaca(bundle: Bundle, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${bundle.system.dry_run_broker_url}${path}`, {
    method,
    headers: {
      'APCA-API-KEY-ID': bundle.credentials.key.reveal(),
      'APCA-API-SECRET-KEY': bundle.credentials.secret.reveal(),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return text === '' ? undefined : JSON.parse(text);
}

export interface Books {
  /** Shares filled by client_order_id, signed. */
  fills: Record<string, string>;
  positions: Record<string, string>;
}

export async function exchangeBooks(bundle: Bundle): Promise<Books> {
  const fills = new Map<string, Big>();
  for (const entry of await exchangeLedger(bundle)) {
    if (entry.kind === 'fill') add(fills, entry.client_order_id, entry.side, entry.qty);
  }
  const positions = (await alpaca(bundle, 'GET', '/v2/positions')) as { symbol: string; qty: string; side: string }[];
  return {
    fills: plain(fills),
    positions: plain(
      new Map(positions.map(({ symbol, qty, side }) => [symbol, new Big(qty).abs().times(side === 'short' ? -1 : 1)])),
    ),
  };
}

export async function ourBooks(pool: Pool): Promise<Books> {
  const fills = new Map<string, Big>();
  const trades = await pool.query<{ client_order_id: string; side: string; quantity: string }>(
    'SELECT client_order_id, side, quantity::text FROM trades',
  );
  for (const row of trades.rows) add(fills, row.client_order_id, row.side, row.quantity);
  const positions = await pool.query<{ symbol: string; quantity: string }>(
    'SELECT symbol, quantity::text FROM positions WHERE quantity <> 0',
  );
  return {
    fills: plain(fills),
    positions: plain(new Map(positions.rows.map(({ symbol, quantity }) => [symbol, new Big(quantity)]))),
  };
}

/** Every fill of every order, and every position, is the same on both sides; a difference is shown. */
export async function booksAgree(bundle: Bundle, pool: Pool, timeoutMs = 30_000): Promise<void> {
  let last: [Books, Books] | undefined;
  try {
    await until(
      'both books to agree',
      async () => {
        last = [await ourBooks(pool), await exchangeBooks(bundle)];
        return isDeepStrictEqual(last[0], last[1]);
      },
      timeoutMs,
    );
  } catch {
    deepStrictEqual(last?.[0], last?.[1]);
  }
}

function add(fills: Map<string, Big>, id: string, side: string, quantity: string): void {
  const signed = new Big(quantity).times(side.startsWith('sell') ? -1 : 1);
  fills.set(id, (fills.get(id) ?? new Big(0)).plus(signed));
}

const plain = (fills: Map<string, Big>): Record<string, string> =>
  Object.fromEntries(
    [...fills].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([id, quantity]) => [id, quantity.toFixed()]),
  );
