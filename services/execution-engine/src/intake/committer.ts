import { AUDIT_OK, type ActingRequest, type Pool } from '@papergate/service-kit';
import type { NewOrder } from '../ledger/order.ts';
import { timeText } from '../ledger/time-text.ts';
import { createGroup } from '../store/group.ts';

/** What stands under a client_order_id. */
export interface StoredIdentity {
  orderId: string;
  requestHash: string;
}

export type CommitResult = { kind: 'committed' } | { kind: 'exists'; stored: StoredIdentity };

export interface Committer {
  /**
   * Resolves when the order is durable, and with it the audit's row of who placed it, or when another stands under its client_order_id. Rejects where the
   * database did not confirm: the order may stand or not, and {@link Committer.doubtful} remembers it.
   */
  commit(order: NewOrder, by: ActingRequest): Promise<CommitResult>;
  find(clientOrderId: string): Promise<StoredIdentity | undefined>;
  /** Orders whose INSERT was neither confirmed nor refused; handed out once. */
  takeDoubtful(): NewOrder[];
  addDoubtful(order: NewOrder): void;
  readonly waiting: number;
}

export interface CommitterOptions {
  pool: Pool;
  fence: () => number;
  /** The commit that runs. */
  release: string;
  /** Orders that go into one INSERT at most. */
  batch?: number;
  onBatch?: (orders: number) => void;
}

/** One statement and so one transaction: no order stands without its row in the audit, and none there without its order. */
const INSERT = `WITH c AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::numeric[],
      $10::numeric[], $11::numeric[], $12::text[], $13::timestamptz[], $14::text[], $15::text[], $16::text[])
      AS c(order_id, client_order_id, request_hash, source, strategy, symbol, side, type, quantity, price, stop_price, time_in_force, created_at,
        actor, role, request_id)
  ), stored AS (
    INSERT INTO orders (order_id, client_order_id, request_hash, source, strategy, symbol, side, type, quantity, price, stop_price,
      time_in_force, status, attempts, created_at, updated_at)
    SELECT c.order_id, c.client_order_id, c.request_hash, c.source, c.strategy, c.symbol, c.side, c.type, c.quantity, c.price, c.stop_price,
      c.time_in_force, 'accepted', 0, c.created_at, c.created_at
    FROM c
    WHERE (SELECT fence FROM order_writer FOR SHARE) = $17
    ON CONFLICT (client_order_id) DO NOTHING
    RETURNING order_id
  ), noted AS (
    INSERT INTO access_audit (at, service, actor, role, action, subject, reason, outcome, request_id, release)
    SELECT c.created_at, 'execution-engine', c.actor, c.role, 'order.place', c.order_id::text, c.source, '${AUDIT_OK}', c.request_id, $18
    FROM c JOIN stored USING (order_id)
  )
  SELECT (SELECT count(*)::int FROM stored) AS stored,
    ARRAY (SELECT order_id::text FROM c WHERE NOT EXISTS (SELECT FROM stored WHERE stored.order_id = c.order_id)) AS others`;

interface Placed {
  order: NewOrder;
  by: ActingRequest;
}

const COMMITTED: CommitResult = { kind: 'committed' };

/** Group commit of new orders, and grouped look-ups of client_order_ids. */
export function createCommitter(options: CommitterOptions): Committer {
  const { pool, fence, release, batch = 500 } = options;
  let doubtful: NewOrder[] = [];

  async function insert(placed: Placed[]): Promise<CommitResult[]> {
    const orders = placed.map(({ order }) => order);
    let others: ReadonlySet<string>;
    try {
      others = await insertOnce(placed);
    } catch (error) {
      if (isRefusal(error)) throw error;
      doubtful.push(...orders);
      throw error;
    }
    options.onBatch?.(orders.length);
    if (others.size === 0) return orders.map(() => COMMITTED);
    const rest = orders.filter(({ orderId }) => others.has(orderId));
    const stored = await lookUp(rest.map(({ clientOrderId }) => clientOrderId));
    const byId = new Map(rest.map(({ clientOrderId }, index) => [clientOrderId, stored[index]]));
    return orders.map((order) => {
      if (!others.has(order.orderId)) return COMMITTED;
      const other = byId.get(order.clientOrderId);
      if (other === undefined)
        throw new Error('another execution-engine has taken over the orders; this one writes none');
      return { kind: 'exists', stored: other };
    });
  }

  /** @returns the order_ids that were not stored, since their client_order_id is another's or another engine has the orders */
  async function insertOnce(placed: Placed[]): Promise<ReadonlySet<string>> {
    const orders = placed.map(({ order }) => order);
    const { rows } = await pool.query<{ stored: number; others: string[] }>({
      name: 'insert-orders',
      text: INSERT,
      values: [
        orders.map((order) => order.orderId),
        orders.map((order) => order.clientOrderId),
        orders.map((order) => order.requestHash),
        orders.map((order) => order.source),
        orEmpty(orders.map((order) => order.strategy)),
        orders.map((order) => order.symbol),
        orders.map((order) => order.side),
        orders.map((order) => order.type),
        orders.map((order) => order.quantity),
        orEmpty(orders.map((order) => order.price)),
        orEmpty(orders.map((order) => order.stopPrice)),
        orders.map((order) => order.timeInForce),
        orders.map((order) => timeText(order.createdAt)),
        placed.map(({ by }) => by.actor.name),
        placed.map(({ by }) => by.actor.role),
        placed.map(({ by }) => by.id),
        fence(),
        release,
      ],
    });
    const [answer] = rows;
    // Every order is either counted as stored or named; nothing is taken for stored because nothing was said.
    if (answer === undefined || answer.stored + answer.others.length !== orders.length)
      throw new Error('the database answered for another number of orders than it was given');
    return new Set(answer.others);
  }

  async function lookUp(clientOrderIds: string[]): Promise<(StoredIdentity | undefined)[]> {
    const { rows } = await pool.query<{ client_order_id: string; order_id: string; request_hash: string }>({
      name: 'find-client-order-ids',
      text: 'SELECT client_order_id, order_id, request_hash FROM orders WHERE client_order_id = ANY($1::text[])',
      values: [clientOrderIds],
    });
    const found = new Map(
      rows.map((row) => [row.client_order_id, { orderId: row.order_id, requestHash: row.request_hash }]),
    );
    return clientOrderIds.map((id) => found.get(id));
  }

  const inserts = createGroup(batch, insert);
  const lookUps = createGroup(batch, lookUp);
  return {
    commit: (order, by) => inserts.add({ order, by }),
    find: (clientOrderId) => lookUps.add(clientOrderId),
    takeDoubtful() {
      const taken = doubtful;
      doubtful = [];
      return taken;
    },
    addDoubtful: (order) => {
      doubtful.push(order);
    },
    get waiting() {
      return inserts.waiting + lookUps.waiting;
    },
  };
}

/** Where all are NULL, none: unnest fills shorter arrays up with NULL, and nothing has to be written and read. */
const orEmpty = <T>(values: (T | null)[]): (T | null)[] => (values.every((value) => value === null) ? [] : values);

/** The server itself said no, so the transaction is certainly not committed; a lost connection says nothing. */
function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(22|23|25|40|42|53|54|55)/.test(code);
}
