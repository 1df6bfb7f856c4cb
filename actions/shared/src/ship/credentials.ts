import {
  demoPaperCredentials,
  readAccessTokens,
  readSecret,
  UserError,
  type DemoCredentials,
  type Environment,
  type EnvSource,
  type Secret,
} from '@papergate/config';
import type { SecretName } from '../supervisor/plan.ts';

export interface JudgedEnvironment {
  /** What the credential policy is to look at: the caller's whole environment, completed. */
  env: Record<string, string | undefined>;
  /** Keys made for the run, which open nothing but its simulator; undefined where the caller has to bring them. */
  demo: DemoCredentials | undefined;
}

/** In development a run makes its own keys. Keys of the caller's are judged too, wherever they are; they are only not used. */
export function judgedEnvironment(environment: Environment, env: EnvSource): JudgedEnvironment {
  const demo = environment === 'development' ? demoPaperCredentials() : undefined;
  const judged: JudgedEnvironment['env'] = { ...env };
  if (demo !== undefined) {
    if (!isGiven(env, 'ALPACA_API_KEY')) judged['ALPACA_API_KEY'] = demo.key.reveal();
    if (!isGiven(env, 'ALPACA_SECRET_KEY')) judged['ALPACA_SECRET_KEY'] = demo.secret.reveal();
  }
  // What the services will be told; a caller who has said something else is judged by that.
  const isSafe = environment === 'production' ? 'false' : 'true';
  judged['DRY_RUN'] ??= isSafe;
  judged['ALPACA_PAPER'] ??= isSafe;
  return { env: judged, demo };
}

const isGiven = (env: EnvSource, name: string): boolean => env[name] !== undefined || env[`${name}_FILE`] !== undefined;

/** The secrets that the processes of a run are given, after the policy has passed. @throws UserError API_TOKEN_MISSING, ACCESS_TOKENS_INVALID */
export function settleSecrets(
  environment: Environment,
  env: EnvSource,
  demo: DemoCredentials | undefined,
): Map<SecretName, Secret> {
  const secrets = new Map<SecretName, Secret>();
  const names: SecretName[] = ['DATABASE_URL', 'API_TOKEN'];
  if (demo === undefined) names.push('ALPACA_API_KEY', 'ALPACA_SECRET_KEY');
  else secrets.set('ALPACA_API_KEY', demo.key).set('ALPACA_SECRET_KEY', demo.secret);
  for (const name of names) {
    const found = readSecret(env, name);
    if (found !== undefined) secrets.set(name, found);
  }
  const people = readAccessTokens(env);
  if (people !== undefined) secrets.set('ACCESS_TOKENS', people);
  // Where people need tokens, so do the services: they call one another.
  if (environment !== 'development' || people !== undefined) requireToken(secrets.get('API_TOKEN'), environment);
  return secrets;
}

function requireToken(token: Secret | undefined, environment: Environment): void {
  if (token !== undefined && token.reveal().length >= 16) return;
  throw new UserError({
    code: 'API_TOKEN_MISSING',
    message: `API_TOKEN is ${token === undefined ? 'missing' : 'shorter than 16 characters'}; ${environment} requires one of at least 16 characters`,
    fix: 'set API_TOKEN (or API_TOKEN_FILE) to random characters, for example of "openssl rand -hex 32", and keep it for its clients',
  });
}
