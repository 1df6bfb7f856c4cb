import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { digestsIn, timeIn, type ImageAudit, type Severity } from './read.ts';

const Rule = Type.Object({
  id: Type.String(),
  properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

/** The part of SARIF 2.1.0 that is used (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), as image scanners fill it. */
const SarifSchema = Type.Object({
  version: Type.Literal('2.1.0'),
  runs: Type.Array(
    Type.Object({
      tool: Type.Object({ driver: Type.Object({ name: Type.String(), rules: Type.Optional(Type.Array(Rule)) }) }),
      invocations: Type.Optional(
        Type.Array(Type.Object({ executionSuccessful: Type.Boolean(), endTimeUtc: Type.Optional(Type.String()) })),
      ),
      properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      results: Type.Array(
        Type.Object({
          ruleId: Type.Optional(Type.String()),
          ruleIndex: Type.Optional(Type.Integer()),
          level: Type.Optional(Type.String()),
          suppressions: Type.Optional(
            Type.Array(
              Type.Object({ status: Type.Optional(Type.String()), justification: Type.Optional(Type.String()) }),
            ),
          ),
        }),
      ),
    }),
    { minItems: 1 },
  ),
});

export function readSarif(value: unknown): Omit<ImageAudit, 'file'> | string {
  if (!Value.Check(SarifSchema, value)) {
    const [error] = Value.Errors(SarifSchema, value);
    return `is no SARIF of an image scanner: ${error?.instancePath ?? ''} ${error?.message ?? ''}`;
  }
  const { runs } = value;
  if (runs.some(({ invocations = [] }) => invocations.some((one) => !one.executionSuccessful))) {
    return 'is of a scan that did not succeed';
  }
  const times = runs.map(({ invocations = [] }) => Math.max(...invocations.map((one) => timeIn(one.endTimeUtc))));
  return {
    digests: digestsIn(runs.flatMap(({ properties = {} }) => Object.values(properties).flat())),
    // The oldest of its runs; one without an end makes it undated.
    at: Math.min(...times.map((time) => (Number.isFinite(time) ? time : Number.NaN))),
    findings: runs.flatMap(({ tool, results }) => {
      const rules = tool.driver.rules ?? [];
      return results
        .filter(({ suppressions = [] }) => !suppressions.some(isExplained))
        .map(({ ruleId, ruleIndex, level }) => {
          const rule =
            rules.find(({ id }) => id === ruleId) ?? (ruleIndex === undefined ? undefined : rules[ruleIndex]);
          const score = rule?.properties?.['security-severity'];
          return { id: ruleId ?? rule?.id ?? 'a finding without a name', severity: severityOf(score, level) };
        });
    }),
  };
}

const isExplained = ({
  status = 'accepted',
  justification = '',
}: {
  status?: string;
  justification?: string;
}): boolean => status === 'accepted' && justification.trim() !== '';

/** By the score of CVSS that GitHub's code scanning reads too, else by SARIF's own level. */
function severityOf(score: unknown, level: string | undefined): Severity {
  const number = typeof score === 'string' || typeof score === 'number' ? Number(score) : Number.NaN;
  if (Number.isFinite(number)) {
    if (number >= 9) return 'critical';
    if (number >= 7) return 'high';
    if (number >= 4) return 'medium';
    return number > 0 ? 'low' : 'none';
  }
  // SARIF's default level is `warning`; a level says less than a score, so it is taken for the worse.
  if (level === 'note' || level === 'none') return 'low';
  return level === undefined || level === 'warning' ? 'medium' : level === 'error' ? 'high' : 'unknown';
}
