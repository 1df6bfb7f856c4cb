import {
  BASE_INPUTS,
  defineInputs,
  defineOutputs,
  DELIVERY_OUTPUTS,
  DELIVERY_PLACE_INPUTS,
  DELIVERY_SECRET_INPUTS,
  EVIDENCE_INPUT,
  RECORD_INPUTS,
  REGISTRY_INPUTS,
} from '@papergate/delivery';

export const INPUTS = defineInputs({
  manifest: {
    kind: 'text',
    description:
      'What is delivered: the file of a manifest (output of build-push), or its reference HOST/NAMESPACE/release:COMMIT or …@sha256:…. Without it: the release of sha, out of the registry.',
  },
  sha: {
    kind: 'commit',
    description:
      'The commit that is delivered; a manifest that is given has to be of it. Without both: that of the workflow.',
  },
  ...DELIVERY_PLACE_INPUTS,
  'gate-evidence': {
    kind: 'path',
    is: 'file',
    description:
      'production, which does not open without it: what its gate left for this very release (output decision of the action gate, after the approval).',
  },
  ...REGISTRY_INPUTS,
  ...DELIVERY_SECRET_INPUTS,
  ports: {
    kind: 'choice',
    of: ['default', 'free'],
    description: 'Of a place that is new: those of the configuration, or any that are free. A place keeps what it has.',
  },
  monitoring: {
    kind: 'boolean',
    default: false,
    description: 'compose: Prometheus, Alertmanager, Grafana and Loki beside it.',
  },
  'require-signature': {
    kind: 'text',
    pattern: /^-----BEGIN PUBLIC KEY-----[\s\S]+-----END PUBLIC KEY-----$/,
    allowed: 'a public key with its BEGIN and END lines',
    description: 'compose: public key (the text of cosign.pub); from now on the place refuses what it does not open.',
  },
  'environment-url': {
    kind: 'text',
    pattern: /^https?:\/\/[^\s@]+$/,
    allowed: 'an address http:// or https://, without a user',
    description:
      'Where people find what was delivered, for the deployment record. Without it: the dashboard, where it is on this machine.',
  },
  ...RECORD_INPUTS,
  evidence: EVIDENCE_INPUT,
  keep: {
    kind: 'boolean',
    default: true,
    description: 'false: what was delivered is taken down when the job ends; its data stay.',
  },
  ...BASE_INPUTS,
});

export const OUTPUTS = defineOutputs({
  ...DELIVERY_OUTPUTS,
  rollout:
    'production: JSON object with status (complete, failed or cancelled), reached (the last step that held, or null) and failed (the step that did not, or null).',
});
