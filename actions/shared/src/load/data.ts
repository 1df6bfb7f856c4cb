import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { Evidence } from '../evidence/index.ts';

const RatePoint = Type.Object({ t: Type.Number(), count: Type.Number() });
const LatencyPoint = Type.Object({ t: Type.Number(), p50: Type.Number(), p95: Type.Number(), max: Type.Number() });
const seriesOf = <T extends typeof RatePoint | typeof LatencyPoint>(point: T) =>
  Type.Array(Type.Object({ metric: Type.String(), label: Type.String(), points: Type.Array(point) }));

/** One point a second of the main phase. `t`: seconds since its first sample; latencies in ms. */
export const SeriesSchema = Type.Object({ rates: seriesOf(RatePoint), latencies: seriesOf(LatencyPoint) });
export type Series = Static<typeof SeriesSchema>;

/** Statistics of one latency over the main phase, ms, and the floors that speak of it. */
export const LatencyDataSchema = Type.Object({
  metric: Type.String(),
  label: Type.String(),
  count: Type.Number(),
  avg: Type.Number(),
  p50: Type.Number(),
  p90: Type.Number(),
  p95: Type.Number(),
  p99: Type.Number(),
  max: Type.Number(),
  floors: Type.Array(Type.Object({ stat: Type.Enum(['avg', 'med', 'p(99)']), max: Type.Number() })),
});
export type LatencyData = Static<typeof LatencyDataSchema>;

/** What `data.suites` of the load stage's evidence holds, one a suite. */
export const SuiteDataSchema = Type.Object({
  name: Type.String(),
  title: Type.String(),
  describes: Type.String(),
  /** How k6 ended: `held`, `too slow` or `broke`. */
  verdict: Type.Enum(['held', 'too slow', 'broke']),
  exit_code: Type.Union([Type.Number(), Type.Null()]),
  duration_s: Type.Number(),
  latencies: Type.Array(LatencyDataSchema),
  series: SeriesSchema,
  /** k6's own text output, relative to the run's folder. */
  log: Type.String(),
});
export type SuiteData = Static<typeof SuiteDataSchema>;

/** The suites of a load stage's evidence; none where it holds something else. */
export function suitesOf(evidence: Pick<Evidence, 'data'> | undefined): SuiteData[] {
  const suites = evidence?.data?.['suites'];
  return Value.Check(Type.Array(SuiteDataSchema), suites) ? suites : [];
}
