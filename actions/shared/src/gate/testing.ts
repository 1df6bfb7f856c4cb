import type { Check, Evidence, StageName } from '../evidence/index.ts';
import { SUITES } from '../load/suites.ts';
import { REQUIRED_SMOKE_CHECKS } from '../smoke/required.ts';

/** For tests: evidence that passes the gate when asked about this manifest and commit at this time. */
export const PASSING = {
  manifestDigest: `sha256:${'a'.repeat(64)}`,
  commit: 'b'.repeat(40),
  now: Date.UTC(2026, 0, 15, 12),
  maxAgeMs: 3_600_000,
  required: ['validate', 'build', 'deploy', 'smoke', 'load'] as StageName[],
};

function checksOf(stage: StageName): Check[] {
  switch (stage) {
    case 'smoke':
      return REQUIRED_SMOKE_CHECKS.map((name) => ({ name, status: 'passed' as const, observed: 'as expected' }));
    case 'load':
      return SUITES.flatMap((suite): Check[] => [
        { name: `${suite.name}: k6 verdict`, status: 'passed', observed: 'held (exit 0)', limit: 'held (exit 0)' },
        { name: `${suite.name}: planned load`, status: 'passed', observed: 'enough' },
        ...suite.floors.map((floor): Check =>
          floor.kind === 'share'
            ? {
                name: `${suite.name}: ${floor.name}`,
                status: 'passed',
                observed: 100,
                limit: `>= ${floor.min}`,
                unit: '%',
              }
            : {
                name: `${suite.name}: ${floor.name}`,
                status: 'passed',
                observed: 3.5,
                limit: `<= ${floor.max}`,
                unit: 'ms',
              },
        ),
      ]);
    default:
      return [{ name: `${stage} done`, status: 'passed', observed: 'yes' }];
  }
}

export function passingEvidence(): Evidence[] {
  return PASSING.required.map((stage) => ({
    schema: 1,
    stage,
    manifest_digest: PASSING.manifestDigest,
    commit: PASSING.commit,
    started_at: new Date(PASSING.now - 120_000).toISOString(),
    finished_at: new Date(PASSING.now - 60_000).toISOString(),
    status: 'passed',
    checks: checksOf(stage),
  }));
}
