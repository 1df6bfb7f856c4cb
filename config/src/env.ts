import { isIPv4 } from 'node:net';
import { parseAccessTokens } from './access/index.ts';
import { readTextFile } from './load/read.ts';
import { UserError } from './errors.ts';
import { Secret } from './secret.ts';
import { ENVIRONMENTS, type Environment, type SystemConfig } from './schema/system.ts';
import type { RuntimeEnv } from './schema/runtime.ts';

export type EnvSource = Readonly<Record<string, string | undefined>>;

/** A value in a message. Whatever is longer than a word may be a secret that went into the wrong variable. */
const quote = (value: string): string =>
  value.length > 16 ? `a text of ${value.length} characters` : JSON.stringify(value);

export function readEnvironmentName(env: EnvSource): Environment {
  const found = env['ENVIRONMENT'] ?? 'development';
  const known = ENVIRONMENTS.find((name) => name === found);
  if (known === undefined) {
    throw new UserError({
      code: 'ENV_INVALID',
      message: `ENVIRONMENT is ${quote(found)}, allowed: ${ENVIRONMENTS.join(', ')}`,
      fix: 'set ENVIRONMENT to one of these',
    });
  }
  return known;
}

/** Exactly `true` or `false`: "1", "yes" and "True" have each once meant the opposite to somebody. */
export function readBoolean(env: EnvSource, name: string, fallback: boolean): boolean {
  const found = env[name];
  if (found === undefined) return fallback;
  if (found === 'true') return true;
  if (found === 'false') return false;
  throw new UserError({
    code: 'ENV_INVALID',
    message: `${name} is ${quote(found)}, allowed: true, false`,
    fix: `set ${name} to exactly true or false`,
  });
}

/** The value of NAME, or the content of the file that NAME_FILE names (one trailing newline is dropped). */
export function readSecret(env: EnvSource, name: string): Secret | undefined {
  const direct = env[name];
  const file = env[`${name}_FILE`];
  if (direct !== undefined && file !== undefined) {
    throw new UserError({
      code: 'ENV_INVALID',
      message: `${name} and ${name}_FILE are both set`,
      fix: 'keep one of the two',
    });
  }
  if (file !== undefined) return new Secret(readTextFile(file, `${name}_FILE`).replace(/\r?\n$/, ''));
  return direct === undefined ? undefined : new Secret(direct);
}

/** The address to bind, where it is not the configured host: in a container that name is for the others. */
function readListenHost(env: EnvSource): { listenHost?: string } {
  const found = env['LISTEN_HOST'];
  if (found === undefined) return {};
  if (isIPv4(found)) return { listenHost: found };
  throw new UserError({
    code: 'ENV_INVALID',
    message: `LISTEN_HOST is ${quote(found)}, allowed: an IPv4 address of this machine, such as 127.0.0.1 or 0.0.0.0`,
    fix: 'set LISTEN_HOST to the address to bind, or leave it out: then it is the configured host',
  });
}

/**
 * The tokens of people and programs, as hashes, checked; handled like a secret. Undefined where nobody has one.
 * @throws UserError ACCESS_TOKENS_INVALID
 */
export function readAccessTokens(env: EnvSource): Secret | undefined {
  const given = readSecret(env, 'ACCESS_TOKENS');
  return given === undefined || parseAccessTokens(given).length === 0 ? undefined : given;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/**
 * Reads what a service takes from its environment. It types and completes; whether the values are
 * *allowed* is the credential policy's business, which runs on the raw environment.
 */
export function readRuntimeEnv(env: EnvSource, system: SystemConfig): RuntimeEnv {
  const logLevel = env['LOG_LEVEL'] ?? system.logging.level;
  if (!LOG_LEVELS.includes(logLevel)) {
    throw new UserError({
      code: 'ENV_INVALID',
      message: `LOG_LEVEL is ${quote(logLevel)}, allowed: ${LOG_LEVELS.join(', ')}`,
      fix: 'set LOG_LEVEL to one of these',
    });
  }
  const { host, port, name, user } = system.database;
  return {
    environment: system.environment,
    dryRun: readBoolean(env, 'DRY_RUN', true),
    alpacaPaper: readBoolean(env, 'ALPACA_PAPER', true),
    alpacaApiKey: readSecret(env, 'ALPACA_API_KEY') ?? new Secret(''),
    alpacaSecretKey: readSecret(env, 'ALPACA_SECRET_KEY') ?? new Secret(''),
    alpacaBaseUrl: env['ALPACA_BASE_URL'] ?? system.alpaca.base_url,
    databaseUrl: readSecret(env, 'DATABASE_URL') ?? new Secret(`postgres://${user}@${host}:${port}/${name}`),
    apiToken: readSecret(env, 'API_TOKEN'),
    accessTokens: readAccessTokens(env),
    ...readListenHost(env),
    ...(env['BUS_KEY_FILE'] === undefined || env['BUS_KEY_FILE'] === '' ? {} : { busKeyFile: env['BUS_KEY_FILE'] }),
    logLevel,
    releaseSha: env['RELEASE_SHA'] ?? 'unreleased',
  };
}
