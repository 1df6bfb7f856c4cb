import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_NAMES, UserError } from '@papergate/config';
import { digestOf } from './digest.ts';
import { sealManifest, type Manifest } from './manifest.ts';

const MIGRATIONS = 'services/shared/migrations';
const LOCKFILE = 'package-lock.json';

export const entryOf = (service: string): string => `services/${service}/src/main.ts`;

/** The manifest of a commit's tree. @throws UserError INCOMPLETE_RELEASE where a service has no entry file */
export function describeRelease(dir: string, commit: string): Manifest {
  const missing = [...SERVICE_NAMES.map(entryOf), LOCKFILE].filter((path) => !existsSync(join(dir, path)));
  if (missing.length > 0) {
    throw new UserError({
      code: 'INCOMPLETE_RELEASE',
      message: `commit ${commit} has no ${missing.join(', no ')}`,
      fix: 'commit the files that are named, or ship a commit that has them',
    });
  }
  const services = Object.fromEntries(
    SERVICE_NAMES.map((service) => [
      service,
      {
        entry: entryOf(service),
        digest: digestOf(dir, [`services/${service}`, 'services/shared', 'config', LOCKFILE]),
      },
    ]),
  );
  return sealManifest({
    commit,
    services,
    config_digest: digestOf(dir, ['config']),
    lockfile_digest: digestOf(dir, [LOCKFILE]),
    schema_version: schemaVersion(dir),
  });
}

function schemaVersion(dir: string): string {
  const folder = join(dir, MIGRATIONS);
  if (!existsSync(folder)) return 'none';
  const last = readdirSync(folder)
    .filter((name) => /^\d+.*\.(sql|js|mjs|cjs|ts|mts)$/.test(name))
    .sort()
    .at(-1);
  return last?.replace(/\.[a-z]+$/, '') ?? 'none';
}
