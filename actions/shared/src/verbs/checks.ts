import type { ActionLog } from '../action/output/log.ts';
import type { Inline } from '../action/output/markdown.ts';
import type { Summary } from '../action/output/summary.ts';
import type { Check } from '../evidence/index.ts';

/** Rows above this are folded: a person wants to see how it went, then the rest. */
const SHOWN = 40;

/** What a stage looked at, as a table: failures first. */
export function checkTable(summary: Summary, checks: readonly Check[]): void {
  const failed = checks.filter(({ status }) => status === 'failed');
  const passed = checks.filter(({ status }) => status === 'passed');
  const sorted = [...failed, ...passed];
  const head = ['', 'check', 'observed', 'limit', ''];
  if (sorted.length === 0) return;
  if (sorted.length <= SHOWN || failed.length === 0) {
    const fill = (into: Summary): void => void into.table(head, sorted.map(row));
    if (sorted.length <= SHOWN) fill(summary);
    else summary.details(`${sorted.length} checks passed`, fill);
    return;
  }
  summary.table(head, failed.map(row));
  if (passed.length === 0) return;
  summary.details(`${passed.length} checks passed`, (inner) => inner.table(head, passed.map(row)));
}

function row({ name, status, observed, limit, unit, detail }: Check): Inline[] {
  const sign = status === 'passed' ? '✅' : '❌';
  return [
    sign,
    name,
    isDigest(observed) ? { code: shown(observed) } : withUnit(observed, unit),
    limit === undefined ? '' : withUnit(limit, unit),
    detail ?? '',
  ];
}

const isDigest = (observed: Check['observed']): observed is string =>
  typeof observed === 'string' && /^sha256:[0-9a-f]{64}$/.test(observed);
const shown = (digest: string): string => digest.slice(0, 19);

/** The value as people read it: three digits behind the point. */
export function withUnit(observed: Check['observed'], unit: string | undefined): string {
  if (observed === undefined) return '';
  const text = typeof observed === 'number' ? String(Math.round(observed * 1000) / 1000) : observed;
  return unit === undefined ? text : `${text} ${unit}`;
}

/** One error a failure, each an annotation as far as GitHub shows them. */
export function annotateFailures(log: Pick<ActionLog, 'error'>, stage: string, checks: readonly Check[]): void {
  for (const check of checks)
    if (check.status === 'failed') log.error(failureText(check), { title: `${stage}: ${check.name}` });
}

export function failureText({ name, observed, limit, unit, detail }: Check): string {
  const wanted = limit === undefined ? '' : `, wanted ${withUnit(limit, unit)}`;
  return `${name}: ${withUnit(observed, unit) || 'failed'}${wanted}${detail === undefined ? '' : ` (${detail})`}`;
}

/** Text of which no more is wanted than fits into a sentence; the whole of it stands elsewhere. */
export const clipped = (text: string, most = 500): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;

/** Why checks do not pass, in one sentence. */
export const failuresText = (checks: readonly Check[]): string =>
  clipped(
    checks
      .filter(({ status }) => status === 'failed')
      .map(failureText)
      .join('; '),
  );
