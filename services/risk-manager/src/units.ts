/**
 * Quantities and prices as scaled bigints, so that limits are compared exactly and quickly:
 * shares in nanos (10⁻⁹), prices in nanos (10⁻⁹ USD), and their product, a value, in attos (10⁻¹⁸ USD).
 */
export type Nanos = bigint;
export type Attos = bigint;

const DECIMAL = /^(-?)(\d+)(?:\.(\d*))?$/;

/** Decimal text to an integer of `scale` decimals; digits beyond are cut off. Throws RangeError for anything else. */
function scaled(text: string, scale: number): bigint {
  const match = DECIMAL.exec(text);
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is not a decimal number`);
  const [, sign, whole = '0', fraction = ''] = match;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  return sign === '-' ? -digits : digits;
}

export const nanos = (text: string): Nanos => scaled(text, 9);
export const attos = (text: string): Attos => scaled(text, 18);

function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}${fraction === '' ? '' : `.${fraction}`}`;
}

export const nanosText = (value: Nanos): string => decimalText(value, 9);
export const attosText = (value: Attos): string => decimalText(value, 18);
/** For messages to people: two decimals. */
export const usd = (value: Attos): string => {
  const cents = (value < 0n ? -value : value) / 10n ** 16n;
  return `${value < 0n ? '-' : ''}$${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;
};

export const MICROS_TO_NANOS = 1000n;
export const abs = (value: bigint): bigint => (value < 0n ? -value : value);
export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** A percent of the configuration in millionths of a percent, which keeps `12.5` exact. */
export const percentUnits = (percent: number): bigint => BigInt(Math.round(percent * 1e6));
export const percentText = (percent: bigint): string => String(Number(percent) / 1e6);
/** `part` is more than `percent` of `whole`. */
export const exceedsPercent = (part: bigint, whole: bigint, percent: bigint): boolean =>
  part * 100_000_000n > whole * percent;
/** `part` is at least `percent` of `whole`. */
export const reachesPercent = (part: bigint, whole: bigint, percent: bigint): boolean =>
  part * 100_000_000n >= whole * percent;
