import { isEvidence, type Evidence } from '../../evidence/index.ts';
import { suitesOf } from '../../load/data.ts';
import { SUITES } from '../../load/suites.ts';
import type { Problem, Rule } from '../types.ts';
import { scatter } from '../statistics/effect.ts';
import { nameOf } from './environment.ts';
import { judgement, short } from './judgement.ts';
import { compareFigures, type Comparison, type Figure } from './load/compare.ts';

/** As fast as the last good release, within what the machine itself varies. */
export const loadRegression: Rule<'load-regression'> = {
  name: 'load-regression',
  title: 'not slower than the last release',
  source: 'load evidence, before and now',
  waivable: true,
  codes: {
    LOAD_SLOWER: 'a latency has grown by more than is tolerated',
    LOAD_BASELINE_OTHER: 'the figures to compare with are not of the release that runs in production',
    LOAD_INCOMPARABLE: 'the two loads were not the same, or a figure is missing in one of them',
    LOAD_TOO_FEW_SAMPLES: 'a figure has too few samples to say anything',
    LOAD_TOO_NOISY: 'a figure scatters so much that something else must have been at work on the machine',
  },
  async judge(context, config) {
    const wanted = `no latency more than ${config.tolerance_percent} % above the last release’s`;
    const baseline = await context.files.baseline();
    const running = await context.github.lastGood({ environment: nameOf(context), exceptRun: context.runId });
    if (running !== undefined && running.manifestDigest !== baseline.manifestDigest) {
      const message = `the figures to compare with are of ${baseline.manifestDigest}, and production runs ${running.manifestDigest ?? 'nothing that has a name'}`;
      return judgement(short(baseline.manifestDigest), wanted, { code: 'LOAD_BASELINE_OTHER', message });
    }
    const before = loadOf(baseline.evidence);
    const after = loadOf(await context.files.evidence());
    const profiles = [before, after].map((load) => String(load?.data?.['profile']));
    if (before === undefined || after === undefined || profiles[0] !== profiles[1]) {
      const message = `there are no two loads of one profile to compare: before ${before === undefined ? 'none' : profiles[0]}, now ${after === undefined ? 'none' : profiles[1]}`;
      return judgement('nothing to compare', wanted, { code: 'LOAD_INCOMPARABLE', message });
    }
    const pairs = pairsOf(before, after);
    const missing = pairs.filter(({ figure }) => figure === undefined).map(({ name }) => name);
    const figures = pairs.flatMap(({ figure }) => (figure === undefined ? [] : [figure]));
    const few = figures.filter((figure) => Math.min(figure.before.length, figure.after.length) < config.min_samples);
    const noisy = figures.filter((figure) => !few.includes(figure) && scatterOf(figure) > config.max_scatter_percent);
    const compared = compareFigures(
      figures.filter((figure) => !few.includes(figure)),
      { tolerance: config.tolerance_percent / 100, alpha: config.alpha, minEffect: config.min_effect },
    );
    return judgement(
      compared.length === 0 ? 'nothing to compare' : describe(compared),
      wanted,
      ...missing.map((name): Problem => ({
        code: 'LOAD_INCOMPARABLE',
        message: `${name} was not measured in both loads`,
      })),
      ...few.map((figure): Problem => ({
        code: 'LOAD_TOO_FEW_SAMPLES',
        message: `${figure.name} has ${figure.before.length} samples before and ${figure.after.length} now, wanted ${config.min_samples}`,
      })),
      ...noisy.map((figure): Problem => ({
        code: 'LOAD_TOO_NOISY',
        message: `${figure.name} scatters by ${Math.round(scatterOf(figure))} % of its median, allowed ${config.max_scatter_percent} %: measure again when nothing else runs there`,
      })),
      ...compared.filter(({ isSlower }) => isSlower).map(slower),
    );
  },
};

const loadOf = (evidence: readonly unknown[]): Evidence | undefined => {
  const loads = evidence.filter((item) => (item as { stage?: unknown } | null)?.stage === 'load');
  const [load] = loads;
  return loads.length === 1 && isEvidence(load) ? load : undefined;
};

/** Every latency that the suites measure; a second's median is one sample, since the requests of one second share its luck. */
function pairsOf(before: Evidence, after: Evidence): { name: string; figure: Figure | undefined }[] {
  const [old, own] = [suitesOf(before), suitesOf(after)];
  return SUITES.flatMap((suite) =>
    suite.latencies.map(({ metric, label }) => {
      const name = `${suite.title}, ${label}`;
      const [a, b] = [old, own].map((suites) =>
        suites
          .find((one) => one.name === suite.name)
          ?.series.latencies.find((series) => series.metric === metric)
          ?.points.map(({ p50 }) => p50)
          // k6 tells microseconds; a latency of nothing is a fault of the clock.
          .filter((value) => value > 0),
      );
      return { name, figure: a === undefined || b === undefined ? undefined : { name, before: a, after: b } };
    }),
  );
}

/** In percent, of the one of the two that scatters more. */
const scatterOf = ({ before, after }: Figure): number => 100 * Math.max(scatter(before), scatter(after));

const percent = (ratio: number): string => `${ratio >= 1 ? '+' : '−'}${Math.abs((ratio - 1) * 100).toFixed(1)} %`;

function describe(compared: readonly Comparison[]): string {
  const worst = compared.toSorted((a, b) => b.ratio - a.ratio)[0]!;
  return `${compared.length} latencies, at worst ${percent(worst.ratio)} (${worst.name})`;
}

const slower = ({ name, ratio, p, effect }: Comparison): Problem => ({
  code: 'LOAD_SLOWER',
  message: `${name}: ${percent(ratio)} (Mann–Whitney, p ${p < 0.0001 ? '< 0.0001' : p.toFixed(4)} after Holm, effect ${effect.toFixed(2)})`,
});
