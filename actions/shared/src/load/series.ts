import { open } from 'node:fs/promises';
import type { Suite } from './suites.ts';

/** One second of one metric. `t`: seconds since the suite's first sample; trends in ms. */
export interface RatePoint {
  t: number;
  count: number;
}
export interface LatencyPoint {
  t: number;
  p50: number;
  p95: number;
  max: number;
}
export interface Series {
  rates: Array<{ metric: string; label: string; points: RatePoint[] }>;
  latencies: Array<{ metric: string; label: string; points: LatencyPoint[] }>;
}

/**
 * Reads k6's CSV output line by line and keeps one point a second of the main phase. The file has one line per
 * sample, a million of them in a long run, so that it is never held as a whole.
 */
export async function readSeries(file: string, suite: Suite): Promise<Series> {
  const counts = new Map(suite.rates.map(({ metric }) => [metric, new Map<number, number>()]));
  const values = new Map(suite.latencies.map(({ metric }) => [metric, new Map<number, number[]>()]));
  let columns: { name: number; time: number; value: number; scenario: number } | undefined;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;

  await using source = await open(file);
  for await (const line of source.readLines()) {
    const fields = line.split(',');
    if (columns === undefined) {
      const at = (name: string) => fields.indexOf(name);
      columns = { name: at('metric_name'), time: at('timestamp'), value: at('metric_value'), scenario: at('scenario') };
      continue;
    }
    if (fields[columns.scenario]?.startsWith('main') !== true) continue;
    const metric = fields[columns.name] ?? '';
    const second = Number(fields[columns.time]);
    const value = Number(fields[columns.value]);
    const count = counts.get(metric);
    const trend = values.get(metric);
    if ((count === undefined && trend === undefined) || !Number.isFinite(second) || !Number.isFinite(value)) continue;
    first = Math.min(first, second);
    last = Math.max(last, second);
    count?.set(second, (count.get(second) ?? 0) + value);
    const bucket = trend?.get(second);
    if (bucket === undefined) trend?.set(second, [value]);
    else bucket.push(value);
  }

  const seconds = Number.isFinite(first) ? Array.from({ length: last - first + 1 }, (_, t) => first + t) : [];
  return {
    // A second without a sample is a rate of zero, and no latency at all.
    rates: suite.rates.map(({ metric, label }) => ({
      metric,
      label,
      points: seconds.map((second) => ({ t: second - first, count: counts.get(metric)?.get(second) ?? 0 })),
    })),
    latencies: suite.latencies.map(({ metric, label }) => ({
      metric,
      label,
      points: seconds.flatMap((second) => {
        const bucket = values.get(metric)?.get(second);
        return bucket === undefined ? [] : [{ t: second - first, ...percentiles(bucket) }];
      }),
    })),
  };
}

function percentiles(bucket: number[]): Omit<LatencyPoint, 't'> {
  bucket.sort((a, b) => a - b);
  const at = (share: number) => bucket[Math.min(bucket.length - 1, Math.ceil(share * bucket.length) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}
