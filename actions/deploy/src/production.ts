import { join } from 'node:path';
import { loadSystemConfig, UserError, type GateEvidence } from '@papergate/config';
import {
  loadRolloutPlan,
  readGateEvidence,
  refuseProductionUnderAct,
  stray,
  type RolloutPlan,
} from '@papergate/delivery';
import type { DeployJob } from './deploy.ts';

/**
 * What the gate left, where production is delivered to; undefined anywhere else.
 * @throws PapergateError RUN_UNDER_ACT; UserError INPUT_INVALID, GATE_EVIDENCE_MISSING, GATE_EVIDENCE_UNREADABLE
 */
export function gateOf(job: Pick<DeployJob, 'inputs' | 'context'>): GateEvidence | undefined {
  const { inputs } = job;
  const path = inputs['gate-evidence'];
  if (inputs.environment !== 'production') {
    if (path === undefined) return undefined;
    throw stray(
      'gate-evidence',
      `production, and the environment is ${inputs.environment}`,
      'set environment: production',
    );
  }
  refuseProductionUnderAct(job, inputs);
  if (!inputs.keep) {
    throw new UserError({
      code: 'INPUT_INVALID',
      message: 'input keep is false, and the environment is production: it would be taken down when the job ends',
      fix: 'leave keep out',
    });
  }
  if (path !== undefined) return readGateEvidence(path);
  throw new UserError({
    code: 'GATE_EVIDENCE_MISSING',
    message: 'input gate-evidence is not given, and production opens only behind the gate',
    fix: 'run the action gate before, and give gate-evidence: ${{ steps.gate.outputs.decision }}',
  });
}

/** How this release is let at the market, by its own configuration. @throws UserError CONFIG_… */
export function rolloutPlanOf(releaseDir: string): RolloutPlan {
  const configDir = join(releaseDir, 'config');
  return loadRolloutPlan(configDir, loadSystemConfig(configDir, 'production').symbols);
}
