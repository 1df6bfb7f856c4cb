/**
 * Upper tail of the standard normal distribution, P(Z > z). Series and continued fraction of Abramowitz and Stegun,
 * Handbook of Mathematical Functions, 26.2.11 and 26.2.14: exact to about 1e-14 of the value, far into the tail too.
 */
export function normalTail(z: number): number {
  if (Number.isNaN(z)) return Number.NaN;
  if (z < 0) return 1 - normalTail(-z);
  if (z > 38) return 0;
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  return z < 3 ? 0.5 - density * series(z) : density * fraction(z);
}

function series(z: number): number {
  let term = z;
  let sum = z;
  for (let odd = 3; Math.abs(term) > sum * 1e-17; odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return sum;
}

function fraction(z: number): number {
  let below = z;
  for (let k = 120; k >= 1; k--) below = z + k / below;
  return 1 / below;
}
