import { Account } from '../account/account.ts';
import { parseScaled } from '../units/amounts.ts';
import type { Side } from '../matching/book.ts';
import type { LedgerEntry } from './ledger.ts';

/** What a ledger says the exchange's state is. */
export interface ReplayedState {
  account: Account;
  /** By order id. */
  orders: Map<string, { clientOrderId: string; symbol: string; side: Side; status: string; filled: bigint }>;
}

/**
 * Folds a whole ledger, from its first entry, into the state that it describes, from nothing but the starting
 * cash. Throws RangeError where the ledger contradicts itself: a gap, a fill of an unknown order, cash or a
 * position that the fills do not amount to.
 */
export function replayLedger(entries: Iterable<LedgerEntry>, startingCash: bigint): ReplayedState {
  const account = new Account(startingCash);
  const orders: ReplayedState['orders'] = new Map();
  let seq = 0;

  const known = (id: string) => {
    const order = orders.get(id);
    if (order === undefined) throw new RangeError(`ledger entry ${seq} is about order ${id}, which no entry opened`);
    return order;
  };

  for (const entry of entries) {
    if (entry.seq !== seq + 1) throw new RangeError(`ledger entry ${entry.seq} follows ${seq}`);
    seq = entry.seq;
    if (entry.kind === 'order') {
      const { client_order_id: clientOrderId, symbol, side } = entry;
      orders.set(entry.order_id, { clientOrderId, symbol, side: side as Side, status: 'pending_new', filled: 0n });
    } else if (entry.kind === 'event') {
      known(entry.order_id).status = entry.status;
    } else if (entry.kind === 'fill') {
      const order = known(entry.order_id);
      const qty = parseScaled(entry.qty, 9) ?? 0n;
      const booking = account.book(order.symbol, order.side, Number(parseScaled(entry.price, 6)), qty);
      order.filled += qty;
      order.status = entry.order_status;
      expectEqual(seq, 'cash', booking.cash, parseScaled(entry.cash, 15));
      expectEqual(seq, 'position', booking.position, parseScaled(entry.position_qty, 9));
      expectEqual(seq, 'cumulative quantity', order.filled, parseScaled(entry.cum_qty, 9));
    }
  }
  return { account, orders };
}

function expectEqual(seq: number, what: string, computed: bigint, stated: bigint | undefined): void {
  if (computed !== stated)
    throw new RangeError(`ledger entry ${seq}: ${what} is ${String(stated)}, fills give ${computed}`);
}
