import { refusals } from '../errors.ts';
import { parseScaled, type MoneyFemtos, type PriceMicros, type QtyNanos } from '../units/amounts.ts';

/** Reads single fields of a request's body; every refusal names the field and what was found. */

export type Body = Readonly<Record<string, unknown>>;

export function bodyOf(value: unknown, what: string): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refusals.malformed(`request body format is invalid: ${what} must be a JSON object`);
  }
  return value as Body;
}

export function textField(body: Body, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw refusals.malformed(`request body format is invalid: ${name} must be a string`);
  return value;
}

export function choiceField<T extends string>(body: Body, name: string, allowed: readonly T[]): T | undefined {
  const text = textField(body, name);
  if (text === undefined) return undefined;
  const found = allowed.find((choice) => choice === text);
  if (found === undefined) throw refusals.invalid(`invalid ${name} ${text}: allowed are ${allowed.join(', ')}`);
  return found;
}

export function booleanField(body: Body, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw refusals.malformed(`request body format is invalid: ${name} must be a boolean`);
  return value;
}

function scaledField(body: Body, name: string, label: string, places: number): bigint | undefined {
  const value = body[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw refusals.malformed(`request body format is invalid: ${label} must be a number or a decimal string`);
  }
  const scaled = parseScaled(value, places);
  if (scaled === undefined)
    throw refusals.invalid(`invalid ${label} ${String(value)}: at most ${places} decimal places`);
  return scaled;
}

export function qtyField(body: Body, name = 'qty'): QtyNanos | undefined {
  const qty = scaledField(body, name, name, 9);
  if (qty !== undefined && qty <= 0n) throw refusals.invalid(`${name} must be > 0`);
  return qty;
}

export function notionalField(body: Body): MoneyFemtos | undefined {
  const cents = scaledField(body, 'notional', 'notional', 2);
  if (cents === undefined) return undefined;
  if (cents < 100n) throw refusals.invalid('notional must be >= 1');
  return cents * 10n ** 13n;
}

/**
 * A price that keeps the minimum price variance: two decimals from 1 USD on, four below
 * (https://docs.alpaca.markets/docs/orders-at-alpaca, "Sub-penny increments").
 */
export function priceField(body: Body, name: string, label = name): PriceMicros | undefined {
  const scaled = scaledField(body, name, label, 6);
  if (scaled === undefined) return undefined;
  if (scaled <= 0n) throw refusals.invalid(`invalid ${label}: must be > 0`);
  if (scaled > BigInt(Number.MAX_SAFE_INTEGER)) throw refusals.invalid(`invalid ${label}: too large`);
  if (scaled % (scaled >= 1_000_000n ? 10_000n : 100n) !== 0n) {
    throw refusals.unprocessable(
      `invalid ${label} ${String(body[name])}. sub-penny increment does not fulfill minimum pricing criteria`,
    );
  }
  return Number(scaled);
}

/** A percentage in ten-thousandths of a percent. */
export function percentField(body: Body, name: string): number | undefined {
  const scaled = scaledField(body, name, name, 4);
  if (scaled === undefined) return undefined;
  if (scaled <= 0n || scaled >= 1_000_000n) throw refusals.invalid(`invalid ${name}: must be > 0 and < 100`);
  return Number(scaled);
}
