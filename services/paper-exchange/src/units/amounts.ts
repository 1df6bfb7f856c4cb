/**
 * The three scales of the exchange, all integers, never floats:
 * - prices: micros (10⁻⁶ USD), plain numbers;
 * - quantities: nanos (10⁻⁹ shares, Alpaca's nine places), bigint;
 * - money: femtos (10⁻¹⁵ USD), bigint, so that price × quantity is exact.
 */
export type PriceMicros = number;
export type QtyNanos = bigint;
export type MoneyFemtos = bigint;

export const NANOS = 1_000_000_000n;
export const FEMTOS_PER_USD = 10n ** 15n;

/** Exact value of a quantity at a price. */
export function valueOf(price: PriceMicros, qty: QtyNanos): MoneyFemtos {
  return BigInt(price) * qty;
}

const DECIMAL = /^(-?)(\d{1,18})(?:\.(\d+))?$/;

/**
 * Decimal text, or a JSON number, as an integer scaled by 10^places. `undefined` where it is no plain
 * decimal number or has more places than fit: nothing is rounded silently.
 */
export function parseScaled(value: string | number, places: number): bigint | undefined {
  const text = typeof value === 'number' ? numberText(value) : value.trim();
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = ''] = match;
  const digits = fraction.replace(/0+$/, '');
  if (digits.length > places) return undefined;
  const scaled = BigInt(`${whole}${digits.padEnd(places, '0')}`);
  return sign === '-' ? -scaled : scaled;
}

/** Without an exponent, which `String` uses below 1e-6 and from 1e21. */
function numberText(value: number): string {
  const text = String(value);
  return /e/i.test(text) && Number.isFinite(value) ? value.toFixed(15).replace(/\.?0+$/, '') : text;
}

/** A scaled integer as decimal text without trailing zeros. */
export function formatScaled(value: bigint, places: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return negative && text !== '0' ? `-${text}` : text;
}

export const formatPrice = (price: PriceMicros): string => formatScaled(BigInt(price), 6);
export const formatQty = (qty: QtyNanos): string => formatScaled(qty, 9);
export const formatMoney = (money: MoneyFemtos): string => formatScaled(money, 15);

/** Division that rounds half away from zero. */
export function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const n = numerator < 0n ? -numerator : numerator;
  const d = denominator < 0n ? -denominator : denominator;
  const quotient = (2n * n + d) / (2n * d);
  return negative ? -quotient : quotient;
}

/** Average price as decimal text with up to nine places; `null` where nothing was traded. */
export function averagePrice(value: MoneyFemtos, qty: QtyNanos): string | null {
  return qty === 0n ? null : formatScaled(divideRounded(value * 1000n, qty), 9);
}

/** A ratio of two like amounts as decimal text with ten places; `0` over zero. */
export function ratio(numerator: bigint, denominator: bigint): string {
  return denominator === 0n ? '0' : formatScaled(divideRounded(numerator * 10n ** 10n, denominator), 10);
}

/** Whole or fractional shares of a tick as nanos; feeds give at most nine places. */
export function sizeToNanos(size: number): QtyNanos {
  return Number.isSafeInteger(size) ? BigInt(size) * NANOS : BigInt(Math.round(size * 1e9));
}

export const isWholeShares = (qty: QtyNanos): boolean => qty % NANOS === 0n;
