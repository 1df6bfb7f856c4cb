import {
  assertCredentials,
  collectScanFiles,
  demoPaperCredentials,
  readSecret,
  UserError,
  type Environment,
  type EnvSource,
  type PolicyReport,
  type Secret,
  type SystemConfig,
} from '@papergate/config';
import type { SecretName } from '../supervisor/plan.ts';

export interface RunCredentials {
  /** What the processes of this run are given. */
  secrets: Map<SecretName, Secret>;
  report: PolicyReport;
  /** Whether the keys were made for this run and open nothing but the simulator. */
  demo: boolean;
}

/**
 * Settles the secrets of a run and puts them, with the caller's whole environment and the files of the release,
 * before the credential policy.
 * @throws UserError CREDENTIALS_REFUSED, API_TOKEN_MISSING
 */
export function settleCredentials(options: {
  environment: Environment;
  env: EnvSource;
  release: string;
  system: SystemConfig;
}): RunCredentials {
  const { environment, env, release, system } = options;
  const demo = environment === 'development';
  const secrets = new Map<SecretName, Secret>();
  const databaseUrl = readSecret(env, 'DATABASE_URL');
  if (databaseUrl !== undefined) secrets.set('DATABASE_URL', databaseUrl);
  const token = readSecret(env, 'API_TOKEN');
  if (token !== undefined) secrets.set('API_TOKEN', token);

  const judged = { ...env };
  if (demo) {
    const { key, secret } = demoPaperCredentials();
    secrets.set('ALPACA_API_KEY', key).set('ALPACA_SECRET_KEY', secret);
    // Keys of the caller's are judged too, wherever they are; they are only not used.
    if (!isGiven(env, 'ALPACA_API_KEY')) judged['ALPACA_API_KEY'] = key.reveal();
    if (!isGiven(env, 'ALPACA_SECRET_KEY')) judged['ALPACA_SECRET_KEY'] = secret.reveal();
  }
  judged['DRY_RUN'] ??= 'true';
  judged['ALPACA_PAPER'] ??= 'true';
  const report = assertCredentials({ environment, env: judged, files: collectScanFiles(release), system });
  if (!demo) {
    requireToken(token, environment);
    for (const name of ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY'] as const) {
      const found = readSecret(env, name);
      if (found !== undefined) secrets.set(name, found);
    }
  }
  return { secrets, report, demo };
}

const isGiven = (env: EnvSource, name: string): boolean => env[name] !== undefined || env[`${name}_FILE`] !== undefined;

function requireToken(token: Secret | undefined, environment: Environment): void {
  if (token !== undefined && token.reveal().length >= 16) return;
  throw new UserError({
    code: 'API_TOKEN_MISSING',
    message: `API_TOKEN is ${token === undefined ? 'missing' : 'shorter than 16 characters'}; ${environment} requires one of at least 16 characters`,
    fix: 'set API_TOKEN (or API_TOKEN_FILE) to random characters, for example of "openssl rand -hex 32", and keep it for its clients',
  });
}
