import type { Pool } from '@papergate/service-kit';
import type { ClosedTrade } from '../breaker/streaks.ts';

/** Trades that a streak of losses is rebuilt from after a restart; a streak that is longer tripped the breaker long ago. */
const LATEST = 5_000;

/** The latest trades, oldest first. */
export async function loadClosedTrades(pool: Pool): Promise<ClosedTrade[]> {
  const { rows } = await pool.query<{ symbol: string; side: 'buy' | 'sell'; quantity: string; realized_pnl: string }>(
    'SELECT symbol, side, quantity::text, realized_pnl::text FROM trades ORDER BY trade_id DESC LIMIT $1',
    [LATEST],
  );
  return rows
    .toReversed()
    .map((row) => ({ symbol: row.symbol, side: row.side, quantity: row.quantity, realizedPnl: row.realized_pnl }));
}
