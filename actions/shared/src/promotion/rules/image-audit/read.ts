import { parseTime } from '../../../gate/time.ts';
import { readCycloneDx } from './cyclonedx.ts';
import { readSarif } from './sarif.ts';

export const SEVERITIES = ['none', 'low', 'medium', 'high', 'critical'] as const;
/** `unknown` counts as the worst: nobody has looked at it yet. */
export type Severity = (typeof SEVERITIES)[number] | 'unknown';

export interface ImageFinding {
  id: string;
  severity: Severity;
}

export interface ImageAudit {
  /** The file it was read from, for people. */
  file: string;
  /** `sha256:…` of the images that it is about. */
  digests: string[];
  /** ms since 1970; NaN where it is undated. */
  at: number;
  /** Without those that a VEX statement explains. */
  findings: ImageFinding[];
}

export const severityRank = (severity: Severity): number =>
  severity === 'unknown' ? SEVERITIES.length : SEVERITIES.indexOf(severity);

/** A scanner's result. @returns in words why it is none, where it is none */
export function readImageAudit(value: unknown): Omit<ImageAudit, 'file'> | string {
  if (typeof value !== 'object' || value === null) return 'is no object';
  const { bomFormat, runs } = value as { bomFormat?: unknown; runs?: unknown };
  if (bomFormat === 'CycloneDX') return readCycloneDx(value);
  if (Array.isArray(runs)) return readSarif(value);
  return 'is neither CycloneDX nor SARIF';
}

/** Scanners write local offsets and nanoseconds, too. */
export function timeIn(text: unknown): number {
  if (typeof text !== 'string') return Number.NaN;
  const exact = parseTime(text);
  if (exact !== undefined) return exact;
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?[+-]\d{2}:\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
}

const DIGEST = /sha256(?::|%3[Aa])([0-9a-f]{64})/g;

/** Digests within the texts of a value's own places. */
export const digestsIn = (texts: readonly unknown[]): string[] => [
  ...new Set(
    texts.flatMap((text) =>
      typeof text === 'string' ? [...text.matchAll(DIGEST)].map(([, hex]) => `sha256:${hex}`) : [],
    ),
  ),
];
