import type { OrderType, Pool, Side } from '@papergate/service-kit';
import { readRiskOrder, type CheckedOrder } from '../check/order.ts';

export interface RecentOrder {
  order: CheckedOrder;
  /** ms since 1970 at which it was let through. */
  at: number;
  /** It ended without a fill, so the same may be wanted again. */
  void: boolean;
}

/** More than these went through lately only where no rate is limited. */
const LATEST = 10_000;

/** Orders that were taken since a moment (ms since 1970), oldest first: what rates and repeats go on from after a restart. */
export async function loadRecentOrders(pool: Pick<Pool, 'query'>, since: number): Promise<RecentOrder[]> {
  const { rows } = await pool.query<{
    client_order_id: string;
    symbol: string;
    side: Side;
    type: OrderType;
    quantity: string;
    price: string | null;
    stop_price: string | null;
    strategy: string | null;
    created_at: Date;
    void: boolean;
  }>(
    `SELECT client_order_id, symbol, side, type, quantity::text, price::text, stop_price::text, strategy, created_at,
       filled_quantity = 0 AND status IN ('canceled', 'expired', 'rejected', 'replaced') AS void
     FROM orders WHERE created_at >= $1 ORDER BY created_at DESC LIMIT $2`,
    [new Date(since).toISOString(), LATEST],
  );
  return rows
    .toReversed()
    .map(({ created_at: createdAt, void: isVoid, price, stop_price: stop, strategy, ...row }) => ({
      order: readRiskOrder({
        ...row,
        ...(price === null ? {} : { price }),
        ...(stop === null ? {} : { stop_price: stop }),
        ...(strategy === null ? {} : { strategy }),
      }),
      at: createdAt.getTime(),
      void: isVoid,
    }));
}
