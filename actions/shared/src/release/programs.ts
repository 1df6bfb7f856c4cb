import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeAtomic } from '../home/index.ts';
import { run } from '../process/run.ts';
import { entryOf } from './describe.ts';
import type { Release } from './index.ts';

/** File of each service's program, by the service's name, relative to the release. */
export type Programs = Readonly<Record<string, string>>;

/** Says which programs were made of which manifest; written last. */
const STAMP = join('node_modules', '.papergate-programs.json');

interface Stamp {
  manifest: string;
  programs: Record<string, { path: string; sha256: string }>;
}

// In a folder of packages, since no digest of a release counts those; and in the service's own, so that node finds
// what the sources would find. The id is in the path: what runs is never written over.
const placeOf = (service: string, id: string): string =>
  posix.join('services', service, 'node_modules', '.papergate-programs', id, 'main.mjs');

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** The programs of a release, if they were made of this very manifest and are as they were made; else none. */
export function programsOf({ dir, manifest }: Release): Programs {
  try {
    const stamp = JSON.parse(readFileSync(join(dir, STAMP), 'utf8')) as Stamp;
    const made = Object.entries(stamp.programs);
    const asMade = made.every(([, { path, sha256: wanted }]) => sha256(join(dir, path)) === wanted);
    if (stamp.manifest !== manifest.digest || !asMade) return {};
    return Object.fromEntries(made.map(([name, { path }]) => [name, path]));
  } catch {
    // Not made, or half made.
    return {};
  }
}

export interface MadePrograms {
  programs: Programs;
  /** Why there are none; the services then run from their sources. */
  problem?: string;
}

/**
 * Makes one file of each service's sources, types taken out. A process that starts from it holds no compiler for types,
 * no sources and a sixth of the modules: a third less memory. Packages are not in it; they stay as they are installed.
 */
export async function makePrograms(release: Release, signal?: AbortSignal): Promise<MadePrograms> {
  const { dir, manifest } = release;
  const kept = programsOf(release);
  if (Object.keys(kept).length > 0) return { programs: kept };
  const made = await bundlePrograms(dir, Object.keys(manifest.services), shortOf(manifest.digest), signal);
  if (made.problem !== undefined) return made;
  const programs = Object.fromEntries(
    Object.entries(made.programs).map(([name, path]) => [name, { path, sha256: sha256(join(dir, path)) }]),
  );
  writeAtomic(join(dir, STAMP), JSON.stringify({ manifest: manifest.digest, programs } satisfies Stamp), 0o644);
  return made;
}

const shortOf = (digest: string): string => digest.replace('sha256:', '').slice(0, 12);

/** As {@link makePrograms}, of a tree that is no release; whoever makes them so removes them. */
export async function bundlePrograms(
  dir: string,
  services: readonly string[],
  id: string,
  signal?: AbortSignal,
): Promise<MadePrograms> {
  const programs = Object.fromEntries(services.map((name) => [name, placeOf(name, id)]));
  const wanted = services.map((name) => ({ entry: entryOf(name), outfile: placeOf(name, id) }));
  const bundler = fileURLToPath(new URL('programs.mjs', import.meta.url));
  const { code, stdout, stderr } = await run(process.execPath, [bundler, JSON.stringify({ dir, programs: wanted })], {
    cwd: dir,
    signal,
  });
  const problem = code === 0 ? (JSON.parse(stdout) as { problem?: string }).problem : lastLine(stderr);
  return problem === undefined ? { programs } : { programs: {}, problem };
}

/** Removes what {@link bundlePrograms} made. */
export function removePrograms(dir: string, programs: Programs): void {
  for (const path of Object.values(programs)) {
    rmSync(join(dir, posix.dirname(path)), { recursive: true, force: true });
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
