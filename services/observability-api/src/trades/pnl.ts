import { Big, decimal, microsToBig, type Pool } from '@papergate/service-kit';
import type { Mark } from '../collectors/marks.ts';
import { firstDay, type Period } from './periods.ts';

export interface SymbolPnl {
  symbol: string;
  realized_pnl: string;
  unrealized_pnl: string | null;
  position: string;
  trades: number;
  volume: string;
  notional: string;
}

export interface TradeView {
  execution_id: string;
  order_id: string;
  client_order_id: string;
  strategy: string | null;
  symbol: string;
  side: string;
  quantity: string;
  price: string;
  realized_pnl: string;
  filled_at: string;
}

export interface PnlReport {
  period: Period;
  /** First day of the period (New York), null for `all`. */
  from: string | null;
  as_of: string;
  realized_pnl: string;
  /** Of what is held now, at the current marks; null while a held symbol has no mark. */
  unrealized_pnl: string | null;
  trades: number;
  /** Shares. */
  volume: string;
  /** USD. */
  notional: string;
  by_symbol: SymbolPnl[];
  trades_list: TradeView[];
}

interface Booked {
  symbol: string;
  realized_pnl: string;
  trades: string;
  volume: string;
  notional: string;
}

interface Held {
  symbol: string;
  quantity: string;
  avg_entry_price: string;
}

const BOOKED = `
  SELECT symbol, sum(realized_pnl)::text AS realized_pnl, sum(trades)::text AS trades, sum(volume)::text AS volume,
    sum(notional)::text AS notional
  FROM daily_pnl WHERE $1::date IS NULL OR day >= $1::date GROUP BY symbol`;
const HELD = 'SELECT symbol, quantity, avg_entry_price FROM positions WHERE quantity <> 0';
const TRADES = `
  SELECT execution_id, order_id, client_order_id, strategy, symbol, side, quantity, price, realized_pnl, filled_at
  FROM trades WHERE $1::date IS NULL OR filled_at >= ($1::date::timestamp AT TIME ZONE 'America/New_York')
  ORDER BY filled_at DESC, trade_id DESC LIMIT $2`;

export interface PnlOptions {
  period: Period;
  limit: number;
  nowMs: number;
  mark: (symbol: string) => Mark | undefined;
}

/** Profit and loss from the books, which execution-engine keeps; only what is unrealized is worked out here. */
export async function pnlReport(pool: Pool, { period, limit, nowMs, mark }: PnlOptions): Promise<PnlReport> {
  const from = firstDay(period, nowMs);
  const [booked, held, trades] = await Promise.all([
    pool.query<Booked>(BOOKED, [from]),
    pool.query<Held>(HELD),
    limit === 0 ? undefined : pool.query<Omit<TradeView, 'filled_at'> & { filled_at: Date }>(TRADES, [from, limit]),
  ]);
  const bySymbol = joinSymbols(booked.rows, held.rows, mark);
  const sum = (pick: (row: SymbolPnl) => string): string =>
    decimal(bySymbol.reduce((total, row) => total.plus(pick(row)), new Big(0)));
  const open = bySymbol.filter(({ position }) => position !== '0');
  const unknown = open.some(({ unrealized_pnl: unrealized }) => unrealized === null);
  return {
    period,
    from,
    as_of: new Date(nowMs).toISOString(),
    realized_pnl: sum((row) => row.realized_pnl),
    unrealized_pnl: unknown ? null : sum((row) => row.unrealized_pnl ?? '0'),
    trades: bySymbol.reduce((total, row) => total + row.trades, 0),
    volume: sum((row) => row.volume),
    notional: sum((row) => row.notional),
    by_symbol: bySymbol,
    trades_list: (trades?.rows ?? []).map((row) => ({
      ...row,
      quantity: decimal(row.quantity),
      price: decimal(row.price),
      realized_pnl: decimal(row.realized_pnl),
      filled_at: row.filled_at.toISOString(),
    })),
  };
}

function joinSymbols(booked: Booked[], held: Held[], mark: PnlOptions['mark']): SymbolPnl[] {
  const symbols = [...new Set([...booked, ...held].map(({ symbol }) => symbol))].toSorted();
  return symbols.map((symbol) => {
    const books = booked.find((row) => row.symbol === symbol);
    const position = held.find((row) => row.symbol === symbol);
    return {
      symbol,
      realized_pnl: decimal(books?.realized_pnl ?? '0'),
      unrealized_pnl: position === undefined ? '0' : unrealized(position, mark(symbol)),
      position: decimal(position?.quantity ?? '0'),
      trades: Number(books?.trades ?? 0),
      volume: decimal(books?.volume ?? '0'),
      notional: decimal(books?.notional ?? '0'),
    };
  });
}

/** quantity × (mark − average entry), to the cent of a cent: long and short alike. */
function unrealized(position: Held, mark: Mark | undefined): string | null {
  if (mark === undefined) return null;
  return decimal(microsToBig(mark.price).minus(position.avg_entry_price).times(position.quantity).round(6));
}
