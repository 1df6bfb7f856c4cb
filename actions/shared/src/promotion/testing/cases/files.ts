import { SUITES } from '../../../load/suites.ts';
import type { Evidence } from '../../../evidence/index.ts';
import type { SuiteData } from '../../../load/data.ts';
import type { BadCase } from '../cases.ts';
import { loadData } from '../load.ts';
import { ago, checkpointOf, commit, digest, RELEASE, type World } from '../world.ts';

const change =
  (stage: string, to: (item: Evidence) => Partial<Evidence>) =>
  ({ files }: World): void => {
    files.evidence = files.evidence.map((item) => (item.stage === stage ? { ...item, ...to(item) } : item));
  };
const withLoad = (data: Evidence['data']) => change('load', () => (data === undefined ? {} : { data }));
const firstSuite = (to: (suite: SuiteData) => SuiteData): NonNullable<Evidence['data']> => {
  const data = loadData({ seed: 1 });
  const [first, ...others] = data['suites'] as SuiteData[];
  return { ...data, suites: [to(first!), ...others] };
};
const onlyOneSlower = (factor: number) =>
  firstSuite((suite) => {
    const [slower] = loadData({ seed: 1, factor })['suites'] as SuiteData[];
    return { ...suite, series: slower!.series };
  });

/** What lies in files: evidence, load, checkpoints, decisions, the plan of who is on call. */
export const FILE_CASES: BadCase[] = [
  {
    title: 'the smoke test failed',
    rule: 'evidence',
    code: 'EVIDENCE_BLOCKS',
    spoil: change('smoke', ({ checks }) => ({
      status: 'failed',
      checks: checks.map((check, index) => (index === 0 ? { ...check, status: 'failed' } : check)),
    })),
  },
  {
    title: 'there is no evidence of the smoke test',
    rule: 'evidence',
    code: 'EVIDENCE_BLOCKS',
    spoil: ({ files }) => void (files.evidence = files.evidence.filter(({ stage }) => stage !== 'smoke')),
  },
  ...SUITES.map(({ name }): BadCase => ({
    title: `the load suite ${name} is not in the evidence`,
    rule: 'evidence',
    code: 'EVIDENCE_BLOCKS',
    spoil: change('load', ({ checks }) => ({ checks: checks.filter((check) => !check.name.startsWith(name)) })),
  })),
  {
    title: 'the evidence is older than a week',
    rule: 'evidence',
    code: 'EVIDENCE_BLOCKS',
    spoil: change('load', () => ({ started_at: ago(169), finished_at: ago(168.1) })),
  },
  {
    title: 'the evidence is about another manifest',
    rule: 'evidence',
    code: 'EVIDENCE_BLOCKS',
    spoil: change('load', () => ({ manifest_digest: digest('e') })),
  },
  {
    title: 'the load was a quick one',
    rule: 'evidence',
    code: 'EVIDENCE_OTHER_LOAD',
    also: ['load-regression'],
    spoil: withLoad(loadData({ seed: 1, profile: 'quick' })),
  },
  {
    title: 'everything is a fifth slower',
    rule: 'load-regression',
    code: 'LOAD_SLOWER',
    spoil: withLoad(loadData({ seed: 1, factor: 1.2 })),
  },
  {
    title: 'one latency alone is a fifth slower',
    rule: 'load-regression',
    code: 'LOAD_SLOWER',
    spoil: withLoad(onlyOneSlower(1.2)),
  },
  {
    title: 'a latency has too few samples',
    rule: 'load-regression',
    code: 'LOAD_TOO_FEW_SAMPLES',
    spoil: withLoad(loadData({ seed: 1, seconds: 39 })),
  },
  {
    title: 'a suite was not measured',
    rule: 'load-regression',
    code: 'LOAD_INCOMPARABLE',
    spoil: withLoad(firstSuite((suite) => ({ ...suite, series: { rates: [], latencies: [] } }))),
  },
  {
    title: 'the load scattered too much to say anything',
    rule: 'load-regression',
    code: 'LOAD_TOO_NOISY',
    spoil: withLoad(
      firstSuite((suite) => ({
        ...suite,
        series: {
          rates: [],
          latencies: suite.series.latencies.map((series) => ({
            ...series,
            points: series.points.map((point) => ({ ...point, p50: point.p50 * (point.t % 2 === 0 ? 1 : 0.3) })),
          })),
        },
      })),
    ),
  },
  {
    title: 'the last release left no load',
    rule: 'load-regression',
    code: 'LOAD_INCOMPARABLE',
    spoil: ({ files }) => void (files.baseline = { ...files.baseline, evidence: [] }),
  },
  {
    title: 'there is no checkpoint',
    rule: 'rollback-plan',
    code: 'CHECKPOINT_MISSING',
    spoil: ({ files }) => void (files.checkpoints.checkpoints = []),
  },
  {
    title: 'the newest checkpoint could not be restored',
    rule: 'rollback-plan',
    code: 'CHECKPOINT_NOT_RESTORED',
    spoil: ({ files }) =>
      void files.checkpoints.checkpoints.push(checkpointOf({ id: '20260610-110000-0a0b0c', at: ago(1), ok: false })),
  },
  {
    title: 'the last of several drills failed',
    rule: 'rollback-plan',
    code: 'CHECKPOINT_NOT_RESTORED',
    spoil({ files }) {
      const [checkpoint] = files.checkpoints.checkpoints;
      const drill = { duration_ms: 5, problems: [] };
      checkpoint!.drills = [
        { ...drill, at: ago(3), ok: true },
        { ...drill, at: ago(1), ok: false },
        { ...drill, at: ago(2), ok: true },
      ];
    },
  },
  {
    title: 'the checkpoint was restored too long ago',
    rule: 'rollback-plan',
    code: 'CHECKPOINT_STALE',
    spoil: ({ files }) =>
      void (files.checkpoints.checkpoints = [checkpointOf({ id: '20260609-100000-0a0b0c', at: ago(25) })]),
  },
  {
    title: 'the restore is dated in the future',
    rule: 'rollback-plan',
    code: 'CHECKPOINT_STALE',
    spoil: ({ files }) =>
      void (files.checkpoints.checkpoints = [checkpointOf({ id: '20260610-100000-0a0b0c', at: ago(-2) })]),
  },
  {
    title: 'a newer checkpoint cannot be read',
    rule: 'rollback-plan',
    code: 'CHECKPOINT_BROKEN',
    spoil: ({ files }) => void files.checkpoints.broken.push('20260610-113000-0a0b0c'),
  },
  {
    title: 'no decision names the release',
    rule: 'decision-record',
    code: 'DECISION_MISSING',
    spoil: ({ files }) => void files.decisionRecords.delete('0012-release.md'),
  },
  {
    title: 'the decision is only proposed',
    rule: 'decision-record',
    code: 'DECISION_NOT_ACCEPTED',
    spoil: ({ files }) =>
      void files.decisionRecords.set('0012-release.md', `# R\n\nStatus: proposed\n\n${commit('c')}\n`),
  },
  {
    title: 'the decision says two things of itself',
    rule: 'decision-record',
    code: 'DECISION_NOT_ACCEPTED',
    spoil: ({ files }) =>
      void files.decisionRecords.set(
        '0012-release.md',
        `# R\n\nStatus: accepted\n\n${RELEASE.commit}\n\n## Status\n\nSuperseded\n`,
      ),
  },
  {
    title: 'the version is a tag of another commit',
    rule: 'decision-record',
    code: 'DECISION_OTHER_VERSION',
    spoil(world) {
      world.version = 'v1.4.0';
      world.files.tags['v1.4.0'] = commit('a');
    },
  },
  {
    title: 'nobody is on call',
    rule: 'on-call',
    code: 'ON_CALL_NOBODY',
    spoil: ({ files }) => void (files.onCall = []),
  },
  {
    title: 'whoever is on call goes home too early',
    rule: 'on-call',
    code: 'ON_CALL_NOBODY',
    spoil: ({ files }) => void (files.onCall = [{ who: 'operator', from: ago(8), until: ago(-3.9) }]),
  },
  {
    title: 'there is a gap between two who are on call',
    rule: 'on-call',
    code: 'ON_CALL_NOBODY',
    spoil: ({ files }) =>
      void (files.onCall = [
        { who: 'operator', from: ago(8), until: ago(-1) },
        { who: 'helper', from: ago(-1.1), until: ago(-9) },
      ]),
  },
  {
    title: 'the plan of who is on call has a time that is none',
    rule: 'on-call',
    code: 'ON_CALL_INVALID',
    spoil: ({ files }) => void (files.onCall = [{ who: 'operator', from: 'now', until: 'later' }]),
  },
];
