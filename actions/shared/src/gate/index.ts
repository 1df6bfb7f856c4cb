import { isEvidence, STAGES, type Evidence, type GateDecision } from '../evidence/index.ts';
import { doubtsAboutChecks } from './check.ts';
import { parseTime } from './time.ts';

export interface GateInput {
  /** `sha256:…` of the manifest that is to pass, and the commit it was built from. */
  manifestDigest: string;
  commit: string;
  /** As it was read: nothing is taken for evidence until it has been looked at. */
  evidence: readonly unknown[];
  /** ms since 1970. */
  now: number;
  /** Evidence that finished longer ago than this is stale, ms. */
  maxAgeMs: number;
  /** Stages without whose passing nothing passes. */
  required: readonly string[];
}

/** Clocks of two machines differ; evidence from further in the future than this is not believed. */
const CLOCK_SKEW_MS = 5000;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * Reads the evidence and says pass or block. It fails closed: what is missing, stale, dated in the future, empty,
 * malformed, doubled, about another release, failed, or not a number blocks, and so does a question that makes no
 * sense (nothing required, no age limit).
 * @returns every reason, not only the first; none with `pass`
 */
export function decideGate(input: GateInput): GateDecision {
  const reasons = doubtsAboutQuestion(input);
  const byStage = new Map<string, Evidence[]>();
  for (const [index, item] of input.evidence.entries()) {
    if (!isEvidence(item)) {
      reasons.push(`evidence ${index + 1} is malformed${stageOf(item)}`);
      continue;
    }
    byStage.set(item.stage, [...(byStage.get(item.stage) ?? []), item]);
  }

  for (const stage of new Set(input.required)) {
    if (!byStage.has(stage)) reasons.push(`${stage}: there is no evidence`);
  }
  for (const [stage, items] of byStage) {
    if (items.length > 1)
      reasons.push(`${stage}: there is evidence ${items.length} times, it is not clear which counts`);
    for (const item of items) reasons.push(...doubtsAbout(item, input));
  }
  return reasons.length === 0 ? { decision: 'pass', reasons } : { decision: 'block', reasons: [...new Set(reasons)] };
}

function doubtsAboutQuestion({ manifestDigest, commit, now, maxAgeMs, required }: GateInput): string[] {
  const doubts: string[] = [];
  if (!DIGEST.test(manifestDigest)) doubts.push('the gate was asked about something that is no manifest digest');
  if (!COMMIT.test(commit)) doubts.push('the gate was asked about something that is no commit');
  if (!Number.isFinite(now)) doubts.push('the gate was not told the time');
  if (!Number.isFinite(maxAgeMs) || maxAgeMs <= 0) doubts.push('the gate was given no age limit for evidence');
  if (required.length === 0) doubts.push('the gate was told to require nothing');
  const unknown = required.filter((stage) => !(STAGES as readonly string[]).includes(stage));
  if (unknown.length > 0) doubts.push(`the gate was told to require unknown stages: ${unknown.join(', ')}`);
  return doubts;
}

function doubtsAbout(evidence: Evidence, input: GateInput): string[] {
  const { stage, status } = evidence;
  const doubts = [...doubtsAboutBinding(evidence, input), ...doubtsAboutTimes(evidence, input)];
  if (status === 'skipped') {
    // A stage that a target has no use for is recorded as skipped; that is no proof, and no harm where none is asked for.
    if (input.required.includes(stage)) doubts.push(`${stage}: it was skipped, and it is required`);
    return doubts;
  }
  const about = doubtsAboutChecks(evidence);
  if (status === 'failed' && about.length === 0) doubts.push(`${stage}: it failed and does not say why`);
  return [...doubts, ...about];
}

function doubtsAboutBinding({ stage, manifest_digest, commit }: Evidence, input: GateInput): string[] {
  const doubts: string[] = [];
  if (manifest_digest !== input.manifestDigest)
    doubts.push(`${stage}: its evidence is about another manifest (${manifest_digest})`);
  if (commit !== input.commit) doubts.push(`${stage}: its evidence is about another commit (${commit})`);
  return doubts;
}

function doubtsAboutTimes({ stage, started_at, finished_at }: Evidence, { now, maxAgeMs }: GateInput): string[] {
  const started = parseTime(started_at);
  const finished = parseTime(finished_at);
  if (started === undefined || finished === undefined) {
    return [`${stage}: its times are not RFC 3339 UTC ("${started_at}", "${finished_at}")`];
  }
  const doubts: string[] = [];
  if (started > finished) doubts.push(`${stage}: it finished (${finished_at}) before it started (${started_at})`);
  // Written so that a NaN among the bounds doubts, too.
  if (!(finished <= now + CLOCK_SKEW_MS)) doubts.push(`${stage}: its evidence is from the future (${finished_at})`);
  if (!(finished >= now - maxAgeMs)) {
    doubts.push(`${stage}: its evidence is stale (${finished_at}, allowed ${Math.round(maxAgeMs / 60_000)} min)`);
  }
  return doubts;
}

function stageOf(item: unknown): string {
  if (typeof item !== 'object' || item === null || !('stage' in item)) return '';
  return typeof item.stage === 'string' ? ` (it calls itself "${item.stage.slice(0, 40)}")` : '';
}
