import type { Check, GateDecision, StageName, StageResult } from '../../evidence/index.ts';
import type { Manifest } from '../../release/index.ts';
import { readEvidence } from '../run-store.ts';
import type { ShipStages } from '../types.ts';

export interface Judgement {
  decision: GateDecision;
  result: StageResult;
}

/** What the gate says of the evidence that lies in a run's folder. Its own earlier word is not evidence. */
export function judgeRun(options: {
  runDir: string;
  manifest: Pick<Manifest, 'digest' | 'commit'>;
  required: StageName[];
  maxAgeMs: number;
  stages: Pick<ShipStages, 'decideGate'>;
}): Judgement {
  const { runDir, manifest, required, maxAgeMs, stages } = options;
  const decision = stages.decideGate({
    manifestDigest: manifest.digest,
    commit: manifest.commit,
    evidence: readEvidence(runDir).filter(({ stage }) => stage !== 'gate'),
    now: Date.now(),
    maxAgeMs,
    required,
  });
  const result: StageResult = {
    status: decision.decision === 'pass' ? 'passed' : 'failed',
    checks: required.map((stage) => gateCheck(stage, decision)),
    data: { required, reasons: decision.reasons, max_age_ms: maxAgeMs },
  };
  return { decision, result };
}

function gateCheck(stage: StageName, { decision, reasons }: GateDecision): Check {
  const own = reasons.filter((reason) => reason.startsWith(stage));
  const failed = decision === 'block' && (own.length > 0 || reasons.length === 0);
  return {
    name: `evidence of ${stage}`,
    status: failed ? 'failed' : 'passed',
    ...(own.length === 0 ? {} : { detail: own.join('; ') }),
  };
}
