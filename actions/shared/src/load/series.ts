import { open } from 'node:fs/promises';
import type { Series } from './data.ts';
import type { Suite } from './suites.ts';

/** The samples of one metric by second. */
type Buckets = Map<number, number[]>;

export interface Phase {
  /** Start of the main phase, ms since 1970, and its length. */
  startMs: number;
  seconds: number;
}

/**
 * Reads k6's CSV output (times in ms) line by line and keeps one point a second of the main phase; what is answered
 * after its end counts to its last second. The file has one line per sample, a million of them in a long run, and is
 * never held as a whole.
 */
export async function readSeries(file: string, suite: Suite, { startMs, seconds }: Phase): Promise<Series> {
  const wanted = new Map<string, Buckets>(
    [...suite.rates, ...suite.latencies].map(({ metric }) => [metric, new Map()]),
  );
  let columns: { name: number; time: number; value: number; scenario: number } | undefined;

  await using source = await open(file);
  for await (const line of source.readLines()) {
    const fields = line.split(',');
    if (columns === undefined) {
      const at = (name: string) => fields.indexOf(name);
      columns = { name: at('metric_name'), time: at('timestamp'), value: at('metric_value'), scenario: at('scenario') };
      continue;
    }
    if (fields[columns.scenario]?.startsWith('main') !== true) continue;
    const buckets = wanted.get(fields[columns.name] ?? '');
    const time = Number(fields[columns.time]);
    const value = Number(fields[columns.value]);
    if (buckets === undefined || !Number.isFinite(time) || !Number.isFinite(value)) continue;
    const second = Math.min(Math.ceil(seconds) - 1, Math.floor((time - startMs) / 1000));
    if (second < 0) continue;
    const bucket = buckets.get(second);
    if (bucket === undefined) buckets.set(second, [value]);
    else bucket.push(value);
  }

  const all = Array.from({ length: Math.ceil(seconds) }, (_, t) => t);
  const bucketOf = (metric: string, t: number) => wanted.get(metric)?.get(t);
  return {
    // A second without a sample is a rate of zero, and no latency at all.
    rates: suite.rates.map(({ metric, label }) => ({
      metric,
      label,
      points: all.map((t) => ({ t, count: (bucketOf(metric, t) ?? []).reduce((sum, value) => sum + value, 0) })),
    })),
    latencies: suite.latencies.map(({ metric, label }) => ({
      metric,
      label,
      points: all.flatMap((t) => {
        const bucket = bucketOf(metric, t);
        return bucket === undefined ? [] : [{ t, ...percentiles(bucket) }];
      }),
    })),
  };
}

function percentiles(bucket: number[]): { p50: number; p95: number; max: number } {
  bucket.sort((a, b) => a - b);
  const at = (share: number) => bucket[Math.min(bucket.length - 1, Math.ceil(share * bucket.length) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}
