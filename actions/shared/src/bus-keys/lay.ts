import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { BUS_SERVICES, busKeyFiles, errorCode, Secret, UserError, type ServiceName } from '@papergate/config';
import { variableName } from '../composition/names.ts';
import { fileError } from '../host/errors.ts';
import type { Host } from '../host/types.ts';

/** The one secret of a place that all keys of its bus follow from. No service is given it. */
export const BUS_SEED = 'BUS_SEED';

/** Name of the file with a service's keys, in the place's `secrets/`; for example BUS_KEY_MARKET_DATA. */
export const busKeyName = (service: ServiceName): string => `BUS_KEY_${variableName(service)}`;

const SERVICES = new Map(BUS_SERVICES.map((service) => [busKeyName(service), service]));

export const isBusKey = (name: string): boolean => SERVICES.has(name);

/**
 * Writes the keys of the bus that are missing or were changed, each service's in a file of its own. The seed is made once a
 * place, and from then on every deploy and rollback writes the same: a release and the one before it know each other's keys.
 *
 * @param names of the files that are wanted
 * @param mode of these files
 * @throws UserError BUS_SEED_INVALID, BUS_SEED_UNSAFE
 */
export async function layBusKeys(options: {
  host: Pick<Host, 'files' | 'run' | 'name'>;
  /** The place's `secrets/`. */
  folder: string;
  names?: readonly string[];
  mode?: number;
}): Promise<void> {
  const { host, folder, names = [...SERVICES.keys()], mode = 0o600 } = options;
  const wanted = names.filter(isBusKey);
  if (wanted.length === 0) return;
  const { files } = host;
  await files.makeDir(folder, 0o700);
  const made = busKeyFiles(await seedOf(host, folder));
  await Promise.all(
    wanted.map(async (name) => {
      const service = SERVICES.get(name);
      const text = service === undefined ? undefined : made.get(service)?.reveal();
      const path = posix.join(folder, name);
      if (text === undefined || (await files.read(path)) === text) return;
      await files.write(path, text, mode);
    }),
  );
}

/** The place's seed, made where there is none; of two that make one at the same moment both take the first. */
async function seedOf(host: Pick<Host, 'files' | 'run' | 'name'>, folder: string): Promise<Secret> {
  const { files } = host;
  const path = posix.join(folder, BUS_SEED);
  if ((await files.read(path)) === undefined) {
    const unfinished = `${path}.${randomBytes(6).toString('hex')}`;
    await files.write(unfinished, `${randomBytes(32).toString('base64url')}\n`, 0o600);
    try {
      await files.link(unfinished, path);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    } finally {
      await files.remove(unfinished);
    }
  }
  await refuseUnsafe(host, path);
  return new Secret(((await files.read(path)) ?? '').trimEnd());
}

async function refuseUnsafe(host: Pick<Host, 'run' | 'name'>, path: string): Promise<void> {
  const { code, stdout, stderr } = await host.run('find', [path, '-prune', '-perm', '/077']);
  if (code !== 0) throw fileError(host.name, `look at the mode of ${path}`, stderr.trim());
  if (stdout.trim() === '') return;
  throw new UserError({
    code: 'BUS_SEED_UNSAFE',
    message: `${path}, which all keys of the bus follow from, can be read or written by others than its owner`,
    fix: `chmod 600 ${path}; where somebody may have read it, stop the bundle and take new keys with "npx papergate bus-keys --rotate"`,
  });
}

/** Takes the keys of a place away, so that its next deploy makes others. Services that run keep theirs until they end. */
export async function removeBusKeys({ files }: Pick<Host, 'files'>, folder: string): Promise<string[]> {
  const there = (await files.list(folder)).filter((name) => name === BUS_SEED || isBusKey(name)).toSorted();
  // The seed first: what follows from it is written anew whenever it is missing.
  for (const name of there.toReversed()) await files.remove(posix.join(folder, name));
  return there;
}
