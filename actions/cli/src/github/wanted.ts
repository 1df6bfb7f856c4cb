import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  defaultGateConfig,
  GATE_CONFIG_FILE,
  readGateConfig,
  type BranchRule,
  type GateConfig,
} from '@papergate/delivery';

/** What GitHub has to be set to, by the figures of the production gate: what setup makes, the gate lets through. */
export interface Wanted {
  production: string;
  staging: string;
  /** Undefined: the gate does not ask. */
  waitTimerMinutes: number | undefined;
  preventSelfReview: boolean;
  noBypass: boolean;
  branches: string[] | undefined;
  /** Required reviewers of production, so many at least. */
  reviewers: number;
  branch: string;
  ruleset: string;
  rules: BranchRule[];
}

/** Of ci.yml: the one check that says that everything has passed. */
const GREEN = 'green';
/** Of GitHub Actions: a check of that name by another app does not count. */
const ACTIONS_APP = 15_368;

export function wantedOf(repository: string): Wanted {
  const file = join(repository, 'config', GATE_CONFIG_FILE);
  const gate = existsSync(file) ? readGateConfig(file) : defaultGateConfig();
  const branch = gate.approvers.branch;
  return {
    production: gate['environment-reviewers'].environment,
    staging: gate['staging-proof'].environment,
    waitTimerMinutes:
      on(gate, 'environment-wait-timer')?.hours === undefined
        ? undefined
        : Math.ceil(gate['environment-wait-timer'].hours * 60),
    preventSelfReview: gate['environment-self-review'].enabled,
    noBypass: gate['environment-bypass'].enabled,
    branches: on(gate, 'environment-branches')?.branches,
    reviewers: on(gate, 'environment-reviewers')?.at_least ?? 0,
    branch,
    ruleset: `papergate: ${branch}`,
    rules: rulesOf(gate),
  };
}

function on<N extends keyof GateConfig>(gate: GateConfig, name: N): GateConfig[N] | undefined {
  return gate[name].enabled ? gate[name] : undefined;
}

const rulesOf = ({ approvers }: GateConfig): BranchRule[] => [
  { type: 'deletion' },
  { type: 'non_fast_forward' },
  {
    type: 'pull_request',
    parameters: {
      // One more approves the run; see the rule `approvers` of the gate.
      required_approving_review_count: Math.max(1, approvers.at_least - 1),
      dismiss_stale_reviews_on_push: true,
      require_code_owner_review: true,
      require_last_push_approval: true,
      required_review_thread_resolution: true,
    },
  },
  {
    type: 'required_status_checks',
    parameters: {
      strict_required_status_checks_policy: true,
      required_status_checks: [{ context: GREEN, integration_id: ACTIONS_APP }],
    },
  },
];
