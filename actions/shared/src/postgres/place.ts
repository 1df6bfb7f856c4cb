import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { messageOf, UserError } from '@papergate/config';
import { copyBinaries, findBinaries, type Binaries } from './binaries.ts';
import { mayEnter, unprivilegedUser, type OsUser } from './os-user.ts';
import { makeOutside, OUTSIDE_PREFIX, sweepOutside } from './outside.ts';

/** Everything that one cluster needs on disk. */
export interface Place {
  binaries: Binaries;
  user: OsUser | undefined;
  /** Ours: passwords, owner record, log. */
  dir: string;
  /** PostgreSQL's: the data folder, mode 0700, owned by `user`. */
  data: string;
}

/**
 * Settles where the cluster of `dir` lives. Usually that is `dir/data`. As root, the account that runs
 * PostgreSQL may be unable to enter `dir` (a checkout under /root): then the data, and the binaries where
 * they too are out of reach, go to a private folder under /var/tmp that is named after `dir`.
 */
export function settlePlace(requested: string): Place {
  const dir = resolve(requested);
  makeDir(dir);
  const user = unprivilegedUser();
  const binaries = findBinaries();
  if (user === undefined) return { binaries, user, dir, data: makeDataDir(join(dir, 'data'), user) };

  const outside = join(
    privateRoot(),
    `${OUTSIDE_PREFIX}${createHash('sha256').update(realpathSync(dir)).digest('hex').slice(0, 16)}`,
  );
  const reachable = mayEnter(user, dir);
  const binariesReachable = mayEnter(user, join(binaries.root, 'bin'));
  if (!reachable || !binariesReachable) {
    makeOutside(outside, dir);
    sweepOutside(privateRoot());
  }
  return {
    binaries: binariesReachable ? binaries : copyBinaries(binaries, outside),
    user,
    dir,
    data: makeDataDir(join(reachable ? dir : outside, 'data'), user),
  };
}

// /var/tmp survives reboots, /tmp often does not.
function privateRoot(): string {
  return existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
}

function makeDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o755 });
    if (!lstatSync(realpathSync(dir)).isDirectory()) throw new Error('it is not a folder');
  } catch (error) {
    throw new UserError({
      code: 'PG_BAD_FOLDER',
      message: `the database folder ${dir} cannot be made: ${messageOf(error)}`,
      fix: `make ${dirname(dir)} writable or set PAPERGATE_HOME to another folder`,
      cause: error,
    });
  }
}

function makeDataDir(data: string, user: OsUser | undefined): string {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chmodSync(data, 0o700);
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  return data;
}
