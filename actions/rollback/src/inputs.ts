import {
  BASE_INPUTS,
  defineInputs,
  DELIVERY_OUTPUTS,
  DELIVERY_PLACE_INPUTS,
  DELIVERY_SECRET_INPUTS,
  RECORD_INPUTS,
  REGISTRY_INPUTS,
} from '@papergate/delivery';

export const INPUTS = defineInputs({
  sha: {
    kind: 'commit',
    required: true,
    description:
      'The commit that is gone back to. It lies on the default branch, was delivered and healthy before, and its digests are still at the registry.',
  },
  reason: {
    kind: 'text',
    required: true,
    pattern: /^[^\r\n]{5,200}$/,
    allowed: 'one line of 5 to 200 characters',
    description: 'Why; it goes into the audit log of the place and into the deployment record.',
  },
  'restore-db': {
    kind: 'text',
    default: 'false',
    pattern: /^(?:false|[A-Za-z0-9][A-Za-z0-9._-]{3,100})$/,
    allowed: 'false, or the id of a checkpoint ("papergate db list" shows them)',
    description:
      'false: the data stay. The id of a checkpoint: the database goes back to it as well, and what came after it is lost; wants confirm.',
  },
  confirm: {
    kind: 'commit',
    description: 'The same commit once more: wanted where restore-db is not false.',
  },
  'default-branch': {
    kind: 'text',
    pattern: /^[A-Za-z0-9][\w./-]{0,200}$/,
    allowed: 'the name of a branch',
    description:
      'The branch that releases come from. Without it: the repository’s default branch, as the event names it, else main.',
  },
  ...DELIVERY_PLACE_INPUTS,
  ...REGISTRY_INPUTS,
  ...DELIVERY_SECRET_INPUTS,
  'environment-url': {
    kind: 'text',
    pattern: /^https?:\/\/[^\s@]+$/,
    allowed: 'an address http:// or https://, without a user',
    description:
      'Where people find what runs, for the deployment record. Without it: the dashboard, where it is on this machine.',
  },
  ...RECORD_INPUTS,
  ...BASE_INPUTS,
});

export const OUTPUTS = DELIVERY_OUTPUTS;
