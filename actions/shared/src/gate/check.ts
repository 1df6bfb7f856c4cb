import type { Check, Evidence } from '../evidence/index.ts';
import { SUITES } from '../load/suites.ts';
import { REQUIRED_SMOKE_CHECKS } from '../smoke/required.ts';
import { holds } from './limit.ts';

/** Text that stands for "no number": what a program prints where a measurement failed. */
const NO_VALUE = new Set([
  '',
  'nan',
  '-nan',
  'inf',
  '-inf',
  'infinity',
  '-infinity',
  'null',
  'undefined',
  'none',
  'nothing',
]);

interface RequiredCheck {
  name: string;
  /** What its value has to hold, whatever limit the evidence itself names. */
  limit?: string;
}

const LOAD_CHECKS: readonly RequiredCheck[] = SUITES.flatMap((suite) => [
  { name: `${suite.name}: k6 verdict` },
  { name: `${suite.name}: planned load` },
  ...suite.floors.map((floor) => ({
    name: `${suite.name}: ${floor.name}`,
    limit: floor.kind === 'share' ? `>= ${floor.min}` : `<= ${floor.max}`,
  })),
]);

/** Checks that evidence of a stage has to contain, whoever wrote it. */
function requiredChecks(stage: string): readonly RequiredCheck[] {
  if (stage === 'smoke') return REQUIRED_SMOKE_CHECKS.map((name) => ({ name }));
  return stage === 'load' ? LOAD_CHECKS : [];
}

/** Why the checks of one stage do not prove what its status claims; empty where they do. */
export function doubtsAboutChecks(evidence: Evidence): string[] {
  const { stage, checks } = evidence;
  if (checks.length === 0) return [`${stage}: its evidence holds no checks`];
  const doubts: string[] = [];
  const seen = new Set<string>();
  for (const check of checks) {
    if (seen.has(check.name)) doubts.push(`${stage}: the check "${check.name}" is there twice`);
    seen.add(check.name);
    if (NO_VALUE.has(check.name.trim().toLowerCase()))
      doubts.push(`${stage}: a check is named "${check.name}", which names nothing`);
    const doubt = doubtAbout(check);
    if (doubt !== undefined) doubts.push(`${stage}: ${doubt}`);
  }
  for (const { name, limit } of requiredChecks(stage)) {
    const check = checks.find((each) => each.name === name);
    if (check === undefined) doubts.push(`${stage}: the check "${name}" is missing`);
    else if (limit !== undefined && check.status === 'passed') {
      const doubt = doubtAbout({ ...check, limit });
      if (doubt !== undefined) doubts.push(`${stage}: ${doubt}`);
    }
  }
  return doubts;
}

function doubtAbout({ name, status, observed, limit, unit, detail }: Check): string | undefined {
  const wanted = limit === undefined ? '' : `, wanted ${limit}${unit === undefined ? '' : ` ${unit}`}`;
  const why = detail === undefined ? '' : ` (${detail})`;
  if (status !== 'passed') return `"${name}" failed: ${observed ?? 'nothing'}${wanted}${why}`;
  if (typeof observed === 'number' && !Number.isFinite(observed))
    return `"${name}" passed on ${observed}, which is no number`;
  if (typeof observed === 'string' && NO_VALUE.has(observed.trim().toLowerCase())) {
    return `"${name}" passed on "${observed}", which is no value`;
  }
  if (limit === undefined) return undefined;
  const kept = typeof observed === 'number' ? holds(observed, limit) : undefined;
  if (kept === false) return `"${name}" passed, but ${observed} does not hold ${limit}`;
  if (observed === undefined) return `"${name}" passed with a limit and without a value`;
  // A limit that can be compared wants a number; text beside it was not measured.
  if (typeof observed === 'string' && holds(0, limit) !== undefined)
    return `"${name}" passed on text, wanted a number ${limit}`;
  return undefined;
}
