import type { FastifyInstance } from 'fastify';
import { abs, type Position } from '../account/account.ts';
import { positionJson } from '../account/views.ts';
import { AlpacaError, refusals } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { qtyField } from '../orders/fields.ts';
import { formatQty, NANOS, parseScaled, type QtyNanos } from '../units/amounts.ts';
import { flag, text, type Query } from './query.ts';

export function positionRoutes(app: FastifyInstance, exchange: Exchange): void {
  const { account, desk, instruments } = exchange;

  const positionOf = (id: string): Position => {
    const symbol = instruments.find(id)?.symbol ?? id;
    const position = account.positions.get(symbol);
    if (position === undefined) throw refusals.notFound('position does not exist');
    return position;
  };

  app.get('/v2/positions', () =>
    [...account.positions.values()]
      .sort((a, b) => (a.symbol < b.symbol ? -1 : 1))
      .map((position) => positionJson(exchange, position)),
  );
  app.get<{ Params: { id: string } }>('/v2/positions/:id', (request) =>
    positionJson(exchange, positionOf(request.params.id)),
  );
  app.delete<{ Params: { id: string } }>('/v2/positions/:id', (request) => {
    const position = positionOf(request.params.id);
    return close(exchange, position, closingQty(position, request.query as Query));
  });
  app.delete('/v2/positions', (request, reply) => {
    if (flag(request.query as Query, 'cancel_orders')) desk.cancelAll();
    const answers = [...account.positions.values()].map((position) => {
      try {
        return { symbol: position.symbol, status: 200, body: close(exchange, position, abs(position.qty)) };
      } catch (error) {
        if (!(error instanceof AlpacaError)) throw error;
        return { symbol: position.symbol, status: error.status, body: error.body() };
      }
    });
    return reply.code(207).send(answers);
  });
}

/** `qty` shares or `percentage` of the position; all of it without either. */
function closingQty(position: Position, query: Query): QtyNanos {
  const held = abs(position.qty);
  const qty = qtyField(query);
  const percentage = text(query, 'percentage');
  if (qty !== undefined && percentage !== undefined)
    throw refusals.invalid('only one of qty or percentage is accepted');
  if (qty !== undefined) return qty;
  if (percentage === undefined) return held;
  const scaled = parseScaled(percentage, 9);
  if (scaled === undefined || scaled <= 0n || scaled > 100n * NANOS) {
    throw refusals.invalid(`invalid percentage ${percentage}: must be > 0 and <= 100, with at most 9 decimal places`);
  }
  return (held * scaled) / (100n * NANOS);
}

function close({ desk }: Exchange, position: Position, qty: QtyNanos): Record<string, unknown> {
  return desk.submit({
    symbol: position.symbol,
    side: position.qty > 0n ? 'sell' : 'buy',
    type: 'market',
    time_in_force: 'day',
    qty: formatQty(qty),
  });
}
