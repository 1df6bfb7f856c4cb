import { ExternalError } from '@papergate/config';
import type { Pool } from '@papergate/service-kit';
import { timeText } from '../ledger/time-text.ts';
import { createGroup } from './group.ts';

/** A request that is about to be made. */
export interface Attempt {
  orderId: string;
  /** Its number, from 1. */
  number: number;
  /** ms since 1970. */
  at: number;
}

export interface Attempts {
  /**
   * Resolves when the attempt is durable: from then on the order counts as sent, whoever reads it. Rejects where the
   * database did not confirm it, where this engine is not the writer any more (`ORDER_WRITER_REPLACED`), and where the row
   * says that the order is not waiting to be sent (`ATTEMPT_REFUSED`).
   */
  record(attempt: Attempt): Promise<void>;
}

export interface AttemptsOptions {
  pool: Pool;
  fence: () => number;
  /** Attempts that go into one UPDATE at most. */
  batch?: number;
}

/**
 * The order's row and the writer's fence in one statement: a writer that was replaced records nothing, and so sends nothing.
 * In a CASE, what else must hold leads the planner to no index: it would read all that is open for the few rows that are named.
 */
const RECORD = `UPDATE orders SET status = 'sending', attempts = c.number, attempt_fence = $4, attempted_at = c.at,
    updated_at = greatest(orders.updated_at, c.at)
  FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[]) AS c(order_id, number, at)
  WHERE orders.order_id = c.order_id
    AND CASE WHEN orders.broker_order_id IS NULL THEN orders.status IN ('accepted', 'sending', 'unknown') ELSE false END
    AND (SELECT fence FROM order_writer FOR SHARE) = $4
  RETURNING orders.order_id`;

type Outcome = 'recorded' | 'replaced' | 'refused';

/** Attempts of many orders in one commit: what is asked for while one is under way goes into the next. */
export function createAttempts({ pool, fence, batch = 500 }: AttemptsOptions): Attempts {
  async function record(attempts: Attempt[]): Promise<Outcome[]> {
    const mine = fence();
    const { rows } = await pool.query<{ order_id: string }>({
      name: 'record-attempts',
      text: RECORD,
      values: [
        attempts.map(({ orderId }) => orderId),
        attempts.map(({ number }) => number),
        attempts.map(({ at }) => timeText(at)),
        mine,
      ],
    });
    const recorded = new Set(rows.map(({ order_id: id }) => id));
    const rest: Outcome = recorded.size === attempts.length || (await isWriter(mine)) ? 'refused' : 'replaced';
    return attempts.map(({ orderId }) => (recorded.has(orderId) ? 'recorded' : rest));
  }

  async function isWriter(mine: number): Promise<boolean> {
    const { rows } = await pool.query<{ fence: string }>('SELECT fence FROM order_writer');
    return Number(rows[0]?.fence) === mine;
  }

  const group = createGroup(batch, record);
  return {
    async record(attempt) {
      const outcome = await group.add(attempt);
      if (outcome === 'recorded') return;
      const replaced = outcome === 'replaced';
      throw new ExternalError({
        code: replaced ? 'ORDER_WRITER_REPLACED' : 'ATTEMPT_REFUSED',
        message: `the attempt to send order ${attempt.orderId} was not recorded: ${replaced ? 'another execution-engine has taken over the orders' : 'in the database it does not wait to be sent'}`,
        fix: replaced
          ? 'nothing is lost: the other engine goes on; start only one execution-engine per database'
          : 'nothing is lost: it is looked up at the broker',
      });
    },
  };
}
