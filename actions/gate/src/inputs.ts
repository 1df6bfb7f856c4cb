import { BASE_INPUTS, defineInputs, defineOutputs, MOMENTS, ON_CALL_SCHEMA, PLACE_INPUTS } from '@papergate/delivery';

export const INPUTS = defineInputs({
  environment: {
    kind: 'choice',
    of: ['staging', 'production'],
    default: 'staging',
    description:
      'staging: the evidence of its stages alone. production: every rule of the configuration, with what GitHub and Prometheus say.',
  },
  evidence: {
    kind: 'path',
    is: 'folder',
    required: true,
    description: 'Folder of evidence that the stages before left (output evidence); what the gate says is added to it.',
  },
  required: {
    kind: 'lines',
    default: 'validate\nbuild\ndeploy\nsmoke\nload',
    description: 'staging: stages without whose evidence nothing passes, one a line.',
  },
  'max-age-minutes': {
    kind: 'integer',
    min: 1,
    max: 100_000,
    default: 60,
    description: 'staging: evidence older than this does not count.',
  },
  moment: {
    kind: 'choice',
    of: MOMENTS,
    default: 'after-approval',
    description:
      'production: before-approval is for the job before the one that names the environment; after-approval for that job itself, where the approval and the waiting are counted too.',
  },
  config: {
    kind: 'path',
    is: 'file',
    description:
      'production: the figures of the rules. Without it: config/gate.production.json of the working directory.',
  },
  waivers: {
    kind: 'json',
    description:
      'production: rules that may fail this time, a JSON list of {"rule", "reason", "who"}. Each goes into the audit log and the summary.',
  },
  baseline: {
    kind: 'path',
    is: 'folder',
    description: 'production: folder of evidence of the release that runs there, whose load is compared with.',
  },
  'dependency-audit': {
    kind: 'path',
    is: 'file',
    description: 'production: result of npm audit with its date and lock file. Without it: npm is asked now.',
  },
  'image-audits': {
    kind: 'path',
    is: 'folder',
    description: 'production: folder of CycloneDX (*.json) or SARIF (*.sarif) results, one for each image.',
  },
  checkpoints: {
    kind: 'path',
    is: 'file',
    description: 'production: what papergate db list --json printed of the database there.',
  },
  'trusted-root': {
    kind: 'path',
    is: 'file',
    description:
      'production: what gh attestation trusted-root printed, by which attestations are verified. Without it: gh is asked now.',
  },
  'on-call': {
    kind: 'json',
    schema: ON_CALL_SCHEMA,
    description: 'production: who watches, a JSON list of {"who", "from", "until"}; times are RFC 3339 UTC.',
  },
  version: {
    kind: 'text',
    maxLength: 200,
    description:
      'production: tag of the release; then a decision record may name it instead of the commit, and the tag has to lead to the commit.',
  },
  'prometheus-url': {
    kind: 'text',
    maxLength: 2000,
    description:
      'production: address of the Prometheus that watches staging. With host: as that machine sees it, http://127.0.0.1:9091 where it is left out.',
  },
  'prometheus-token': { kind: 'secret', description: 'production: bearer token for it, where it wants one.' },
  host: {
    kind: 'text',
    description:
      'production: the machine of staging, ssh://user@host[:port], where its Prometheus listens on loopback alone.',
  },
  'ssh-key': PLACE_INPUTS['ssh-key'],
  'known-hosts': PLACE_INPUTS['known-hosts'],
  'github-token': {
    kind: 'secret',
    description:
      'production: token with deployments, actions, contents, pull-requests and attestations, all of them only read.',
  },
  ...BASE_INPUTS,
});

export const OUTPUTS = defineOutputs({
  reasons: 'JSON list of everything that blocks, each with rule, code and message; empty on pass.',
  decision: 'Path of the whole decision as JSON, every rule with what was seen and wanted.',
  evidence: 'Folder of evidence of this release.',
  sha: 'The commit that was judged.',
  'manifest-digest': 'sha256:… of its manifest.',
  verdict: 'pass, block (a rule said no) or failed.',
  'reason-code': 'The first reason, for programs; empty on pass.',
});
