import type { Environment, EnvSource, Secret } from '@papergate/config';
import { SECRET_VARIABLES, type InputsOf } from '@papergate/delivery';
import type { INPUTS } from './inputs.ts';
import type { Objection } from './report.ts';

type Inputs = InputsOf<typeof INPUTS>;

/** What GitHub's secrets are called that hold the key and its secret, for each environment. */
const SECRET_NAMES = {
  development: ['ALPACA_PAPER_API_KEY', 'ALPACA_PAPER_API_SECRET'],
  staging: ['ALPACA_PAPER_API_KEY', 'ALPACA_PAPER_API_SECRET'],
  production: ['ALPACA_LIVE_API_KEY', 'ALPACA_LIVE_API_SECRET'],
} as const satisfies Record<Environment, readonly [string, string]>;

export interface Gathered {
  /** Everything that is judged, under the names that the policy knows. */
  env: Record<string, string | undefined>;
  objections: Objection[];
}

/**
 * Puts the job's environment, the inputs and all secrets together, each as it was given. Where two of them say
 * different things under one name both are searched, and it is an objection: nobody knows which one will be used.
 */
export function gather(inputs: Inputs, jobEnv: EnvSource): Gathered {
  const gathered: Gathered = { env: { ...jobEnv }, objections: [] };
  for (const [input, variable] of Object.entries(SECRET_VARIABLES) as [keyof typeof SECRET_VARIABLES, string][]) {
    const given: Secret | undefined = inputs[input];
    if (given !== undefined) put(gathered, variable, given.reveal(), `the input ${input}`);
  }
  if (inputs['alpaca-base-url'] !== undefined)
    put(gathered, 'ALPACA_BASE_URL', inputs['alpaca-base-url'], 'the input alpaca-base-url');
  for (const [name, secret] of inputs.secrets) put(gathered, name, secret.reveal(), 'secrets');
  fallBack(gathered.env, SECRET_NAMES[inputs.environment]);
  return gathered;
}

function put({ env, objections }: Gathered, name: string, value: string, source: string): void {
  const known = env[name];
  if (known === undefined) {
    env[name] = value;
    return;
  }
  if (known === value) return;
  env[`${name} (${source})`] = value;
  objections.push({
    rule: 'said-twice',
    where: name,
    message: `${name} is one thing by ${source} and another before it: by an input or in the environment of the job`,
    fix: 'give it once, or the same everywhere',
  });
}

function fallBack(env: Gathered['env'], [key, secret]: readonly [string, string]): void {
  for (const [variable, name] of [
    ['ALPACA_API_KEY', key],
    ['ALPACA_SECRET_KEY', secret],
  ] as const) {
    if (env[variable] !== undefined || env[`${variable}_FILE`] !== undefined || env[name] === undefined) continue;
    env[variable] = env[name];
  }
}
