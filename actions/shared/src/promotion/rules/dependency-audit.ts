import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Rule } from '../types.ts';
import { parseTime } from '../../gate/time.ts';
import { HOUR, hoursOf, judgement, SKEW, unless } from './judgement.ts';

const LEVELS = ['low', 'moderate', 'high', 'critical'] as const;
const Count = Type.Integer({ minimum: 0 });

/** What `npm audit --json` left, with what it is about: npm's own output says neither when nor of which lock file. */
export const DependencyAuditSchema = Type.Object({
  schema: Type.Literal(1),
  /** RFC 3339 UTC. */
  taken_at: Type.String(),
  /** As the manifest names it: `sha256:…`. */
  lockfile_digest: Type.String(),
  report: Type.Unknown(),
});

/** https://docs.npmjs.com/cli/commands/npm-audit, version 2 of the report. */
const ReportSchema = Type.Object({
  auditReportVersion: Type.Literal(2),
  vulnerabilities: Type.Record(Type.String(), Type.Object({ severity: Type.String() })),
  metadata: Type.Object({
    vulnerabilities: Type.Object({
      info: Count,
      low: Count,
      moderate: Count,
      high: Count,
      critical: Count,
      total: Count,
    }),
    dependencies: Type.Object({ total: Type.Integer({ minimum: 1 }) }),
  }),
});

/** No known hole in what the release is built from. */
export const dependencyAudit: Rule<'dependency-audit'> = {
  name: 'dependency-audit',
  title: 'no vulnerable dependency',
  source: 'npm audit',
  waivable: true,
  codes: {
    DEPENDENCY_AUDIT_VULNERABLE: 'a dependency has a known vulnerability',
    DEPENDENCY_AUDIT_MISSING: 'there is no result: the registry has no audit, or it failed',
    DEPENDENCY_AUDIT_OTHER_LOCKFILE: 'the audit is about other dependencies',
    DEPENDENCY_AUDIT_STALE: 'the audit is too old, or dated in the future',
  },
  async judge({ manifest, files, now }, { severity, max_age_hours }) {
    const wanted = `nothing of ${severity} or above, at most ${max_age_hours} h old`;
    const audit = await files.dependencyAudit();
    if (!Value.Check(DependencyAuditSchema, audit) || !Value.Check(ReportSchema, audit.report)) {
      const message = `npm audit gave no result${wordsOf(audit)}: without one nothing is known of the dependencies`;
      return judgement('no result', wanted, { code: 'DEPENDENCY_AUDIT_MISSING', message });
    }
    const { report, taken_at, lockfile_digest } = audit;
    const age = (await now()) - (parseTime(taken_at) ?? Number.NaN);
    const levels = LEVELS.slice(LEVELS.indexOf(severity));
    const counted = report.metadata.vulnerabilities;
    const found = levels.map((level) => `${counted[level]} ${level}`).join(', ');
    // Both are looked at: a report that contradicts itself proves nothing.
    const named = Object.entries(report.vulnerabilities).filter(([, one]) =>
      (levels as readonly string[]).includes(one.severity),
    );
    const isClean = levels.every((level) => counted[level] === 0) && named.length === 0;
    return judgement(
      `${found} of ${report.metadata.dependencies.total} packages`,
      wanted,
      unless(
        isClean,
        'DEPENDENCY_AUDIT_VULNERABLE',
        `vulnerable: ${
          named
            .slice(0, 10)
            .map(([name, one]) => `${name} (${one.severity})`)
            .join(', ') || found
        }`,
      ),
      unless(
        lockfile_digest === manifest.lockfile_digest,
        'DEPENDENCY_AUDIT_OTHER_LOCKFILE',
        `the audit is about the lock file ${lockfile_digest}, the release has ${manifest.lockfile_digest}`,
      ),
      unless(
        age <= max_age_hours * HOUR && age >= -SKEW,
        'DEPENDENCY_AUDIT_STALE',
        Number.isFinite(age) ? `the audit is ${hoursOf(age)} old, of ${taken_at}` : `the audit is dated "${taken_at}"`,
      ),
    );
  },
};

/** What npm says where the registry has no audit. */
function wordsOf(audit: unknown): string {
  const { report } = (audit ?? {}) as { report?: unknown };
  const { error, message } = (report ?? {}) as { error?: { summary?: unknown; code?: unknown }; message?: unknown };
  const words = [error?.code, error?.summary, message].find((text) => typeof text === 'string' && text !== '');
  return typeof words === 'string' ? ` (${words.slice(0, 200)})` : '';
}
