import { Big, type Pool } from '@papergate/service-kit';
import { dailyKey, type DailyPnl } from '../ledger/book.ts';
import type { Position } from '../ledger/position.ts';

export async function loadPositions(pool: Pool): Promise<Position[]> {
  const { rows } = await pool.query<{
    symbol: string;
    quantity: string;
    avg_entry_price: string;
    cost_basis: string | null;
    realized_pnl: string;
    opened_at: Date | null;
    updated_at: Date;
    adopted_quantity: string | null;
    adopted_at: Date | null;
  }>(
    'SELECT symbol, quantity, avg_entry_price, cost_basis, realized_pnl, opened_at, updated_at, adopted_quantity, adopted_at FROM positions ORDER BY symbol',
  );
  return rows.map((row) => {
    const quantity = new Big(row.quantity);
    return {
      symbol: row.symbol,
      quantity,
      costBasis: row.cost_basis === null ? quantity.times(row.avg_entry_price) : new Big(row.cost_basis),
      realizedPnl: new Big(row.realized_pnl),
      openedAt: quantity.eq(0) ? undefined : (row.opened_at ?? row.updated_at).getTime(),
      adopted: new Big(row.adopted_quantity ?? '0'),
      adoptedAt: row.adopted_at?.getTime(),
    };
  });
}

/** The account's cash as it was last booked; undefined before the first time. */
export async function loadCash(pool: Pool): Promise<{ amount: Big; adopted: Big } | undefined> {
  const { rows } = await pool.query<{ cash: string; adopted: string }>('SELECT cash, adopted FROM account_cash');
  const [row] = rows;
  return row === undefined ? undefined : { amount: new Big(row.cash), adopted: new Big(row.adopted) };
}

/** The days named, by {@link dailyKey}. */
export async function loadDays(pool: Pool, days: string[]): Promise<Map<string, DailyPnl>> {
  const { rows } = await pool.query<{
    day: string;
    symbol: string;
    realized_pnl: string;
    trades: number;
    volume: string;
    notional: string;
  }>('SELECT day::text, symbol, realized_pnl, trades, volume, notional FROM daily_pnl WHERE day = ANY($1::date[])', [
    days,
  ]);
  return new Map(
    rows.map((row) => [
      dailyKey(row.day, row.symbol),
      {
        day: row.day,
        symbol: row.symbol,
        realizedPnl: new Big(row.realized_pnl),
        trades: row.trades,
        volume: new Big(row.volume),
        notional: new Big(row.notional),
      },
    ]),
  );
}
