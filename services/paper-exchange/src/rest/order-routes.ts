import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { refusals } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { orderJson, type Order } from '../orders/model.ts';
import { isOpen } from '../orders/store.ts';
import { choice, count, flag, instant, list, text, type Query } from './query.ts';

const Amount = Type.Union([
  Type.Number({ exclusiveMinimum: 0 }),
  Type.String({ pattern: '^[0-9]{1,6}([.][0-9]{1,2})?$' }),
]);
/** As Alpaca describes it, for the document alone: the desk refuses with Alpaca's own words. */
const OrderBody = Type.Object({
  symbol: Type.Enum(['AAPL', 'SPY', 'MSFT']),
  qty: Amount,
  side: Type.Enum(['buy', 'sell']),
  type: Type.Enum(['market', 'limit', 'stop', 'stop_limit', 'trailing_stop']),
  time_in_force: Type.Enum(['day', 'gtc', 'opg', 'cls', 'ioc', 'fok']),
  limit_price: Type.Optional(Amount),
  stop_price: Type.Optional(Amount),
  trail_price: Type.Optional(Amount),
  trail_percent: Type.Optional(Amount),
  extended_hours: Type.Optional(Type.Boolean()),
  client_order_id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  order_class: Type.Optional(Type.Enum(['simple', 'bracket', 'oco', 'oto'])),
});

export function orderRoutes(app: FastifyInstance, exchange: Exchange): void {
  const { desk, store } = exchange;

  const orderOf = (id: string): Order => {
    const order = store.get(id);
    if (order === undefined) throw refusals.notFound(`order not found for ${id}`);
    return order;
  };

  app.post('/v2/orders', { config: { describedBody: OrderBody } }, (request) => desk.submit(request.body));
  app.get('/v2/orders', (request) => listOrders(exchange, request.query as Query));
  app.delete('/v2/orders', (_request, reply) => reply.code(207).send(desk.cancelAll()));

  // The double colon is the router's way to write one that starts no parameter.
  app.get('/v2/orders::by_client_order_id', (request) => {
    const id = text(request.query as Query, 'client_order_id');
    if (id === undefined) throw refusals.invalid('client_order_id is required');
    const order = store.byClientId(id);
    if (order === undefined) throw refusals.notFound(`order not found for ${id}`);
    return orderJson(order, true);
  });

  app.get<{ Params: { id: string } }>('/v2/orders/:id', (request) =>
    orderJson(orderOf(request.params.id), flag(request.query as Query, 'nested')),
  );
  app.patch<{ Params: { id: string } }>('/v2/orders/:id', (request) =>
    desk.replace(orderOf(request.params.id), request.body),
  );
  app.delete<{ Params: { id: string } }>('/v2/orders/:id', (request, reply) => {
    desk.cancel(orderOf(request.params.id));
    return reply.code(204).send();
  });
}

function listOrders({ store, instruments }: Exchange, query: Query): Record<string, unknown>[] {
  const status = choice(query, 'status', ['open', 'closed', 'all'], 'open');
  const direction = choice(query, 'direction', ['asc', 'desc'], 'desc');
  const limit = count(query, 'limit', 50, 500);
  const nested = flag(query, 'nested');
  const after = instant(query, 'after');
  const until = instant(query, 'until');
  const side = text(query, 'side');
  const symbols = list(query, 'symbols')?.map((name) => instruments.find(name)?.symbol ?? name);
  const classes = list(query, 'asset_class');
  const beforeSeq = seqOf(store, query, 'before_order_id') ?? Infinity;
  const afterSeq = seqOf(store, query, 'after_order_id') ?? -1;

  const from = status === 'open' ? store.open() : store.all();
  const chosen = [...from].filter(
    (order) =>
      (status === 'all' || isOpen(order) === (status === 'open')) &&
      (after === undefined || order.submittedAt > after) &&
      (until === undefined || order.submittedAt < until) &&
      (side === undefined || order.side === side) &&
      (symbols === undefined || symbols.includes(order.symbol)) &&
      (classes === undefined || classes.some((name) => name === 'us_equity' || name === 'all')) &&
      order.seq < beforeSeq &&
      order.seq > afterSeq &&
      !(nested && order.parent !== null),
  );
  const sign = direction === 'asc' ? 1 : -1;
  chosen.sort((a, b) => sign * (a.submittedAt - b.submittedAt || a.seq - b.seq));
  return chosen.slice(0, limit).map((order) => orderJson(order, nested));
}

function seqOf(store: Exchange['store'], query: Query, name: string): number | undefined {
  const id = text(query, name);
  if (id === undefined) return undefined;
  const order = store.get(id);
  if (order === undefined) throw refusals.invalid(`invalid ${name} ${id}: order not found`);
  return order.seq;
}
