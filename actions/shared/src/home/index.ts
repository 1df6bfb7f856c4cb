import { accessSync, constants, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { messageOf, UserError } from '@papergate/config';

/** The folder that holds all state of one place: `.papergate/` of the checkout, or `PAPERGATE_HOME`. */
export interface Home {
  dir: string;
  /** Who holds the place. */
  lease: string;
  /** What the supervisor started, by process and start time. */
  supervisor: string;
  releases: string;
  runs: string;
  logs: string;
  postgres: string;
  journal: string;
}

export function homeOf(repository: string, papergateHome: string | undefined): Home {
  const dir = resolve(
    papergateHome === undefined || papergateHome === '' ? join(repository, '.papergate') : papergateHome,
  );
  return {
    dir,
    lease: join(dir, 'lease'),
    supervisor: join(dir, 'supervisor.json'),
    releases: join(dir, 'releases'),
    runs: join(dir, 'runs'),
    logs: join(dir, 'logs'),
    postgres: join(dir, 'pg'),
    journal: join(dir, 'journal.jsonl'),
  };
}

/**
 * Makes a folder and what is missing above it. Not by mkdir's own `recursive`, which never returns where a file
 * system answers "no such file" to the making itself, as /proc does.
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return;
    throw new Error(`${path} is a file`);
  }
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes the folders. Everything is private, except that PostgreSQL's own user may pass through to its data. */
export function makeHome(home: Home): Home {
  try {
    makeFolder(home.dir, 0o711);
    makeFolder(home.postgres, 0o711);
    for (const dir of [home.lease, home.releases, home.runs, home.logs]) makeFolder(dir, 0o700);
    for (const dir of [home.dir, home.lease, home.logs])
      accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UserError({
      code: 'HOME_UNUSABLE',
      message: `the state folder ${home.dir} cannot be used: ${messageOf(error)}`,
      fix: 'make it a folder that this user may write, or set PAPERGATE_HOME to another one',
      cause: error,
    });
  }
  return home;
}

/** Replaces a file in one step: a reader sees the old text or the new one, never half. */
export function writeAtomic(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}.new`;
  writeFileSync(unfinished, text, { mode });
  renameSync(unfinished, path);
}
