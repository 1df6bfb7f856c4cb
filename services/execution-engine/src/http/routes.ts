import { Type } from 'typebox';
import { messageOf } from '@papergate/config';
import {
  audited,
  HttpError,
  OrderRequestSchema,
  ReasonSchema,
  textOf,
  type ActingRequest,
  type AuditLog,
  type Pool,
  type ServiceApp,
  type ServiceClient,
} from '@papergate/service-kit';
import type { Broker, BrokerAccount } from '../broker/broker.ts';
import { cancelOrder } from '../dispatch/cancel.ts';
import type { Engine } from '../engine.ts';
import type { Failpoint } from '../failpoints.ts';
import type { Acknowledgement } from '../intake/intake.ts';
import { readOrderRequest } from '../intake/request.ts';
import { viewOf } from '../ledger/order.ts';
import { findOrder, listOrders } from '../store/orders.ts';
import { fetchMarks, positionView } from './views.ts';

export interface RouteOptions {
  engine: Engine;
  pool: Pool;
  broker: Broker;
  marketData: Pick<ServiceClient, 'get'>;
  accountCacheMs: number;
  failpoint: Failpoint;
  /** Who cancels and stops, and who was refused; who places is written with the order. */
  audit: Pick<AuditLog, 'record' | 'refused'>;
  now: () => number;
}

/** How risk-manager names the orders that close a position at its stop or target. */
const PROTECTION_PREFIX = 'protect-';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const ListQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum(['open', 'closed', 'all'])),
    symbol: Type.Optional(Type.String({ minLength: 1, maxLength: 20, pattern: '^[A-Z0-9./]+$' })),
    client_order_id: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._:-]+$' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$' })),
  },
  { additionalProperties: false },
);
const StopBody = Type.Object({ reason: ReasonSchema }, { additionalProperties: false });

const StateBody = Type.Object(
  {
    state: Type.Enum(['ACTIVE', 'REDUCING', 'HALTED']),
    reason: Type.String({ minLength: 1, maxLength: 1_000 }),
  },
  { additionalProperties: false },
);

const ScopeBody = Type.Object(
  { symbols: Type.Union([Type.Literal('all'), Type.Array(Type.String({ maxLength: 20 }), { maxItems: 10_000 })]) },
  { additionalProperties: false },
);

/** The engine over HTTP, as docs/architecture.md lists it. */
export function addRoutes(app: ServiceApp, options: RouteOptions): void {
  orderRoutes(app, options);
  accountRoutes(app, options);
  app.get('/reconciliation', () => options.engine.reconciler.report());
  app.put('/trading-state', { schema: { body: StateBody } }, async ({ body: { state, reason } }) => {
    if (await options.engine.takeTradingState(state, reason)) return { state, in_flight: 0 };
    throw new HttpError(504, 'TRADING_STATE_UNSETTLED', 'orders are still being answered by the broker', {
      fix: 'the state has been taken over and nothing new is sent; ask again until nothing is under way',
    });
  });
  app.put('/order-scope', { schema: { body: ScopeBody } }, async ({ body: { symbols } }) => {
    if (await options.engine.takeScope(symbols)) return { symbols, in_flight: 0 };
    throw new HttpError(504, 'ORDER_SCOPE_UNSETTLED', 'orders outside of it are still being answered by the broker', {
      fix: 'the scope has been taken over and nothing new outside of it is sent; ask again until nothing is under way',
    });
  });
  const onStopSent = audited(options.audit, ({ body }) => ({
    action: 'emergency_stop',
    reason: textOf(body, 'reason'),
  }));
  app.post('/emergency-stop', { schema: { body: StopBody }, onSend: onStopSent }, (request) =>
    options.engine.emergency.run(request.body.reason),
  );
}

function orderRoutes(app: ServiceApp, { audit, engine, pool, broker, failpoint, now }: RouteOptions): void {
  const onCancelSent = audited(audit, ({ params }) => ({ action: 'order.cancel', subject: textOf(params, 'id') }));
  app.addHook('onResponse', (request, _reply, done) => {
    if (request.method === 'POST' && request.url === '/orders') void failpoint('intake.acknowledged');
    done();
  });

  // Not by a hook: this is the busiest of all routes, and what is accepted needs none.
  app.post('/orders', { config: { describedBody: OrderRequestSchema, role: 'trader' } }, (request) => take(request));

  app.get('/orders', { schema: { querystring: ListQuery } }, async ({ query }) => {
    const orders = await listOrders(pool, {
      status: query.status ?? 'all',
      symbol: query.symbol,
      clientOrderId: query.client_order_id,
      limit: Math.min(Number(query.limit ?? '100'), 1000),
    });
    return { orders: orders.map(viewOf) };
  });

  app.get<{ Params: { id: string } }>('/orders/:id', async ({ params }) => viewOf(await requireOrder(params.id)));

  app.delete<{ Params: { id: string } }>(
    '/orders/:id',
    { config: { role: 'trader' }, onSend: onCancelSent },
    async ({ params }) => {
      const order = await requireOrder(params.id);
      return viewOf(await cancelOrder(order, { engine, broker, failpoint, now }));
    },
  );

  async function take(request: ActingRequest & { body: unknown }): Promise<Acknowledgement> {
    try {
      const { terms, clientOrderId } = readOrderRequest(request.body);
      const source = clientOrderId?.startsWith(PROTECTION_PREFIX) === true ? 'protection' : 'api';
      return await engine.intake.submit({ terms, clientOrderId, source, strategy: null, by: request });
    } catch (error) {
      if (error instanceof HttpError) {
        const subject = textOf(request.body, 'client_order_id');
        audit.refused(request, { action: 'order.place', subject, reason: 'api' }, error.code);
      }
      throw error;
    }
  }

  async function requireOrder(id: string): Promise<NonNullable<Awaited<ReturnType<typeof findOrder>>>> {
    const order = UUID.test(id) ? await findOrder(pool, id) : undefined;
    if (order === undefined) throw new HttpError(404, 'ORDER_NOT_FOUND', `there is no order ${id.slice(0, 64)}`);
    return order;
  }
}

function accountRoutes(app: ServiceApp, { engine, broker, marketData, accountCacheMs, now }: RouteOptions): void {
  app.get('/positions', async () => {
    const positions = [...engine.ledger.book.positions.values()].toSorted((a, b) => (a.symbol < b.symbol ? -1 : 1));
    const marks = await fetchMarks(marketData);
    return { positions: positions.map((position) => positionView(position, marks.get(position.symbol))) };
  });

  let cached: { at: number; account: Promise<BrokerAccount> } | undefined;
  app.get('/account', async () => {
    if (cached === undefined || now() - cached.at > accountCacheMs) cached = { at: now(), account: broker.account() };
    try {
      return await cached.account;
    } catch (cause) {
      cached = undefined;
      throw new HttpError(502, 'BROKER_UNREACHABLE', `the broker does not show the account: ${messageOf(cause)}`, {
        cause,
      });
    }
  });
}
