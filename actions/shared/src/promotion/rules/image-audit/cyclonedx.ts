import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { digestsIn, SEVERITIES, severityRank, timeIn, type ImageAudit, type Severity } from './read.ts';

/** The part of CycloneDX 1.4 to 1.7 that is used (https://cyclonedx.org/docs/1.6/json/). */
const CycloneDxSchema = Type.Object({
  bomFormat: Type.Literal('CycloneDX'),
  metadata: Type.Object({
    timestamp: Type.Optional(Type.String()),
    component: Type.Object({
      version: Type.Optional(Type.String()),
      purl: Type.Optional(Type.String()),
      'bom-ref': Type.Optional(Type.String()),
      properties: Type.Optional(Type.Array(Type.Object({ name: Type.String(), value: Type.Optional(Type.String()) }))),
    }),
  }),
  // A bill of materials that was never held against a database has no list at all, which is not an empty one.
  vulnerabilities: Type.Array(
    Type.Object({
      id: Type.String(),
      ratings: Type.Optional(Type.Array(Type.Object({ severity: Type.Optional(Type.String()) }))),
      analysis: Type.Optional(
        Type.Object({
          state: Type.Optional(Type.String()),
          justification: Type.Optional(Type.String()),
          detail: Type.Optional(Type.String()),
        }),
      ),
    }),
  ),
});

/** VEX states that say it does no harm here; they want a reason beside them. */
const HARMLESS = new Set(['not_affected', 'false_positive', 'resolved', 'resolved_with_pedigree']);

export function readCycloneDx(value: unknown): Omit<ImageAudit, 'file'> | string {
  if (!Value.Check(CycloneDxSchema, value)) {
    const [error] = Value.Errors(CycloneDxSchema, value);
    return `is no CycloneDX with vulnerabilities: ${error?.instancePath ?? ''} ${error?.message ?? ''}`;
  }
  const { metadata, vulnerabilities } = value;
  const { version, purl, 'bom-ref': ref, properties = [] } = metadata.component;
  return {
    digests: digestsIn([version, purl, ref, ...properties.map((property) => property.value)]),
    at: timeIn(metadata.timestamp),
    findings: vulnerabilities
      .filter(({ analysis }) => {
        const { state = '', justification = '', detail = '' } = analysis ?? {};
        return !(HARMLESS.has(state) && `${justification}${detail}`.trim() !== '');
      })
      .map(({ id, ratings = [] }) => ({ id, severity: worst(ratings.map(({ severity }) => severityOf(severity))) })),
  };
}

const severityOf = (text: string | undefined): Severity =>
  text === 'info' ? 'none' : (SEVERITIES.find((severity) => severity === text) ?? 'unknown');

/** Raters differ; where any of them knows, those that do not are left out. */
function worst(ratings: readonly Severity[]): Severity {
  const known = ratings
    .filter((severity) => severity !== 'unknown')
    .toSorted((a, b) => severityRank(b) - severityRank(a));
  return known[0] ?? 'unknown';
}
