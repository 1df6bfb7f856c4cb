import { readFileSync } from 'node:fs';
import { messageOf, UserError, type GateEvidence } from '@papergate/config';
import type { ProductionDecision } from '@papergate/delivery';

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
