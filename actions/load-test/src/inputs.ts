import {
  BASE_INPUTS,
  defineInputs,
  defineOutputs,
  PLACE_INPUTS,
  RUNNING_INPUTS,
  SECRET_INPUTS,
} from '@papergate/delivery';

export const INPUTS = defineInputs({
  profile: {
    kind: 'choice',
    of: ['quick', 'full'],
    default: 'full',
    description: 'full: five minutes, as the gate wants it. quick: half a minute, for tries.',
  },
  floors: {
    kind: 'json',
    description:
      'JSON object: check of a suite to a limit that is stricter than its own, as {"order-stress: order latency, p99": "<= 200"}. A floor cannot be lowered.',
  },
  ...PLACE_INPUTS,
  ...SECRET_INPUTS,
  ...RUNNING_INPUTS,
  ...BASE_INPUTS,
});

export const OUTPUTS = defineOutputs({
  sha: 'The commit that was loaded.',
  'manifest-digest': 'sha256:… of its manifest.',
  checks: 'JSON object: how many checks passed and failed.',
  evidence: 'Folder of evidence of this release; load/ in it holds what k6 said.',
  verdict: 'pass, block (a floor was not held) or failed.',
  'reason-code': 'Why not, for programs; empty on pass.',
});
