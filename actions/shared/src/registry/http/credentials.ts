import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, ExternalError, Secret, UserError, type EnvSource } from '@papergate/config';
import { run } from '../../process/run.ts';
import { dockerEnvironment } from '../docker-env.ts';

/** What opens a registry. Identity tokens are for its token service only (docker's `identitytoken`). */
export type Credentials =
  | { kind: 'password'; username: string; password: Secret }
  | { kind: 'identity'; token: Secret }
  | { kind: 'bearer'; token: Secret };

interface DockerConfig {
  auths?: Record<string, Record<string, unknown>>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/** How docker's configuration names Docker Hub. */
const HUB = 'https://index.docker.io/v1/';
const HELPER_TIMEOUT_MS = 15_000;

/**
 * What docker knows of a registry: `$DOCKER_CONFIG/config.json` (else `~/.docker`), with its credential helpers, in
 * docker's order: the registry's own helper, the default store, the file.
 * @throws UserError DOCKER_CONFIG_INVALID; ExternalError CREDENTIAL_HELPER_FAILED
 */
export async function findCredentials(registry: string, env: EnvSource): Promise<Credentials | undefined> {
  const config = readDockerConfig(env);
  const keys = registry === 'docker.io' ? [HUB, 'docker.io', 'index.docker.io'] : [registry, `https://${registry}`];
  const helper = keys.map((key) => config.credHelpers?.[key]).find((name) => name !== undefined) ?? config.credsStore;
  if (helper !== undefined && helper !== '') {
    const found = await askHelper(helper, keys[0] ?? registry, env);
    if (found !== undefined) return found;
  }
  for (const key of [...keys, ...keys.flatMap((one) => [`${one}/`, `${one}/v1/`, `${one}/v2/`])]) {
    const found = config.auths?.[key];
    const credentials = found === undefined ? undefined : fromEntry(found);
    if (credentials !== undefined) return credentials;
  }
  return undefined;
}

function readDockerConfig(env: EnvSource): DockerConfig {
  const dir = env['DOCKER_CONFIG'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.docker'));
  if (dir === undefined) return {};
  const path = join(dir, 'config.json');
  const invalid = (why: string): UserError =>
    new UserError({
      code: 'DOCKER_CONFIG_INVALID',
      message: `${path} ${why}`,
      fix: 'mend the file, or remove it and log in again with "docker login"',
    });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return {};
    throw invalid(`cannot be read (${errorCode(error) ?? 'unknown error'})`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes what stands there, which may be a password.
    throw invalid('is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('is not a JSON object');
  const { auths, credHelpers, credsStore } = value as Record<string, unknown>;
  const isObject = (held: unknown): boolean => held === undefined || (typeof held === 'object' && held !== null);
  if (!isObject(auths) || !isObject(credHelpers)) throw invalid('has "auths" or "credHelpers" that are no objects');
  if (credsStore !== undefined && typeof credsStore !== 'string') throw invalid('has a "credsStore" that is no text');
  return value;
}

function fromEntry(entry: Record<string, unknown>): Credentials | undefined {
  const text = (key: string): string | undefined => {
    const value = entry[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const identity = text('identitytoken');
  if (identity !== undefined) return { kind: 'identity', token: new Secret(identity) };
  const bearer = text('registrytoken');
  if (bearer !== undefined) return { kind: 'bearer', token: new Secret(bearer) };
  const auth = text('auth');
  if (auth !== undefined) {
    const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon > 0) {
      return {
        kind: 'password',
        username: decoded.slice(0, colon),
        password: new Secret(decoded.slice(colon + 1)),
      };
    }
  }
  const username = text('username');
  const password = text('password');
  if (username === undefined || password === undefined) return undefined;
  return { kind: 'password', username, password: new Secret(password) };
}

/** https://github.com/docker/docker-credential-helpers: `get`, the server on stdin, JSON on stdout. */
async function askHelper(helper: string, server: string, env: EnvSource): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const failed = (why: string): ExternalError =>
    new ExternalError({
      code: 'CREDENTIAL_HELPER_FAILED',
      message: `${program}, which docker's configuration names for ${server}, ${why}`,
      fix: `put ${program} on the PATH and log in again, or take it out of docker's config.json`,
    });
  if (!/^[\w.-]+$/.test(helper)) throw failed('is not the name of a program');
  let result;
  try {
    result = await run(program, ['get'], {
      input: server,
      env: dockerEnvironment(env),
      signal: AbortSignal.timeout(HELPER_TIMEOUT_MS),
    });
  } catch (error) {
    const code = errorCode(error);
    throw failed(code === 'ENOENT' ? 'is not installed' : `cannot be run (${code ?? 'no answer'})`);
  }
  if (/credentials not found/i.test(result.stdout + result.stderr)) return undefined;
  // What a failing helper prints may hold what it was about to hand out: none of it goes into a message.
  if (result.code !== 0) throw failed(`ended with exit code ${String(result.code)}`);
  let answer: unknown;
  try {
    answer = JSON.parse(result.stdout);
  } catch {
    throw failed('did not answer with JSON');
  }
  const { Username: username, Secret: secret } = (answer ?? {}) as Record<string, unknown>;
  if (typeof username !== 'string' || typeof secret !== 'string') throw failed('answered without Username and Secret');
  if (secret === '') return undefined;
  if (username === '<token>') return { kind: 'identity', token: new Secret(secret) };
  return { kind: 'password', username, password: new Secret(secret) };
}
