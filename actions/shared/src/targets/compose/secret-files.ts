import { posix } from 'node:path';
import { Secret } from '@papergate/config';
import { isBusKey, layBusKeys } from '../../bus-keys/index.ts';
import { READERS, SECRETS, type ComposeModel } from '../../composition/index.ts';
import { pathsOf } from '../../deliver/place.ts';
import type { Fence, Place } from '../../deliver/types.ts';
import { fileError } from '../../host/errors.ts';
import { secretMissing } from './errors.ts';

/** Names of the files that these containers are given. */
export function neededSecrets(...models: readonly ComposeModel[]): string[] {
  const names = models.flatMap(({ secrets = {} }) => Object.values(secrets).map(({ file }) => posix.basename(file)));
  return [...new Set(names)].sort();
}

/** @throws UserError PLACE_SECRET_MISSING */
export async function checkSecrets(
  place: Place,
  given: ReadonlyMap<string, Secret>,
  needed: readonly string[],
): Promise<void> {
  const there = await place.host.files.list(pathsOf(place).secrets);
  const missing = needed.filter((name) => !given.has(name) && !isBusKey(name) && !there.includes(name));
  if (missing.length > 0) throw secretMissing(missing);
}

/**
 * Writes the secrets that are new or have changed. Under root each belongs to the one user that reads it in its
 * container, and to nobody else; any other user cannot give files away, so there the folder (0700) is the lock.
 */
export async function writeSecrets(
  place: Place,
  given: ReadonlyMap<string, Secret>,
  needed: readonly string[],
  fence: Fence,
): Promise<void> {
  const { files } = place.host;
  const folder = pathsOf(place).secrets;
  await fence.assertHeld();
  await files.makeDir(folder, 0o700);
  const root = (await place.host.run('id', ['-u'])).stdout.trim() === '0';
  const writeOne = async (name: string): Promise<void> => {
    const secret = given.get(name);
    if (secret === undefined) return;
    const path = posix.join(folder, name);
    if ((await files.read(path)) === secret.reveal()) return;
    await files.write(path, secret.reveal(), root ? 0o400 : 0o444);
  };
  await Promise.all(needed.map(writeOne));
  await layBusKeys({ host: place.host, folder, names: needed, mode: root ? 0o400 : 0o444 });
  if (root)
    await giveToReaders(
      place,
      needed.filter((name) => given.has(name) || isBusKey(name)),
    );
}

/** Also those that did not change: a deployer may have been killed between writing one and giving it away. */
async function giveToReaders(place: Place, names: readonly string[]): Promise<void> {
  const readers = new Map<number, string[]>();
  for (const name of names) {
    const reader = SECRETS.find((spec) => spec.name === name)?.reader ?? READERS.service;
    readers.set(reader, [...(readers.get(reader) ?? []), posix.join(pathsOf(place).secrets, name)]);
  }
  await Promise.all(
    [...readers].map(async ([reader, paths]) => {
      const { code, stderr } = await place.host.run('chown', [`${reader}:${reader}`, '--', ...paths]);
      if (code !== 0) throw fileError(place.host.name, `give secrets to user ${reader}`, stderr.trim());
    }),
  );
}

/** One secret of the place: the caller's, else the file there. */
export async function placeSecret(
  place: Place,
  given: ReadonlyMap<string, Secret>,
  name: string,
): Promise<Secret | undefined> {
  const own = given.get(name);
  if (own !== undefined) return own;
  const text = await place.host.files.read(posix.join(pathsOf(place).secrets, name));
  return text === undefined || text.trim() === '' ? undefined : new Secret(text.trim());
}
