import { posix } from 'node:path';
import { checkRiskLimitsOfRelease, loadSystemConfig, Secret } from '@papergate/config';
import { monitoringImages, resolveSecrets, SECRETS } from '../../composition/index.ts';
import { pathsOf } from '../../deliver/place.ts';
import type { DeliveryTarget, Place } from '../../deliver/types.ts';
import { findCredentials, type Credentials } from '../../registry/http/credentials.ts';
import type { Manifest } from '../../release/index.ts';
import { composeTarget } from '../../targets/compose/index.ts';
import type { OpenOptions } from './open.ts';
import type { PlaceSettings } from './settings.ts';
import { sourceOf } from './source.ts';

export interface OpenCompose extends Omit<OpenOptions, 'settings' | 'next'> {
  place: Place;
  settings: PlaceSettings;
  next: Manifest | undefined;
}

/** A Docker Engine as a target, with the secrets that the place has and those that its next release needs. */
export async function openCompose(options: OpenCompose): Promise<DeliveryTarget> {
  const { place, settings, next, env } = options;
  // An engine here finds this user's logins by itself.
  const auth = place.host.name === 'local' || next === undefined ? undefined : await loginFor(settings, next, env);
  return composeTarget({
    place,
    env,
    releaseSource: (manifest) => sourceOf(options, manifest),
    ports: settings.ports,
    monitoring: settings.monitoring ? monitoringImages(env) : undefined,
    gate: options.gate,
    // A call that delivers nothing new leaves them as they are.
    secrets: next === undefined ? await keptSecrets(place) : await secretsFor(options, next),
    ...(auth === undefined ? {} : { dockerAuth: auth }),
  });
}

/** What opens the registry for an engine elsewhere, as docker's `config.json` has it; lent for the time of a pull. */
async function loginFor(
  { registry }: PlaceSettings,
  { images = {} }: Manifest,
  env: OpenOptions['env'],
): Promise<Secret | undefined> {
  const namespaces = [
    ...(registry === undefined ? [] : [registry]),
    ...Object.values(images).map((image) => image.repository),
  ];
  const auths: Record<string, Record<string, string>> = {};
  for (const host of new Set(namespaces.map((name) => name.split('/')[0] ?? ''))) {
    const found = await findCredentials(host, env);
    if (found !== undefined) auths[host] = entryOf(found);
  }
  return Object.keys(auths).length === 0 ? undefined : new Secret(JSON.stringify({ auths }));
}

function entryOf(found: Credentials): Record<string, string> {
  if (found.kind === 'identity') return { identitytoken: found.token.reveal() };
  if (found.kind === 'bearer') return { registrytoken: found.token.reveal() };
  return { auth: Buffer.from(`${found.username}:${found.password.reveal()}`).toString('base64') };
}

async function secretsFor(options: OpenCompose, next: Manifest): Promise<ReadonlyMap<string, Secret>> {
  const { place, settings, env } = options;
  const { configDir } = await sourceOf(options, next);
  const system = loadSystemConfig(configDir, place.environment);
  // Only a service reads them, and by then something has been stopped for it.
  checkRiskLimitsOfRelease(configDir, place.environment);
  const existing = await keptSecrets(place);
  return resolveSecrets({ environment: place.environment, env, existing, system, monitoring: settings.monitoring });
}

/** What the place keeps of its secrets: files below its folder, read by whoever may deliver to it. */
async function keptSecrets(place: Place): Promise<Map<string, Secret>> {
  const folder = pathsOf(place).secrets;
  const names = new Set(await place.host.files.list(folder));
  const found = await Promise.all(
    SECRETS.filter(({ name }) => names.has(name)).map(
      async ({ name }) => [name, await place.host.files.read(posix.join(folder, name))] as const,
    ),
  );
  return new Map(found.flatMap(([name, text]) => (text === undefined ? [] : [[name, new Secret(text.trimEnd())]])));
}
