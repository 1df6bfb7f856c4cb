import { Type } from 'typebox';
import {
  HttpError,
  OrderRequestSchema,
  type ActingRequest,
  type OrderRequest,
  type ServiceApp,
} from '@papergate/service-kit';
import { answerAs, passOn } from '../upstream/pass-on.ts';
import type { Upstream, UpstreamAnswer } from '../upstream/upstream.ts';
import { OutcomeUnknown } from './place.ts';
import { requireOrder } from './validate.ts';

export interface OrderRoutes {
  engine: Upstream;
  place: (order: OrderRequest, acting: ActingRequest) => Promise<UpstreamAnswer>;
  /** Throws 503 while nobody can say that trading is allowed. */
  requireKnownState: () => Promise<void>;
}

const OrderQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum(['open', 'closed', 'all'])),
    symbol: Type.Optional(Type.String({ minLength: 1, maxLength: 16, pattern: '^[A-Z0-9./]+$' })),
    client_order_id: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._:-]+$' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  },
  { additionalProperties: false },
);
const OrderParams = Type.Object({ id: Type.String({ maxLength: 128, pattern: '^[A-Za-z0-9._:-]+$' }) });

/** `/api/v1/orders`, passed to execution-engine. */
export function orderRoutes(app: ServiceApp, { engine, place, requireKnownState }: OrderRoutes): void {
  app.post(
    '/api/v1/orders',
    { config: { describedBody: OrderRequestSchema, role: 'trader' } },
    async (request, reply) => {
      const order = requireOrder(request.body);
      await requireKnownState();
      try {
        return answerAs(reply, await place(order, request));
      } catch (error) {
        if (!(error instanceof OutcomeUnknown)) throw error;
        const { statusCode, code, message, fix, clientOrderId } = error;
        request.log.warn({ err: error, client_order_id: clientOrderId }, 'order with unknown outcome');
        return reply.code(statusCode).send({ code, message, fix, client_order_id: clientOrderId });
      }
    },
  );

  app.get('/api/v1/orders', { schema: { querystring: OrderQuery } }, (request, reply) => {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(request.query)) query.set(key, String(value));
    const search = query.size === 0 ? '' : `?${query.toString()}`;
    return passOn(engine, { method: 'GET', path: `/orders${search}` }, reply);
  });

  app.get('/api/v1/orders/:id', { schema: { params: OrderParams } }, (request, reply) =>
    passOn(engine, { method: 'GET', path: orderPath(request.params.id) }, reply),
  );

  // A cancel may be repeated without harm, so silence is plain 503: ask again.
  app.delete('/api/v1/orders/:id', { schema: { params: OrderParams }, config: { role: 'trader' } }, (request, reply) =>
    passOn(engine, { method: 'DELETE', path: orderPath(request.params.id), acting: request }, reply),
  );
}

function orderPath(id: string): string {
  if (id === '.' || id === '..') throw new HttpError(404, 'ORDER_NOT_FOUND', `there is no order ${id}`);
  return `/orders/${encodeURIComponent(id)}`;
}
