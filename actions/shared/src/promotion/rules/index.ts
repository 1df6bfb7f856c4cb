import type { Rule, RuleName } from '../types.ts';
import { alerts } from './alerts.ts';
import { approvers } from './approvers.ts';
import { attestation } from './attestation.ts';
import { clock } from './clock.ts';
import { decisionRecord } from './decision-record.ts';
import { dependencyAudit } from './dependency-audit.ts';
import {
  environmentBranches,
  environmentBypass,
  environmentReviewers,
  environmentSelfReview,
  environmentWaitTimer,
} from './environment.ts';
import { errorLog } from './error-log.ts';
import { evidence } from './evidence.ts';
import { imageAudit } from './image-audit.ts';
import { loadRegression } from './load-regression.ts';
import { monitoring } from './monitoring.ts';
import { onCall } from './on-call.ts';
import { realRun } from './real-run.ts';
import { rollbackPlan } from './rollback-plan.ts';
import { soak } from './soak.ts';
import { stagingProof } from './staging-proof.ts';
import { waitTimer } from './wait-timer.ts';

/** All rules of the production gate, by name. */
export const RULES: { readonly [N in RuleName]: Rule<N> } = {
  'real-run': realRun,
  clock,
  'staging-proof': stagingProof,
  evidence,
  'load-regression': loadRegression,
  soak,
  monitoring,
  alerts,
  'error-log': errorLog,
  'dependency-audit': dependencyAudit,
  'image-audit': imageAudit,
  attestation,
  'decision-record': decisionRecord,
  'rollback-plan': rollbackPlan,
  'on-call': onCall,
  'environment-reviewers': environmentReviewers,
  'environment-self-review': environmentSelfReview,
  'environment-wait-timer': environmentWaitTimer,
  'environment-bypass': environmentBypass,
  'environment-branches': environmentBranches,
  approvers,
  'wait-timer': waitTimer,
};
