import {
  BASE_INPUTS,
  defineInputs,
  defineOutputs,
  PLACE_INPUTS,
  RUNNING_INPUTS,
  SECRET_INPUTS,
} from '@papergate/delivery';

export const INPUTS = defineInputs({ ...PLACE_INPUTS, ...SECRET_INPUTS, ...RUNNING_INPUTS, ...BASE_INPUTS });

export const OUTPUTS = defineOutputs({
  sha: 'The commit that was looked at.',
  'manifest-digest': 'sha256:… of its manifest.',
  checks: 'JSON object: how many checks passed and failed.',
  evidence: 'Folder of evidence of this release.',
  verdict: 'pass, block (a check said no) or failed.',
  'reason-code': 'Why not, for programs; empty on pass.',
});
