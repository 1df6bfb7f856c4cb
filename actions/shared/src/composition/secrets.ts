import { randomBytes } from 'node:crypto';
import {
  demoPaperCredentials,
  parseAccessTokens,
  readSecret,
  Secret,
  UserError,
  type Environment,
  type EnvSource,
  type SystemConfig,
} from '@papergate/config';
import { POSTGRES_CONTAINER_PORT } from './container-config.ts';

/** Users inside the containers, who read the files: the images' own, PostgreSQL, Prometheus, Grafana. */
export const READERS = { service: 10001, postgres: 999, prometheus: 65534, grafana: 472 } as const;

export interface SecretSpec {
  /** Name of its file in the place's `secrets/`, and below /run/secrets in containers. */
  name: string;
  /** The one user that has to read it in its containers: owner of the file where root writes it (0400). */
  reader: number;
  monitoring: boolean;
  /**
   * `given`: the caller's, in its environment under one of these names (or `<NAME>_FILE`), the present one winning over the
   * place's; where there is neither, `otherwise`. `once`: of the caller or made at random at the first deploy, and kept from then on, since the database knows it.
   * `derived`: follows from the others.
   */
  origin: 'given' | 'once' | 'derived';
  from: readonly string[];
  otherwise?: string;
}

/** All secret files that a place needs. */
export const SECRETS: readonly SecretSpec[] = [
  {
    name: 'ALPACA_API_KEY',
    reader: READERS.service,
    monitoring: false,
    origin: 'given',
    from: ['ALPACA_API_KEY', 'ALPACA_PAPER_API_KEY'],
  },
  {
    name: 'ALPACA_SECRET_KEY',
    reader: READERS.service,
    monitoring: false,
    origin: 'given',
    from: ['ALPACA_SECRET_KEY', 'ALPACA_PAPER_API_SECRET'],
  },
  { name: 'API_TOKEN', reader: READERS.service, monitoring: false, origin: 'given', from: ['API_TOKEN'] },
  {
    name: 'ACCESS_TOKENS',
    reader: READERS.service,
    monitoring: false,
    origin: 'given',
    from: ['ACCESS_TOKENS'],
    // A container's secret is a file that has to be there: nobody has a token then but the bundle.
    otherwise: '[]',
  },
  {
    name: 'POSTGRES_PASSWORD',
    reader: READERS.postgres,
    monitoring: false,
    origin: 'once',
    from: ['POSTGRES_PASSWORD'],
  },
  {
    name: 'DATABASE_PASSWORD',
    reader: READERS.postgres,
    monitoring: false,
    origin: 'once',
    from: ['DATABASE_PASSWORD', 'STAGING_DB_PASSWORD'],
  },
  { name: 'DATABASE_URL', reader: READERS.service, monitoring: false, origin: 'derived', from: [] },
  { name: 'PROMETHEUS_TOKEN', reader: READERS.prometheus, monitoring: true, origin: 'derived', from: [] },
  { name: 'GRAFANA_PASSWORD', reader: READERS.grafana, monitoring: true, origin: 'once', from: ['GRAFANA_PASSWORD'] },
];

export interface ResolveSecretsOptions {
  environment: Environment;
  /** The caller's environment. */
  env: EnvSource;
  /** What the place has already, by name. */
  existing: ReadonlyMap<string, Secret>;
  system: Pick<SystemConfig, 'database'>;
  monitoring: boolean;
  /** Random text of at least 32 characters of letters, digits, `-` and `_`. */
  random?: () => string;
}

/**
 * The secrets of a place, by the name of their file. In development the paper keys are demo keys, made once and kept (the
 * simulator's account belongs to them), whatever the caller has; so is the token, unless the caller brings one.
 * @throws UserError SECRET_MISSING naming all that are missing, API_TOKEN_MISSING, ACCESS_TOKENS_INVALID
 */
export function resolveSecrets(options: ResolveSecretsOptions): Map<string, Secret> {
  const { environment, env, existing, system, random = () => randomBytes(32).toString('base64url') } = options;
  const development = environment === 'development';
  const wanted = SECRETS.filter(({ monitoring }) => options.monitoring || !monitoring);
  const demo = development ? demoKeys(existing) : new Map<string, Secret>();
  const secrets = new Map<string, Secret>();
  const missing: string[] = [];
  for (const { name, origin, from, otherwise } of wanted) {
    if (origin === 'derived') continue;
    const given = firstOf(
      env,
      from.filter((one) => environment !== 'production' || !OF_STAGING.test(one)),
    );
    const kept = existing.get(name);
    const mayMake = origin === 'once' || development;
    const found = demo.get(name) ?? (origin === 'once' ? (kept ?? given) : (given ?? kept));
    if (found !== undefined) secrets.set(name, found);
    else if (otherwise !== undefined) secrets.set(name, new Secret(otherwise));
    else if (mayMake) secrets.set(name, new Secret(random()));
    else missing.push(from[0] ?? name);
  }
  if (missing.length > 0) {
    throw new UserError({
      code: 'SECRET_MISSING',
      message: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; ${environment} needs ${missing.length === 1 ? 'it' : 'them'}`,
      fix: `set ${missing.map((name) => `${name} or ${name}_FILE`).join(', ')}`,
    });
  }
  const token = secrets.get('API_TOKEN');
  if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token.reveal())) {
    throw new UserError({
      code: 'API_TOKEN_MISSING',
      message: 'API_TOKEN is shorter than 16 characters or has others than printable ASCII without blanks',
      fix: 'set API_TOKEN (or API_TOKEN_FILE) to random characters, for example of "openssl rand -hex 32"',
    });
  }
  // Before anything is stopped for a service that would refuse it.
  parseAccessTokens(secrets.get('ACCESS_TOKENS') ?? new Secret('[]'));
  for (const { name, origin } of wanted) {
    if (origin === 'derived') secrets.set(name, derive(name, secrets, system));
  }
  return secrets;
}

/** Names of another world than production's: what goes by them is not for real money. */
const OF_STAGING = /^(?:ALPACA_PAPER|STAGING)_/;

/** Both or none: a key without its own secret opens nothing. */
function demoKeys(existing: ReadonlyMap<string, Secret>): Map<string, Secret> {
  const key = existing.get('ALPACA_API_KEY');
  const secret = existing.get('ALPACA_SECRET_KEY');
  const pair = key !== undefined && secret !== undefined ? { key, secret } : demoPaperCredentials();
  return new Map([
    ['ALPACA_API_KEY', pair.key],
    ['ALPACA_SECRET_KEY', pair.secret],
  ]);
}

function firstOf(env: EnvSource, names: readonly string[]): Secret | undefined {
  for (const name of names) {
    const found = readSecret(env, name);
    if (found !== undefined && !found.isEmpty) return found;
  }
  return undefined;
}

function derive(name: string, secrets: ReadonlyMap<string, Secret>, system: ResolveSecretsOptions['system']): Secret {
  if (name === 'PROMETHEUS_TOKEN') return new Secret(secrets.get('API_TOKEN')?.reveal() ?? '');
  return databaseUrl(secrets.get('DATABASE_PASSWORD'), system, 'postgres', POSTGRES_CONTAINER_PORT);
}

/** Of the services' account; `host` and `port` as seen from where it is used. */
export function databaseUrl(
  password: Secret | undefined,
  { database }: Pick<SystemConfig, 'database'>,
  host: string,
  port: number,
): Secret {
  const word = encodeURIComponent(password?.reveal() ?? '');
  return new Secret(`postgres://${database.user}:${word}@${host}:${port}/${database.name}`);
}
