/** The smallest "round" number (1, 2 or 5 times a power of ten) that is not below `value`. */
export function roundUp(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9)) ?? 10 * power;
}

/** About `count` round numbers from 0 to at least `max`. */
export function linearTicks(max: number, count = 4): number[] {
  const step = roundUp(max / count);
  const last = Math.max(1, Math.ceil(max / step - 1e-9));
  return Array.from({ length: last + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** The powers of ten that span `min` to `max`, at least two of them. */
export function decades(min: number, max: number): number[] {
  const low = Math.floor(Math.log10(min));
  const high = Math.max(low + 1, Math.ceil(Math.log10(max) - 1e-9));
  return Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
}

/** Maps [from, to] onto [start, end]. */
export function linear(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = to - from === 0 ? 1 : to - from;
  return (value) => start + ((value - from) / span) * (end - start);
}

export function logarithmic(from: number, to: number, start: number, end: number): (value: number) => number {
  const map = linear(Math.log10(from), Math.log10(to), start, end);
  return (value) => map(Math.log10(Math.min(to, Math.max(from, value))));
}
