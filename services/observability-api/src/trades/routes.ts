import { Type } from 'typebox';
import type { Pool, ServiceApp } from '@papergate/service-kit';
import type { Marks } from '../collectors/marks.ts';
import { DecimalText, Nullable, Text } from '../docs/schemas.ts';
import { pnlReport } from './pnl.ts';
import { PERIODS } from './periods.ts';

const SymbolSchema = Type.Object({
  symbol: Text,
  realized_pnl: DecimalText,
  unrealized_pnl: Nullable(DecimalText),
  position: DecimalText,
  trades: Type.Integer(),
  volume: DecimalText,
  notional: DecimalText,
});
const TradeSchema = Type.Object({
  execution_id: Text,
  order_id: Text,
  client_order_id: Text,
  strategy: Nullable(Text),
  symbol: Text,
  side: Text,
  quantity: DecimalText,
  price: DecimalText,
  realized_pnl: DecimalText,
  filled_at: Text,
});
const PnlSchema = Type.Object({
  period: Type.Enum([...PERIODS]),
  from: Nullable(Text),
  as_of: Text,
  realized_pnl: DecimalText,
  unrealized_pnl: Nullable(DecimalText),
  trades: Type.Integer(),
  volume: DecimalText,
  notional: DecimalText,
  by_symbol: Type.Array(SymbolSchema),
  trades_list: Type.Array(TradeSchema),
});

/** `GET /api/trades/pnl`. */
export function tradeRoutes(app: ServiceApp, pool: Pool, marks: Marks, now: () => number): void {
  app.get(
    '/api/trades/pnl',
    {
      schema: {
        summary: 'Profit and loss of a period that ends today (days of New York), with its newest trades',
        tags: ['trades'],
        querystring: Type.Object(
          {
            period: Type.Optional(Type.Enum([...PERIODS], { default: 'today' })),
            limit: Type.Optional(
              Type.Integer({ minimum: 0, maximum: 1_000, default: 100, description: 'trades in trades_list' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: PnlSchema },
      },
    },
    ({ query }) =>
      pnlReport(pool, {
        period: query.period ?? 'today',
        limit: query.limit ?? 100,
        nowMs: now(),
        mark: (symbol) => marks.get(symbol),
      }),
  );
}
