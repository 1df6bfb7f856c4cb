import { readFileSync } from 'node:fs';
import { EXIT, messageOf, PapergateError, UserError, type GateEvidence } from '@papergate/config';
import type { ProductionDecision } from '../promotion/index.ts';
import type { Manifest } from '../release/manifest.ts';

/**
 * What the gate left, in the words of the policy's rule `gate`, which judges what is in it: the file is a hope, not a
 * fact. Taken are the decision of the action gate (its output `decision`) and the evidence itself.
 * @throws UserError GATE_EVIDENCE_UNREADABLE
 */
export function readGateEvidence(path: string): GateEvidence {
  const value = readObject(path);
  return 'decision' in value ? ofDecision(value) : (value as unknown as GateEvidence);
}

/** A decision before the approval opens nothing: the environment's own approver is still to come. */
function ofDecision(value: Partial<ProductionDecision>): GateEvidence {
  const { decision, moment, reasons, rules, judgedAt, commit, manifestDigest } = value;
  const isOpen = decision === 'pass' && moment === 'after-approval' && Array.isArray(reasons) && reasons.length === 0;
  const approvers = Array.isArray(rules) ? rules.find(({ name }) => name === 'approvers')?.seen : undefined;
  const people = approvers === undefined || approvers === 'nobody' ? [] : approvers.split(', ');
  return {
    approved: isOpen,
    commit,
    manifest_digest: manifestDigest,
    approved_by: people,
    approved_at: judgedAt,
  } as GateEvidence;
}

function readObject(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    throw new Error('it is no object');
  } catch (error) {
    throw new UserError({
      code: 'GATE_EVIDENCE_UNREADABLE',
      message: `the input gate-evidence names ${path}, which cannot be read as JSON: ${messageOf(error)}`,
      fix: 'hand over the file that the action gate names in its output decision',
    });
  }
}

/** The gate judges moments before a deploy, in the same job; its word of yesterday is about another day. */
const MAX_AGE_MS = 6 * 3_600_000;
const SKEW_MS = 10 * 60_000;

/**
 * What the gate said is of exactly this release, and of now. What else has to be in it the policy says.
 * @throws PapergateError GATE_EVIDENCE_FOREIGN, GATE_EVIDENCE_STALE
 */
export function demandGateOf(manifest: Pick<Manifest, 'commit' | 'digest'>, gate: GateEvidence, now: number): void {
  const { commit, manifest_digest: digest, approved_at: at } = gate;
  if (commit !== manifest.commit || digest !== manifest.digest) {
    throw new PapergateError({
      code: 'GATE_EVIDENCE_FOREIGN',
      exitCode: EXIT.blocked,
      message: `the gate judged ${digest} of commit ${commit}, and ${manifest.digest} of commit ${manifest.commit} is to be delivered`,
      fix: 'let the gate judge the release that is delivered',
    });
  }
  const age = now - Date.parse(at);
  // A time that is none is the policy's to name.
  if (Number.isNaN(age) || (age <= MAX_AGE_MS && age >= -SKEW_MS)) return;
  throw new PapergateError({
    code: 'GATE_EVIDENCE_STALE',
    exitCode: EXIT.blocked,
    message: `the gate judged at ${at}, which is ${age < 0 ? 'to come' : 'more than 6 hours ago'} by the clock of this machine`,
    fix: 'run the gate again in the same job, before the deploy',
  });
}
