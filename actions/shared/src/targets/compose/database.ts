import { ExternalError, Secret } from '@papergate/config';
import type { DatabaseAccess, Place } from '../../deliver/types.ts';
import { containersOf } from './containers.ts';
import type { Docker } from './docker.ts';
import { placeSecret } from './secret-files.ts';

/** The password comes from its file in the container: no argument and no variable of docker shows it. */
const WITH_PASSWORD = 'PGPASSWORD=$(cat /run/secrets/POSTGRES_PASSWORD); export PGPASSWORD; exec "$0" "$@"';
const DUMP_MS = 6 * 3_600_000;

/** The place's PostgreSQL, through the port that it publishes on the host's loopback. */
export async function databaseOf({
  docker,
  place,
  secrets,
}: {
  docker: Docker;
  place: Place;
  secrets: ReadonlyMap<string, Secret>;
}): Promise<DatabaseAccess> {
  const all = await containersOf(docker, { project: place.project, service: 'postgres' });
  const postgres = all.find(({ running, oneOff }) => running && !oneOff);
  const port = postgres?.ports.find(({ target }) => target === 5432)?.published;
  if (postgres === undefined || port === undefined) {
    throw new ExternalError({
      code: 'DATABASE_UNREACHABLE',
      message: `PostgreSQL of ${place.project} does not run`,
      fix: 'deploy a release: that brings it up; its data are kept in their volume',
    });
  }
  const [owner, password] = await Promise.all([
    placeSecret(place, secrets, 'DATABASE_URL'),
    placeSecret(place, secrets, 'POSTGRES_PASSWORD'),
  ]);
  if (owner === undefined || password === undefined) {
    throw new ExternalError({
      code: 'DATABASE_UNREACHABLE',
      message: `the place ${place.dir} has lost its database passwords (secrets/DATABASE_URL, secrets/POSTGRES_PASSWORD)`,
      fix: 'put the files back from a backup, or set new passwords in the database and in the files',
    });
  }
  const local = String(await place.host.forward(port));
  const url = new URL(owner.reveal());
  url.hostname = '127.0.0.1';
  url.port = local;
  const admin = new URL(url);
  admin.username = 'postgres';
  admin.password = encodeURIComponent(password.reveal());
  return {
    url: new Secret(url.href),
    adminUrl: new Secret(admin.href),
    program: (name, args, { stdin, stdout, signal }) => {
      const run = ['exec', '-i', postgres.id, 'sh', '-c', WITH_PASSWORD, name, ...args];
      return docker.run(run, {
        timeoutMs: DUMP_MS,
        signal,
        ...(stdin === undefined ? {} : { stdin }),
        ...(stdout === undefined ? {} : { stdout }),
      });
    },
    close: () => Promise.resolve(),
  };
}
