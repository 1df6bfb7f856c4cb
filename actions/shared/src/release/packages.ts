import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ExternalError } from '@papergate/config';
import { run, type RunResult } from '../process/run.ts';

/** How a release got its third-party packages. */
export type PackageSource = 'linked' | 'installed';

const OWN_SCOPE = '@papergate';

interface LockEntry {
  link?: boolean;
  resolved?: string;
  version?: string;
  integrity?: string;
  optional?: boolean;
  devOptional?: boolean;
  optionalDependencies?: Record<string, string>;
}

interface LockFile {
  packages?: Record<string, LockEntry>;
}

/**
 * Gives the release its `node_modules`: links to the checkout's packages where its lock file wants the very
 * same ones, else an installation of its own. `@papergate/*` always points into the release itself.
 */
export async function providePackages(
  checkout: string,
  release: string,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((message: string) => void) | undefined } = {},
): Promise<PackageSource> {
  const kept = keptPackages(checkout, release);
  if (kept !== undefined) return kept;
  rmSync(join(release, 'node_modules'), { recursive: true, force: true });
  if (samePackages(checkout, release)) {
    linkPackages(checkout, release);
    stamp(release, 'linked');
    return 'linked';
  }
  onProgress?.('this commit needs other packages than the checkout has; installing them');
  await install(release, signal);
  stamp(release, 'installed');
  return 'installed';
}

/** Says how complete packages came to a release, and for which lock file; written last. */
const STAMP = join('node_modules', '.papergate-packages.json');

function stamp(release: string, source: PackageSource): void {
  mkdirSync(join(release, 'node_modules'), { recursive: true });
  writeFileSync(join(release, STAMP), JSON.stringify({ source, lock: lockDigest(release) }));
}

const lockDigest = (dir: string): string =>
  createHash('sha256')
    .update(readFileSync(join(dir, 'package-lock.json')))
    .digest('hex');

/**
 * Packages that the release has already. They are not made anew: its processes may be running, and going back to it
 * must not need the network. Links are as good as what they lead to.
 */
function keptPackages(checkout: string, release: string): PackageSource | undefined {
  const folder = join(release, 'node_modules');
  try {
    const { source, lock } = JSON.parse(readFileSync(join(release, STAMP), 'utf8')) as {
      source: PackageSource;
      lock: string;
    };
    if (lock !== lockDigest(release)) return undefined;
    if (source === 'installed') return source;
    // The checkout that they lead to may have moved away.
    const whole = readdirSync(folder).every((name) => existsSync(join(folder, name)));
    return whole && samePackages(checkout, release) ? source : undefined;
  } catch {
    return undefined;
  }
}

function readLock(path: string): LockFile {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as LockFile) : {};
}

// What is installed is told by npm's own record in node_modules, not by the checkout's lock file, which may be newer.
// Packages that are there beyond what is wanted do no harm; one that this platform leaves out may be missing.
function samePackages(checkout: string, release: string): boolean {
  const installed = readLock(join(checkout, 'node_modules', '.package-lock.json')).packages ?? {};
  const wanted = readLock(join(release, 'package-lock.json')).packages ?? {};
  return Object.entries(wanted)
    .filter(([path, entry]) => path.includes('node_modules/') && entry.link !== true)
    .every(([path, entry]) => {
      const held = installed[path];
      if (held === undefined) return entry.optional === true || entry.devOptional === true;
      return held.version === entry.version && held.integrity === entry.integrity;
    });
}

function linkPackages(checkout: string, release: string): void {
  linkFolder(join(checkout, 'node_modules'), join(release, 'node_modules'));
  const workspaces = Object.entries(readLock(join(release, 'package-lock.json')).packages ?? {});
  for (const [path, { link, resolved }] of workspaces) {
    if (link !== true || resolved === undefined || !existsSync(join(release, resolved))) continue;
    makeLink(join(release, resolved), join(release, path));
    // npm puts a package whose version differs from the root's into the workspace itself.
    const nested = join(checkout, resolved, 'node_modules');
    if (existsSync(nested)) linkFolder(nested, join(release, resolved, 'node_modules'));
  }
}

function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name === OWN_SCOPE || name.startsWith('.')) continue;
    const source = join(from, name);
    if (name.startsWith('@')) {
      mkdirSync(join(to, name), { recursive: true });
      for (const inner of readdirSync(source)) symlinkSync(realpathSync(join(source, inner)), join(to, name, inner));
    } else {
      symlinkSync(realpathSync(source), join(to, name));
    }
  }
}

function makeLink(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(relative(dirname(path), target), path);
}

async function install(release: string, signal: AbortSignal | undefined): Promise<void> {
  const npm = (...args: string[]): Promise<RunResult> =>
    run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: release, signal, env: process.env });
  let { code, stderr } = await npm('ci');
  // The lock file takes part in the release's digest, so it is never written to.
  if (code !== 0 && lacksOnlyOptional(release, stderr)) ({ code, stderr } = await npm('install', '--no-save'));
  if (code === 0) return;
  const offline = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENETUNREACH/.test(stderr);
  const words = stderr.trim().split('\n').slice(0, 3).join(' | ');
  throw new ExternalError({
    code: 'INSTALL_FAILED',
    message: `the packages of this commit cannot be installed: ${offline ? 'the npm registry cannot be reached' : words}`,
    fix: offline
      ? 'connect to the network, or ship a commit whose package-lock.json is the checkout’s'
      : 'run "npm ci" in a clone of this commit and mend what it names',
  });
}

/**
 * Whether `npm ci` refused the lock file only for optional packages that it leaves out: one that was written
 * against a registry without the packages of other platforms does.
 */
function lacksOnlyOptional(release: string, words: string): boolean {
  const lacking = [...words.matchAll(/(Missing|Invalid): (.+?)@\S* /g)];
  const entries = Object.values(readLock(join(release, 'package-lock.json')).packages ?? {});
  const optional = new Set(entries.flatMap((entry) => Object.keys(entry.optionalDependencies ?? {})));
  return lacking.length > 0 && lacking.every(([, kind, name]) => kind === 'Missing' && optional.has(name ?? ''));
}
