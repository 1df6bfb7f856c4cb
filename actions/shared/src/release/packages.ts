import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ExternalError } from '@papergate/config';
import { run } from '../process/run.ts';

/** How a release got its third-party packages. */
export type PackageSource = 'linked' | 'installed';

const OWN_SCOPE = '@papergate';

interface LockFile {
  packages?: Record<string, { link?: boolean; resolved?: string; version?: string; integrity?: string }>;
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
  rmSync(join(release, 'node_modules'), { recursive: true, force: true });
  if (samePackages(checkout, release)) {
    linkPackages(checkout, release);
    return 'linked';
  }
  onProgress?.('this commit needs other packages than the checkout has; installing them');
  await install(release, signal);
  return 'installed';
}

function readLock(path: string): LockFile {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as LockFile) : {};
}

// What is installed is told by npm's own record in node_modules, not by the checkout's lock file, which may be newer.
// A package that this platform leaves out is missing there, and may be.
function samePackages(checkout: string, release: string): boolean {
  const installed = readLock(join(checkout, 'node_modules', '.package-lock.json')).packages ?? {};
  const wanted = readLock(join(release, 'package-lock.json')).packages ?? {};
  const links = Object.entries(wanted).filter(([, entry]) => entry.link === true);
  const workspaces = new Set(links.map(([, entry]) => entry.resolved ?? ''));
  const ours = new Set([...links.map(([path]) => path), ...workspaces, '']);
  const thirdParty = (all: NonNullable<LockFile['packages']>): [string, string][] =>
    Object.entries(all)
      .filter(([path, entry]) => !ours.has(path) && entry.link !== true && path.includes('node_modules/'))
      .map(([path, entry]) => [path, entry.integrity ?? entry.version ?? '']);
  const held = new Map(thirdParty(installed));
  const want = new Map(thirdParty(wanted));
  return [...held].every(([path, integrity]) => want.get(path) === integrity) && coversAll(want, held, wanted);
}

function coversAll(
  want: Map<string, string>,
  held: Map<string, string>,
  lock: NonNullable<LockFile['packages']>,
): boolean {
  return [...want.keys()].every((path) => {
    if (held.has(path)) return true;
    const entry = lock[path] as { optional?: boolean; devOptional?: boolean; peer?: boolean } | undefined;
    return entry?.optional === true || entry?.devOptional === true || entry?.peer === true;
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
  const { code, stderr } = await run('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: release,
    signal,
    env: process.env,
  });
  if (code === 0) return;
  const offline = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENETUNREACH/.test(stderr);
  throw new ExternalError({
    code: 'INSTALL_FAILED',
    message: `the packages of this commit cannot be installed: ${offline ? 'the npm registry cannot be reached' : stderr.trim().split('\n').slice(0, 3).join(' | ')}`,
    fix: offline
      ? 'connect to the network, or ship a commit whose package-lock.json is the checkout’s'
      : 'run "npm ci" in a clone of this commit and mend what it names',
  });
}
