/** One sample of a Prometheus text exposition. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Reads the text format 0.0.4; lines that are none of it are left out. */
export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line.trimEnd());
    if (match === null) continue;
    const value = toNumber(match[3]!);
    if (value === undefined) continue;
    const labels: Record<string, string> = {};
    for (const [, key, text] of (match[2] ?? '').matchAll(LABEL)) labels[key!] = unescape(text!);
    samples.push({ name: match[1]!, labels, value });
  }
  return samples;
}

function toNumber(text: string): number | undefined {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

const unescape = (text: string): string =>
  text.replace(/\\(.)/g, (_found, char: string) => (char === 'n' ? '\n' : char));

/** The value of a series without regard to labels; undefined where there is none. Several are added up. */
export function total(samples: readonly Sample[], name: string): number | undefined {
  const found = samples.filter((sample) => sample.name === name);
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

/** Cumulative buckets of a histogram, added up over its other labels, by upper bound. */
export function buckets(samples: readonly Sample[], name: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const sample of samples) {
    if (sample.name !== `${name}_bucket`) continue;
    const bound = sample.labels['le'] === '+Inf' ? Infinity : Number(sample.labels['le']);
    found.set(bound, (found.get(bound) ?? 0) + sample.value);
  }
  return found;
}

/**
 * A quantile of what a histogram counted between two scrapes, interpolated in its bucket as Prometheus'
 * `histogram_quantile` does; undefined where it counted nothing.
 */
export function quantileBetween(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  quantile: number,
): number | undefined {
  const bounds = [...after.keys()].toSorted((a, b) => a - b);
  const counts = bounds.map((bound) => Math.max(0, (after.get(bound) ?? 0) - (before.get(bound) ?? 0)));
  const count = counts.at(-1) ?? 0;
  if (count === 0) return undefined;
  const rank = quantile * count;
  const at = counts.findIndex((cumulative) => cumulative >= rank);
  const upper = bounds[at]!;
  const lower = at === 0 ? 0 : bounds[at - 1]!;
  if (upper === Infinity) return lower;
  const below = at === 0 ? 0 : counts[at - 1]!;
  const inside = counts[at]! - below;
  return inside === 0 ? upper : lower + (upper - lower) * ((rank - below) / inside);
}
