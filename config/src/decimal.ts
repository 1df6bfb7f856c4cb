/**
 * Decimal text without sign and rounding, scaled by 10⁹: what `DecimalString` allows, nine places at most.
 * For comparing limits; money never goes through a float.
 */
export function scaled(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}
