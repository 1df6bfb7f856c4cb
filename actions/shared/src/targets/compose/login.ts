import { Secret, type EnvSource } from '@papergate/config';
import { findCredentials, type Credentials } from '../../registry/http/credentials.ts';
import { parseImage } from '../../registry/index.ts';
import { parseRepository } from '../../registry/reference.ts';

/** Docker Hub under the name that docker's own configuration has for it. */
const keyOf = (registry: string): string => (registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry);

/** How docker's `config.json` writes a login down (cli/config/configfile). */
function entryOf(credentials: Credentials): Record<string, string> {
  if (credentials.kind === 'identity') return { identitytoken: credentials.token.reveal() };
  if (credentials.kind === 'bearer') return { registrytoken: credentials.token.reveal() };
  const { username, password } = credentials;
  return { auth: Buffer.from(`${username}:${password.reveal()}`).toString('base64') };
}

/** A `config.json` with what this machine knows of the registries of these images; undefined where that is nothing. */
export async function loginFor(images: readonly string[], env: EnvSource): Promise<Secret | undefined> {
  const registries = new Set(images.map((image) => parseRepository(parseImage(image).repository).registry));
  const found = await Promise.all(
    [...registries].map(async (registry) => ({ registry, credentials: await findCredentials(registry, env) })),
  );
  const auths = found.flatMap(({ registry, credentials }) =>
    credentials === undefined ? [] : [[keyOf(registry), entryOf(credentials)] as const],
  );
  return auths.length === 0 ? undefined : new Secret(JSON.stringify({ auths: Object.fromEntries(auths) }));
}
