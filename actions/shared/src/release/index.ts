import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { checkManifest, type Manifest } from './manifest.ts';
import { describeRelease } from './describe.ts';
import { extractCommit } from './git.ts';
import { writeAtomic } from '../home/index.ts';

export { resolveCommit, type Commit } from './git.ts';
export { providePackages, type PackageSource } from './packages.ts';
export { checkSources } from './syntax.ts';
export { bundlePrograms, makePrograms, programsOf, removePrograms, type Programs } from './programs.ts';
export { entryOf } from './describe.ts';
export { checkManifest, type Manifest } from './manifest.ts';

export interface Release {
  /** `releases/<sha>`: the tree of the commit, its packages, `manifest.json`. */
  dir: string;
  manifest: Manifest;
}

const MANIFEST = 'manifest.json';

/**
 * The tree of a commit under `releases/<sha>`, with its manifest. It comes into being in one rename. One that is
 * there already is used again only if its files still give the manifest's digests; else it is made anew.
 */
export async function makeRelease(
  repository: string,
  releases: string,
  sha: string,
  signal?: AbortSignal,
): Promise<Release> {
  const dir = join(releases, sha);
  const kept = readRelease(dir, sha);
  if (kept !== undefined) return kept;

  const unfinished = join(releases, `.${sha}.${process.pid}`);
  rmSync(unfinished, { recursive: true, force: true });
  try {
    mkdirSync(unfinished, { recursive: true });
    await extractCommit(repository, sha, unfinished, signal);
    const manifest = describeRelease(unfinished, sha);
    writeAtomic(join(unfinished, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, 0o644);
    rmSync(dir, { recursive: true, force: true });
    renameSync(unfinished, dir);
    return { dir, manifest };
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function readRelease(dir: string, sha: string): Release | undefined {
  const path = join(dir, MANIFEST);
  if (!existsSync(path)) return undefined;
  try {
    const manifest = checkManifest(JSON.parse(readFileSync(path, 'utf8')), path);
    if (describeRelease(dir, sha).digest !== manifest.digest) return undefined;
    utimesSync(dir, new Date(), new Date());
    return { dir, manifest };
  } catch {
    return undefined;
  }
}

/** Removes all releases but those in use and so many others that there are `keep`, and what killed runs left unfinished. */
export function pruneReleases(releases: string, keep: number, inUse: string | readonly string[]): void {
  const used = new Set(typeof inUse === 'string' ? [inUse] : inUse);
  const entries = readdirSync(releases).map((name) => ({ name, path: join(releases, name) }));
  for (const { name, path } of entries) if (name.startsWith('.')) rmSync(path, { recursive: true, force: true });
  const finished = entries
    .filter(({ name }) => !name.startsWith('.') && !used.has(name))
    .map((entry) => ({ ...entry, used: statSync(entry.path).mtimeMs }))
    .sort((a, b) => b.used - a.used);
  for (const { path } of finished.slice(Math.max(0, keep - used.size))) rmSync(path, { recursive: true, force: true });
}
