import { defineInputs, defineOutputs, HOME_INPUT, SECRET_INPUTS, WORKING_DIRECTORY_INPUT } from '@papergate/delivery';

const {
  'api-token': apiToken,
  'access-tokens': accessTokens,
  'database-password': databasePassword,
  'database-url': databaseUrl,
  'grafana-password': grafanaPassword,
} = SECRET_INPUTS;

export const INPUTS = defineInputs({
  environment: {
    kind: 'choice',
    of: ['development', 'staging', 'production'],
    default: 'staging',
    description: 'Whose rules hold: development, staging or production (which wants gate-evidence).',
  },
  'alpaca-api-key': {
    kind: 'secret',
    description:
      'Key ID of the account, such as secrets.ALPACA_PAPER_API_KEY. Without it: ALPACA_API_KEY of the job, else the secret of that name in secrets.',
  },
  'alpaca-secret-key': {
    kind: 'secret',
    description:
      'Secret key of the account, such as secrets.ALPACA_PAPER_API_SECRET. Without it: ALPACA_SECRET_KEY of the job, else the secret of that name in secrets.',
  },
  'alpaca-base-url': {
    kind: 'text',
    description:
      'Address of the trading API. Without it: ALPACA_BASE_URL of the job, else the one in config/system.<environment>.json.',
  },
  'api-token': apiToken,
  'access-tokens': accessTokens,
  'database-password': databasePassword,
  'database-url': databaseUrl,
  'grafana-password': grafanaPassword,
  secrets: {
    kind: 'secrets',
    description:
      'All secrets that the job can read, as toJSON(secrets) gives them: each is searched for keys that must not be there, and its name is judged.',
  },
  probe: {
    kind: 'boolean',
    default: true,
    description:
      'true: asks the hosts about the key: its own account opens, the other world refuses it. false: leaves that out, and says so.',
  },
  'github-token': {
    kind: 'secret',
    description:
      'A token that may read the names of the secrets of the environment (environments: read) and of the repository (secrets: read); a GITHUB_TOKEN may not. Without it the names are not looked at.',
  },
  'github-environment': {
    kind: 'text',
    maxLength: 255,
    description: 'The environment on GitHub whose secrets are meant. Without it: the one of the input environment.',
  },
  'secret-names': {
    kind: 'lines',
    description: 'Names of secrets that have to exist there, one a line.',
  },
  'require-secret-names': {
    kind: 'boolean',
    default: false,
    description: 'true: blocks where the names cannot be read. false: it is said, and the rest decides.',
  },
  'gate-evidence': {
    kind: 'path',
    is: 'file',
    description:
      'What the gate for production left: the path in output decision of the action gate. Only for production.',
  },
  'working-directory': WORKING_DIRECTORY_INPUT,
  home: HOME_INPUT,
});

export const OUTPUTS = defineOutputs({
  rules: 'JSON list of the rules that say no, such as ["key-live"]; [] where all hold.',
  checked: 'How many rules were applied.',
  evidence: 'Path of a file in JSON with every rule and what it said.',
  verdict: 'pass, block (a rule says no) or failed.',
  'reason-code': 'The first rule that says no, such as KEY_LIVE, or why it failed; empty on pass.',
});
