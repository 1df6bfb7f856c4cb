import { createHash, hash } from 'node:crypto';
import { Value } from 'typebox/value';
import { Compile } from 'typebox/compile';
import { Big, decimal, HttpError, OrderRequestSchema, type OrderRequest } from '@papergate/service-kit';
import type { NewOrder } from '../ledger/order.ts';

/** What a client asked for, normalised: everything of an order that its sender decides. */
export type OrderTerms = Pick<
  NewOrder,
  'symbol' | 'side' | 'type' | 'quantity' | 'price' | 'stopPrice' | 'timeInForce'
>;

const schema = Compile(OrderRequestSchema);

/** What each field allows, in words, for the message of a refusal. */
const ALLOWED: Readonly<Record<string, string>> = {
  symbol: 'upper-case letters and digits such as "AAPL" or "BRK.B"',
  side: '"buy" or "sell"',
  type: '"market", "limit", "stop" or "stop_limit" (also called "stop_loss")',
  quantity: 'a number above 0, or decimal text such as "10" with at most nine decimals',
  price: 'a number above 0, or decimal text such as "167.41" with at most nine decimals',
  stop_price: 'a number above 0, or decimal text such as "165.00" with at most nine decimals',
  time_in_force: '"day", "gtc", "opg", "cls", "ioc" or "fok"',
  client_order_id: '1 to 128 characters out of A–Z a–z 0–9 . _ : -',
};

const NEEDS: Readonly<Record<OrderTerms['type'], { price: boolean; stop: boolean }>> = {
  market: { price: false, stop: false },
  limit: { price: true, stop: false },
  stop: { price: false, stop: true },
  stop_limit: { price: true, stop: true },
};

const LARGEST = new Big('1e15');

function invalid(message: string): HttpError {
  return new HttpError(400, 'INVALID_ORDER', message, {
    fix: 'correct the field that is named and send the order again',
  });
}

/** Checks a body and normalises it; a refusal is 400 `INVALID_ORDER` and names the field, what was found and what is allowed. */
export function readOrderRequest(body: unknown): { terms: OrderTerms; clientOrderId: string | undefined } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid(`the body is ${show(body)}, allowed: a JSON object with symbol, side, type and quantity`);
  }
  if (!schema.Check(body)) throw invalid(explain(body as Record<string, unknown>));
  const request: OrderRequest = body;
  const type = request.type === 'stop_loss' ? 'stop_limit' : request.type;
  const needs = NEEDS[type];
  return {
    clientOrderId: request.client_order_id,
    terms: {
      symbol: request.symbol,
      side: request.side,
      type,
      quantity: amount('quantity', request.quantity),
      price: priceFor('price', type, needs.price, request.price),
      stopPrice: priceFor('stop_price', type, needs.stop, request.stop_price),
      timeInForce: request.time_in_force ?? 'day',
    },
  };
}

function priceFor(field: string, type: string, needed: boolean, value: number | string | undefined): string | null {
  if (needed && value === undefined) throw invalid(`${field} is missing; an order of type ${type} needs one`);
  if (!needed && value !== undefined) throw invalid(`${field} is ${show(value)}; an order of type ${type} takes none`);
  return value === undefined ? null : amount(field, value);
}

function amount(field: string, value: number | string): string {
  const text = decimal(value);
  const big = new Big(text);
  if (big.lte(0) || big.gt(LARGEST) || (text.split('.')[1]?.length ?? 0) > 9) {
    throw invalid(`${field} is ${show(value)}, allowed: ${ALLOWED[field] ?? 'a positive number'}`);
  }
  return text;
}

function explain(body: Record<string, unknown>): string {
  const unknown = Object.keys(body).filter((key) => !(key in OrderRequestSchema.properties));
  if (unknown.length > 0) {
    return `${unknown.join(', ')} ${unknown.length === 1 ? 'is no field' : 'are no fields'} of an order, allowed: ${Object.keys(ALLOWED).join(', ')}`;
  }
  for (const [field, allowed] of Object.entries(ALLOWED)) {
    const value = body[field];
    if (value === undefined) {
      if ((OrderRequestSchema.required as string[]).includes(field)) return `${field} is missing, allowed: ${allowed}`;
      continue;
    }
    const fieldSchema = OrderRequestSchema.properties[field as keyof typeof OrderRequestSchema.properties];
    if (!Value.Check(fieldSchema, value)) return `${field} is ${show(value)}, allowed: ${allowed}`;
  }
  return 'the body is no order';
}

function show(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Tells orders apart that share a client_order_id: the terms, numbers in one form, in one order. */
export function hashTerms(terms: OrderTerms): string {
  const { symbol, side, type, quantity, price, stopPrice, timeInForce } = terms;
  return hash('sha256', [symbol, side, type, quantity, price ?? '', stopPrice ?? '', timeInForce].join('|')).slice(
    0,
    32,
  );
}

/** The client_order_id of a signal: strategy and signal id, or a digest of the id where that is too long or has characters that no id has. */
export function signalOrderId(strategy: string, signalId: string): string {
  const plain = signalId.startsWith(`${strategy}-`) ? signalId : `${strategy}-${signalId}`;
  if (plain.length <= 128 && /^[A-Za-z0-9._:-]+$/.test(plain)) return plain;
  return `${strategy}-${createHash('sha256').update(signalId).digest('hex').slice(0, 40)}`;
}
