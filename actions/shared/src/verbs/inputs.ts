import type { Environment } from '@papergate/config';
import { defineInputs, type InputsOf } from '../action/inputs/kinds.ts';
import { HOME_INPUT, WORKING_DIRECTORY_INPUT } from '../action/inputs/common.ts';

/** The commit's tree and our state: of every action. */
export const BASE_INPUTS = defineInputs({ 'working-directory': WORKING_DIRECTORY_INPUT, home: HOME_INPUT });

/** Which place is meant; the same inputs at every action that has to do with one. */
export const PLACE_INPUTS = defineInputs({
  target: {
    kind: 'choice',
    of: ['compose', 'process'],
    default: 'compose',
    description:
      'Where the bundle runs: compose is a Docker Engine, here or behind SSH; process is this very machine, without Docker, for tries.',
  },
  environment: {
    kind: 'choice',
    of: ['development', 'staging'],
    default: 'staging',
    description: 'staging wants real paper keys and a token; development has a simulator and keys made for it.',
  },
  project: {
    kind: 'text',
    description: 'Name of the Compose project. Without it: papergate-<environment>.',
  },
  host: {
    kind: 'text',
    description:
      'The machine with the Docker Engine, ssh://user@host[:port]. Without it: the engine that docker finds here.',
  },
  'ssh-key': {
    kind: 'secret',
    description: 'Private key, without a passphrase, that opens the host. Without it: those of the runner.',
  },
  'known-hosts': {
    kind: 'text',
    maxLength: 100_000,
    description:
      'Lines of known_hosts that the host is checked against ("ssh-keyscan HOST" prints them; compare them by another way). Without it: those of the runner.',
  },
});

/** The place of an action that may move production as well. */
export const DELIVERY_PLACE_INPUTS = defineInputs({
  ...PLACE_INPUTS,
  environment: {
    kind: 'choice',
    of: ['development', 'staging', 'production'],
    default: 'staging',
    description:
      'staging wants real paper keys and a token; development has a simulator and keys made for it; production wants live keys, and opens only behind its gate.',
  },
});
export type PlaceInputs = InputsOf<Omit<typeof PLACE_INPUTS, 'environment'>> &
  InputsOf<typeof BASE_INPUTS> & { readonly environment: Environment };

/** What opens a registry that is not open to everybody. */
export const REGISTRY_INPUTS = defineInputs({
  registry: {
    kind: 'text',
    description: 'HOST/NAMESPACE that holds images and releases. Without it: ghcr.io/<owner>/<repository>.',
  },
  'registry-username': {
    kind: 'text',
    maxLength: 200,
    description: 'User at the registry; on ghcr.io any name, such as that of the actor.',
  },
  'registry-token': {
    kind: 'secret',
    description:
      'Password or token for the registry, such as secrets.GITHUB_TOKEN for ghcr.io. Without it: the logins of the runner.',
  },
});
export type RegistryInputs = InputsOf<typeof REGISTRY_INPUTS>;

/** What the place needs to know of the outside; held by the place from then on, as files that only it can read. */
export const SECRET_INPUTS = defineInputs({
  'alpaca-api-key': {
    kind: 'secret',
    description: 'Key ID of the paper account (secret ALPACA_PAPER_API_KEY). Not needed in development.',
  },
  'alpaca-secret-key': {
    kind: 'secret',
    description: 'Secret key of the paper account (secret ALPACA_PAPER_API_SECRET). Not needed in development.',
  },
  'api-token': {
    kind: 'secret',
    description: 'Token, 16 characters or more, that the services of staging want from their clients.',
  },
  'access-tokens': {
    kind: 'secret',
    description:
      'Who else may use the services, and how: the JSON list that "papergate token" adds to, of hashes. Without it compose keeps the list it has; [] is nobody.',
  },
  'database-password': {
    kind: 'secret',
    description:
      'Password of the services at the database that compose makes (secret STAGING_DB_PASSWORD). Without it one is made at the first deploy and kept.',
  },
  'database-url': {
    kind: 'secret',
    description: 'process: a PostgreSQL of your own, instead of one that is made.',
  },
  'grafana-password': {
    kind: 'secret',
    description: 'Password of the administrator of Grafana (secret GRAFANA_PASSWORD), where monitoring is true.',
  },
});
export type SecretInputs = InputsOf<typeof SECRET_INPUTS>;

/** Of an action that may move production as well: there the keys are live. */
export const DELIVERY_SECRET_INPUTS = defineInputs({
  ...SECRET_INPUTS,
  'alpaca-api-key': {
    kind: 'secret',
    description:
      'Key ID of the account: the paper one (secret ALPACA_PAPER_API_KEY), in production the live one. Not needed in development.',
  },
  'alpaca-secret-key': {
    kind: 'secret',
    description:
      'Secret key of the account: the paper one (secret ALPACA_PAPER_API_SECRET), in production the live one. Not needed in development.',
  },
  'api-token': {
    kind: 'secret',
    description: 'Token, 16 characters or more, that the services of staging and production want from their clients.',
  },
});

/** By which variable the engine knows each of them. */
export const SECRET_VARIABLES = {
  'alpaca-api-key': 'ALPACA_API_KEY',
  'alpaca-secret-key': 'ALPACA_SECRET_KEY',
  'api-token': 'API_TOKEN',
  'access-tokens': 'ACCESS_TOKENS',
  'database-password': 'DATABASE_PASSWORD',
  'database-url': 'DATABASE_URL',
  'grafana-password': 'GRAFANA_PASSWORD',
} as const satisfies Record<keyof typeof SECRET_INPUTS, string>;

/** How GitHub knows the place. */
export const GITHUB_ENVIRONMENT_INPUT = {
  kind: 'text',
  pattern: /^[^\r\n]{1,255}$/,
  allowed: 'the name of an environment',
  description: 'The environment on GitHub that the deployments are of. Without it: the one of the input environment.',
} as const;

/** Deployment records on GitHub. */
export const RECORD_INPUTS = defineInputs({
  'github-token': {
    kind: 'secret',
    description:
      'Token for GitHub’s API, such as secrets.GITHUB_TOKEN with deployments: write. Without it no deployment is recorded.',
  },
  'github-environment': GITHUB_ENVIRONMENT_INPUT,
  'require-record': {
    kind: 'boolean',
    default: false,
    description:
      'true: where the deployment cannot be recorded at GitHub nothing is delivered. false: it is said, and the work goes on.',
  },
});
export type RecordInputs = InputsOf<typeof RECORD_INPUTS>;

/** Name of the environment at GitHub. */
export const githubEnvironment = (inputs: {
  readonly environment: string;
  readonly 'github-environment': string | undefined;
}): string => inputs['github-environment'] ?? inputs.environment;

/** What earlier stages left. */
export const EVIDENCE_INPUT = {
  kind: 'path',
  is: 'folder',
  description:
    'Folder of evidence that an earlier stage of this release named in its output; what this stage finds is added to it. Without it: the one in the home.',
} as const;
