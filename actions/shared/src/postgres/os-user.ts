import { spawnSync } from 'node:child_process';
import { ExternalError } from '@papergate/config';

/** The operating-system user that PostgreSQL runs as; undefined: the one who runs us. */
export interface OsUser {
  name: string;
  uid: number;
  gid: number;
}

/** Existing accounts without privileges, the best first. */
const CANDIDATES = ['postgres', 'nobody'];

/**
 * PostgreSQL refuses to run as root, so root hands it to an unprivileged account that exists.
 * @returns undefined when we are not root and nothing has to change.
 */
export function unprivilegedUser(getuid: (() => number) | undefined = process.getuid): OsUser | undefined {
  if (getuid?.() !== 0) return undefined;
  for (const name of CANDIDATES) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid };
  }
  throw new ExternalError({
    code: 'PG_NO_OS_USER',
    message: `PostgreSQL does not run as root, and none of the users ${CANDIDATES.join(', ')} exists to run it`,
    fix: 'run as an ordinary user, create the user "postgres", or set DATABASE_URL to a PostgreSQL of your own',
  });
}

function idOf(flag: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
  const id = Number(stdout?.trim());
  return status === 0 && Number.isInteger(id) ? id : undefined;
}

/** The options that make a child run as this user. */
export function asUser(user: OsUser | undefined): { uid?: number; gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid };
}

/** Whether the user gets into a folder; tried, because modes, ACLs and mounts all have a say. */
export function mayEnter(user: OsUser | undefined, dir: string): boolean {
  if (user === undefined) return true;
  return (
    spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', dir], { ...asUser(user), cwd: '/', stdio: 'ignore' }).status === 0
  );
}
