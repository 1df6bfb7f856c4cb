import Big from 'big.js';

/**
 * Prices on the bus are integers in micros (10⁻⁶ USD): exact, and a plain JSON number. 2⁵³ micros are nine
 * billion dollars, far above any price or any single order's value.
 */
export type Micros = number;

/** Decimal text, no exponent, no plus sign: `"167.41"`. */
export type Decimal = string;

const MICROS = new Big(1_000_000);

/** From a JSON number or decimal text to micros, rounded half-even at the sixth place. Throws RangeError for anything else. */
export function toMicros(value: number | string | Big): Micros {
  const micros = big(value).times(MICROS).round(0, Big.roundHalfEven);
  const number = micros.toNumber();
  if (!Number.isSafeInteger(number)) throw new RangeError(`price ${String(value)} is out of range`);
  return number;
}

/**
 * The hot path of {@link toMicros}, for floats as the data stream carries them (at most six decimals, below
 * nine billion): rounding the product is exact there.
 */
export function floatToMicros(value: number): Micros {
  const micros = Math.round(value * 1e6);
  if (!Number.isSafeInteger(micros)) throw new RangeError(`price ${value} is out of range`);
  return micros;
}

/** Micros as decimal text without trailing zeros: 167410000 → "167.41". */
export function fromMicros(micros: Micros): Decimal {
  const negative = micros < 0;
  const digits = String(Math.abs(micros)).padStart(7, '0');
  const whole = digits.slice(0, -6);
  const fraction = digits.slice(-6).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Micros as a big decimal, for arithmetic with quantities. */
export function microsToBig(micros: Micros): Big {
  return new Big(micros).div(MICROS);
}

/** A Big from a finite number, decimal text or Big. Throws RangeError for anything else. */
export function big(value: number | string | Big): Big {
  try {
    return new Big(value);
  } catch (cause) {
    throw new RangeError(`${String(value)} is not a decimal number`, { cause });
  }
}

/** Decimal text without exponent and without trailing zeros. */
export function decimal(value: number | string | Big): Decimal {
  return big(value).toFixed();
}

export { Big };
