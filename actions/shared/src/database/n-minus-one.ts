import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError, messageOf } from '@papergate/config';
import { run } from '../process/run.ts';
import { makeRelease } from '../release/index.ts';

/** Where a release keeps its migrations, from its root. */
export const MIGRATIONS_FOLDER = 'services/shared/migrations';

/** The application that was the present one until a migration came: it has to work on the schema after it, too. */
export interface OlderApplication {
  /** `0002_notes` */
  migration: string;
  /** Its last commit without the migration. */
  commit: string;
}

/**
 * For every migration but the first, the application before it.
 * @throws ExternalError HISTORY_MISSING where the clone does not go back so far
 */
export async function applicationsBefore(repository: string): Promise<OlderApplication[]> {
  const files = readdirSync(join(repository, MIGRATIONS_FOLDER))
    .filter((name) => name.endsWith('.sql'))
    .toSorted();
  const applications: OlderApplication[] = [];
  for (const file of files.slice(1)) {
    const path = `${MIGRATIONS_FOLDER}/${file}`;
    // It may have been removed and added again: the first time counts.
    const added = (await git(repository, ['log', '--diff-filter=A', '--reverse', '--format=%H', '--', path]))
      .split('\n')
      .find((line) => line !== '');
    // One that is not committed yet comes on top of what is.
    const commit = await git(repository, ['rev-parse', '--verify', added === undefined ? 'HEAD' : `${added}^`]);
    applications.push({ migration: file.replace(/\.sql$/, ''), commit });
  }
  return applications;
}

async function git(repository: string, args: string[]): Promise<string> {
  const failed = (why: string, cause?: unknown): ExternalError =>
    new ExternalError({
      code: 'HISTORY_MISSING',
      message: `the application before a migration cannot be found in ${repository}: ${why}`,
      fix: 'this needs the whole history: git fetch --unshallow (in GitHub Actions: fetch-depth: 0)',
      cause,
    });
  const { code, stdout, stderr } = await run('git', ['-C', repository, ...args]).catch((error: unknown) => {
    throw failed(messageOf(error), error);
  });
  if (code !== 0) throw failed(stderr.trim());
  return stdout.trim();
}

/**
 * Lays out an older application with the schema after it: its own tree, and beside its own migrations those that came
 * up to this one. What starts it applies them all. Its packages are the caller's to provide.
 * @returns the folder
 */
export async function layOlderApplication({
  repository,
  application,
  into,
}: {
  repository: string;
  application: OlderApplication;
  into: string;
}): Promise<string> {
  const { dir } = await makeRelease(repository, into, application.commit);
  const folder = join(repository, MIGRATIONS_FOLDER);
  mkdirSync(join(dir, MIGRATIONS_FOLDER), { recursive: true });
  for (const file of readdirSync(folder)) {
    if (file.replace(/\.sql$/, '') > application.migration) continue;
    copyFileSync(join(folder, file), join(dir, MIGRATIONS_FOLDER, file));
  }
  return dir;
}
