import type { Order } from '../orders/model.ts';
import type { OrderStore } from '../orders/store.ts';

/** Keys of an order that change after it was accepted. */
const CHANGING = [
  'status',
  'qty',
  'stop',
  'filledQty',
  'filledValue',
  'updatedAt',
  'submittedAt',
  'filledAt',
  'canceledAt',
  'expiredAt',
  'failedAt',
  'replacedAt',
  'replacedBy',
  'hwm',
  'triggered',
  'role',
] as const satisfies readonly (keyof Order)[];

const AMOUNTS: ReadonlySet<string> = new Set(['qty', 'notional', 'filledQty', 'filledValue']);

/** An order in a line of the state file: integers beyond 2⁵³ as text, its relatives by id. */
export type OrderRecord = { id: string; parent: string | null; legs: string[] } & Record<string, unknown>;

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** All of an order. */
export function wholeRecord(order: Order): OrderRecord {
  const { parent, legs, ...rest } = order;
  const fields = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, plain(value)]));
  return { ...fields, id: order.id, parent: parent?.id ?? null, legs: legs.map(({ id }) => id) };
}

/** What may have changed of an order since it was accepted. */
export function changedRecord(order: Order): OrderRecord {
  const fields = Object.fromEntries(CHANGING.map((key) => [key, plain(order[key])]));
  return { ...fields, id: order.id, parent: order.parent?.id ?? null, legs: order.legs.map(({ id }) => id) };
}

/**
 * The orders that the records describe, with their relatives, in the store; open ones are open in it.
 * @returns the open ones in the order of acceptance
 */
export function restoreOrders(records: Iterable<OrderRecord>, store: OrderStore): Order[] {
  const made = new Map<string, { order: Order; record: OrderRecord }>();
  for (const record of records) {
    const { parent: _parent, legs: _legs, ...fields } = record;
    const values = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        AMOUNTS.has(key) && typeof value === 'string' ? BigInt(value) : value,
      ]),
    );
    made.set(record.id, { order: { ...(values as unknown as Order), parent: null, legs: [] }, record });
  }
  for (const { order, record } of made.values()) {
    order.parent = record.parent === null ? null : (made.get(record.parent)?.order ?? null);
    order.legs = record.legs.flatMap((id) => made.get(id)?.order ?? []);
  }
  const orders = [...made.values()].map(({ order }) => order).sort((a, b) => a.seq - b.seq);
  return store.restore(orders);
}
