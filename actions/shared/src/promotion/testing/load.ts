import type { Evidence } from '../../evidence/index.ts';
import type { SuiteData } from '../../load/data.ts';
import { SUITES } from '../../load/suites.ts';
import { randomOf } from './random.ts';

const SECONDS = 65;

/** `data` of a load's evidence: each latency about 10 ms times `factor`, with some scatter. */
export function loadData({
  factor = 1,
  seed = 1,
  seconds = SECONDS,
  profile = 'full',
}: { factor?: number; seed?: number; seconds?: number; profile?: string } = {}): NonNullable<Evidence['data']> {
  const random = randomOf(seed);
  const suites: SuiteData[] = SUITES.map(({ name, title, describes, rates, latencies }) => ({
    name,
    title,
    describes,
    verdict: 'held',
    exit_code: 0,
    duration_s: seconds,
    latencies: [],
    series: {
      rates: rates.map(({ metric, label }) => ({ metric, label, points: [] })),
      latencies: latencies.map(({ metric, label }) => ({
        metric,
        label,
        points: Array.from({ length: seconds }, (_, t) => {
          const p50 = 10 * factor * (1 + 0.1 * (random() - 0.5));
          return { t, p50, p95: p50 * 2, max: p50 * 3 };
        }),
      })),
    },
    log: `load/${name}.log`,
  }));
  return { profile, k6: '2.2.0', suites };
}
