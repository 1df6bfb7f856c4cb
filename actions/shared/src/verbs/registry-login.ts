import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PapergateError, type EnvSource } from '@papergate/config';
import type { ActionContext } from '../action/context.ts';
import { listReleases, parseNamespace } from '../registry/index.ts';
import type { RegistryInputs } from './inputs.ts';
import { inInputs, stray } from './place.ts';
import type { PrivateFolder } from './private.ts';

/** `HOST/NAMESPACE` that the inputs mean. @throws UserError REGISTRY_INVALID */
export function registryNamespace(
  { registry }: Pick<RegistryInputs, 'registry'>,
  { repository }: Pick<ActionContext, 'repository'>,
): string {
  const named = registry ?? `ghcr.io/${repository}`.toLowerCase();
  inInputs(() => parseNamespace(named));
  return named;
}

/**
 * An environment in which docker, and our own client, are logged in at the registry: by a configuration of their own in
 * a folder that goes with the job. That of the runner is left as it is; what it says of plugins, contexts, proxies
 * and other registries holds on.
 * @throws UserError INPUT_INVALID where half of the login is missing
 */
export function loggedIn(env: EnvSource, inputs: RegistryInputs, registry: string, folder: PrivateFolder): EnvSource {
  const { 'registry-username': username, 'registry-token': token } = inputs;
  if (token === undefined) {
    if (username !== undefined) throw stray('registry-username', 'a login, and there is no registry-token', 'add it');
    return env;
  }
  if (username === undefined) {
    throw stray('registry-token', 'a login, and there is no registry-username', 'add it (for ghcr.io: github.actor)');
  }
  const { registry: host } = parseNamespace(registry);
  const before = dockerFolder(env);
  const config = withLogin(readConfig(before), host, `${username}:${token.reveal().trim()}`);
  folder.write('config.json', JSON.stringify(config));
  for (const name of before === undefined ? [] : ['cli-plugins', 'contexts', 'buildx']) {
    const from = join(before ?? '', name);
    if (existsSync(from) && !readdirSync(folder.dir).includes(name)) symlinkSync(from, join(folder.dir, name));
  }
  return { ...env, DOCKER_CONFIG: folder.dir };
}

function dockerFolder(env: EnvSource): string | undefined {
  return env['DOCKER_CONFIG'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.docker'));
}

/** What cannot be read is docker's own to complain of: the login of this job does not depend on it. */
function readConfig(dir: string | undefined): Record<string, unknown> {
  if (dir === undefined) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** A store or a helper would be asked before the file, and answer with the runner's own login. */
function withLogin(config: Record<string, unknown>, host: string, login: string): Record<string, unknown> {
  const { credsStore: _store, credHelpers, auths, ...rest } = config;
  const { [host]: _helper, ...helpers } = objectOf(credHelpers);
  return {
    ...rest,
    credHelpers: helpers,
    auths: { ...objectOf(auths), [host]: { auth: Buffer.from(login).toString('base64') } },
  };
}

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** No login is worth a build of minutes: these are said before it. The others may be about what is not there yet. */
const HOPELESS = new Set(['REGISTRY_UNAUTHORIZED', 'REGISTRY_UNREACHABLE', 'REGISTRY_TLS', 'CREDENTIAL_HELPER_FAILED']);

/**
 * Asks the registry whether it knows us.
 * @throws UserError REGISTRY_UNAUTHORIZED, ExternalError REGISTRY_UNREACHABLE, …
 */
export async function checkLogin(registry: string, env: EnvSource, signal: AbortSignal): Promise<void> {
  try {
    await listReleases({ registry, env, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PapergateError && HOPELESS.has(error.code)) throw error;
  }
}
