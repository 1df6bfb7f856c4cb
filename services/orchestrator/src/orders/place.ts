import { randomUUID } from 'node:crypto';
import { HttpError, type ActingRequest, type OrderRequest } from '@papergate/service-kit';
import { UpstreamError, type Upstream, type UpstreamAnswer } from '../upstream/upstream.ts';

/** Statuses that say nothing about whether the order was committed: the engine failed, or something in between did. */
const INCONCLUSIVE = new Set([500, 502, 504]);

export interface PlaceOrderOptions {
  engine: Pick<Upstream, 'call'>;
  timeoutMs: number;
  /** Who places it. */
  acting: ActingRequest;
  newId?: () => string;
  /** ms, monotonic. */
  now?: () => number;
}

/**
 * Passes an order to the order writer and tells the client the truth about it.
 *
 * Every order leaves here with a `client_order_id`, so that the one retry after a lost answer is idempotent:
 * the engine gives its first answer again. Where the outcome stays unknown the client hears `OUTCOME_UNKNOWN`
 * with the id to look up, never that the order failed.
 */
export async function placeOrder(order: OrderRequest, options: PlaceOrderOptions): Promise<UpstreamAnswer> {
  const { acting, engine, timeoutMs, now = () => performance.now() } = options;
  const clientOrderId = order.client_order_id ?? (options.newId ?? randomId)();
  const body = JSON.stringify(
    order.client_order_id === undefined ? { ...order, client_order_id: clientOrderId } : order,
  );
  const deadline = now() + timeoutMs;
  let mayBePlaced: unknown;

  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const left = Math.ceil(deadline - now());
    if (left <= 0) break;
    try {
      const answer = await engine.call({ method: 'POST', path: '/orders', body, timeoutMs: left, acting });
      if (!INCONCLUSIVE.has(answer.status) && answer.json !== undefined) return answer;
      mayBePlaced = new Error(`execution-engine answered ${answer.status}: ${answer.text.slice(0, 200)}`);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (!error.sent && mayBePlaced === undefined) {
        throw new HttpError(503, 'SERVICE_UNREACHABLE', `the order was not placed: ${error.message}`, {
          fix: 'try again once execution-engine is up; GET /api/v1/orchestration/status tells',
          headers: { 'retry-after': '1' },
          cause: error,
        });
      }
      mayBePlaced ??= error;
      if (error.timedOut) break;
    }
  }
  throw new OutcomeUnknown(clientOrderId, mayBePlaced);
}

/** 504 after a time-out, else 503. The body also carries `client_order_id`. */
export class OutcomeUnknown extends HttpError {
  readonly clientOrderId: string;

  constructor(clientOrderId: string, cause: unknown) {
    super(
      cause instanceof UpstreamError && cause.timedOut ? 504 : 503,
      'OUTCOME_UNKNOWN',
      `it is not known whether the order ${clientOrderId} was placed`,
      {
        fix: `look it up with GET /api/v1/orders?client_order_id=${encodeURIComponent(clientOrderId)}, or send the same order with this client_order_id again: it is placed once at most`,
        cause,
      },
    );
    this.clientOrderId = clientOrderId;
  }
}

const randomId = (): string => `api-${randomUUID()}`;
