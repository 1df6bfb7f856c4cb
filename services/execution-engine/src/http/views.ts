import { Big, type ServiceClient } from '@papergate/service-kit';
import { averageEntryPrice, unrealizedPnl, type Position } from '../ledger/position.ts';

export interface PositionView {
  symbol: string;
  quantity: string;
  avg_entry_price: string;
  realized_pnl: string;
  opened_at: string | null;
  /** Shares that were taken over from the broker with no order of ours behind them. */
  adopted_quantity: string;
  adopted_at: string | null;
  /** Middle of the quote, else the last trade; null while market data is not known. */
  mark: string | null;
  market_value: string | null;
  unrealized_pnl: string | null;
}

interface SnapshotSymbol {
  bid: string | null;
  ask: string | null;
  price: string | null;
}

export function positionView(position: Position, mark: Big | undefined): PositionView {
  return {
    symbol: position.symbol,
    quantity: position.quantity.toFixed(),
    avg_entry_price: averageEntryPrice(position),
    realized_pnl: position.realizedPnl.toFixed(),
    opened_at: position.openedAt === undefined ? null : new Date(position.openedAt).toISOString(),
    adopted_quantity: position.adopted.toFixed(),
    adopted_at: position.adoptedAt === undefined ? null : new Date(position.adoptedAt).toISOString(),
    mark: mark?.toFixed() ?? null,
    market_value: mark === undefined ? null : position.quantity.times(mark).toFixed(),
    unrealized_pnl: mark === undefined ? null : unrealizedPnl(position, mark).toFixed(),
  };
}

/** Marks out of market-data's snapshot; empty where it does not answer: positions are shown all the same. */
export async function fetchMarks(marketData: Pick<ServiceClient, 'get'>): Promise<Map<string, Big>> {
  const marks = new Map<string, Big>();
  try {
    const { status, body } = await marketData.get('/api/v1/snapshot', { timeoutMs: 500 });
    if (status !== 200) return marks;
    for (const [symbol, book] of Object.entries((body as { symbols?: Record<string, SnapshotSymbol> }).symbols ?? {})) {
      const mark = markOf(book);
      if (mark !== undefined) marks.set(symbol, mark);
    }
  } catch {
    marks.clear();
  }
  return marks;
}

function markOf({ bid, ask, price }: SnapshotSymbol): Big | undefined {
  const [low, high] = [bid, ask].map((text) => (text === null ? new Big(0) : new Big(text))) as [Big, Big];
  if (low.gt(0) && high.gt(0)) return low.plus(high).div(2);
  return price === null ? undefined : new Big(price);
}
