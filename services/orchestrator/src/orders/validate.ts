import { Compile } from 'typebox/compile';
import { HttpError, OrderRequestSchema, type OrderRequest } from '@papergate/service-kit';

const schema = Compile(OrderRequestSchema);

const ALLOWED: Record<string, string> = {
  symbol: 'an upper-case ticker such as AAPL or BRK.B',
  side: 'buy, sell',
  type: 'market, limit, stop, stop_limit (stop_loss is the same)',
  quantity: 'a number above 0, or decimal text with at most nine places',
  price: 'a number above 0, or decimal text with at most nine places',
  stop_price: 'a number above 0, or decimal text with at most nine places',
  time_in_force: 'day, gtc, opg, cls, ioc, fok',
  client_order_id: '1 to 128 characters of A-Z a-z 0-9 . _ : -',
};
const REQUIRED = ['symbol', 'side', 'type', 'quantity'];

/** The shared schema's verdict in one sentence that names the field, what was found and what is allowed. */
export function requireOrder(body: unknown): OrderRequest {
  if (schema.Check(body)) return body;
  throw new HttpError(400, 'INVALID_ORDER', explain(body), { fix: 'correct what is named and send the order again' });
}

function explain(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return `an order is a JSON object; found ${Array.isArray(body) ? 'an array' : show(body)}`;
  }
  const order = body as Record<string, unknown>;
  const problems: string[] = [];
  for (const key of Object.keys(order)) {
    if (!(key in ALLOWED)) problems.push(`${show(key)} is unknown; allowed keys: ${Object.keys(ALLOWED).join(', ')}`);
  }
  for (const key of REQUIRED) {
    if (order[key] === undefined) problems.push(`${key} is missing; allowed: ${ALLOWED[key]}`);
  }
  for (const error of schema.Errors(body)) {
    const key = error.instancePath.split('/')[1];
    if (key === undefined || !(key in ALLOWED)) continue;
    problems.push(`${key} is ${show(order[key])}; allowed: ${ALLOWED[key]}`);
  }
  return [...new Set(problems)].join('; ') || 'the order does not have the right form';
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
