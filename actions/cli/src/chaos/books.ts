import pg from 'pg';
import type { Books, LedgerLine, OrderLine, Told, TradeLine } from './judge.ts';
import type { World } from './world.ts';

/** Codes of risk_events that nothing in a run may bring about: nobody trades beside the engine, and no row is lost. */
const ALARMS = [
  'RECONCILIATION_POSITION',
  'RECONCILIATION_CASH',
  'RECONCILIATION_FOREIGN_ORDER',
  'ORDER_OVERFILL',
  'ORDER_ILLEGAL_TRANSITION',
];

/** Where a run begins in books that go on from run to run. */
export interface Mark {
  seq: number;
  event: number;
}

export async function markBooks(world: World): Promise<Mark> {
  const { ledger } = (await world.exchange('GET', '/sim/status')) as { ledger: number };
  const event = await query(world, async (client) => {
    const { rows } = await client.query<{ id: string | null }>('SELECT max(risk_event_id) AS id FROM risk_events');
    return Number(rows[0]?.id ?? 0);
  });
  return { seq: ledger, event };
}

/** Both books as they are, of the orders that begin with the prefix; positions and cash are of all runs. */
export async function readBooks(
  world: World,
  options: { prefix: string; mark: Mark; told: ReadonlyMap<string, Told> },
): Promise<Books> {
  const { prefix, mark, told } = options;
  const ledger = await readLedger(world, prefix, mark.seq);
  const ours = await query(world, (client) => readOurs(client, prefix, mark.event));
  const positions = (await world.exchange('GET', '/v2/positions')) as { symbol: string; qty: string; side: string }[];
  const { cash } = (await world.exchange('GET', '/v2/account')) as { cash: string };
  return {
    told,
    ledger,
    orders: ours.orders,
    trades: ours.trades,
    positions: {
      ours: ours.positions,
      exchange: new Map(
        positions.map(({ symbol, qty, side }) => [symbol, side === 'short' ? `-${qty.replace(/^-/, '')}` : qty]),
      ),
    },
    cash: { ours: ours.cash, exchange: cash },
    alarms: ours.alarms,
  };
}

async function readLedger(world: World, prefix: string, after: number): Promise<LedgerLine[]> {
  const answer = (await world.exchange('GET', `/sim/ledger?after=${after}&limit=100000`)) as { entries: LedgerLine[] };
  return answer.entries.filter(({ client_order_id: id }) => id?.startsWith(`${prefix}-`) === true);
}

async function readOurs(client: pg.Client, prefix: string, after: number) {
  const like = [`${prefix}-%`];
  const orders = await client.query<OrderLine>(
    `SELECT order_id, client_order_id, status, quantity::text, filled_quantity::text, reject_code, reject_reason
     FROM orders WHERE client_order_id LIKE $1`,
    like,
  );
  const trades = await client.query<TradeLine>(
    'SELECT client_order_id, execution_id, quantity::text FROM trades WHERE client_order_id LIKE $1',
    like,
  );
  const positions = await client.query<{ symbol: string; quantity: string }>(
    'SELECT symbol, quantity::text FROM positions WHERE quantity <> 0',
  );
  const cash = await client.query<{ cash: string }>('SELECT cash::text FROM account_cash');
  const alarms = await client.query<{ code: string; message: string }>(
    'SELECT code, message FROM risk_events WHERE risk_event_id > $1 AND code = ANY($2::text[])',
    [after, ALARMS],
  );
  return {
    orders: orders.rows,
    trades: trades.rows,
    positions: new Map(positions.rows.map(({ symbol, quantity }) => [symbol, quantity])),
    cash: cash.rows[0]?.cash,
    alarms: alarms.rows,
  };
}

async function query<T>(world: World, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: world.databaseUrl, application_name: 'papergate-chaos' });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
