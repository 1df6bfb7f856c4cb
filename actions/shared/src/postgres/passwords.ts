import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError, Secret } from '@papergate/config';

/** The cluster's two passwords: of the superuser, and of the account that the services use. */
export interface Passwords {
  admin: Secret;
  app: Secret;
}

const file = (dir: string): string => join(dir, 'passwords.json');

/** Made once for a cluster and kept in a file that only its owner may read. */
export function keepPasswords(dir: string, clusterExists: boolean): Passwords {
  const path = file(dir);
  if (!existsSync(path)) {
    if (clusterExists) {
      throw new ExternalError({
        code: 'PG_PASSWORDS_LOST',
        message: `the database in ${dir} has data, but its passwords (${path}) are gone`,
        fix: `restore the file, or remove ${dir} to begin with an empty database`,
      });
    }
    const made = { admin: randomBytes(24).toString('hex'), app: randomBytes(24).toString('hex') };
    writeFileSync(`${path}.new`, JSON.stringify(made), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  chmodSync(path, 0o600);
  const kept = JSON.parse(readFileSync(path, 'utf8')) as { admin: string; app: string };
  return { admin: new Secret(kept.admin), app: new Secret(kept.app) };
}
