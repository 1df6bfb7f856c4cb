import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, PruneResult } from '../../deliver/types.ts';
import type { Home } from '../../home/index.ts';
import { settlePlace } from '../../postgres/place.ts';
import type { Manifest } from '../../release/index.ts';
import { releaseFolder, removeRecord } from './release.ts';

/** Trees that other targets of this home made lately stay as well, so many of them. */
const OTHERS = 5;

/** Removes the records of all releases but these, and their trees where nobody else has used them lately. */
export function pruneTrees(home: Home, place: Place, keep: readonly Manifest[]): PruneResult {
  const records = new Set(keep.map(({ digest }) => releaseFolder(place, digest)));
  const folder = join(place.dir, 'releases');
  for (const name of namesIn(folder).filter((found) => !records.has(join(folder, found)))) removeRecord(place, name);

  const kept = new Set(keep.map(({ commit }) => commit));
  const others = namesIn(home.releases)
    .filter((name) => !kept.has(name) && !name.startsWith('.'))
    .map((name) => ({ name, used: statSync(join(home.releases, name)).mtimeMs }))
    .sort((a, b) => b.used - a.used)
    .slice(OTHERS);
  let freedBytes = 0;
  for (const { name } of others) {
    freedBytes += sizeOf(join(home.releases, name));
    rmSync(join(home.releases, name), { recursive: true, force: true });
  }
  return { removed: others.map(({ name }) => name), freedBytes };
}

/** The database of every staging of this home, and what its exchanges kept. */
export function removeData(home: Home): void {
  // As root its data may lie elsewhere, where PostgreSQL's own user can go.
  rmSync(settlePlace(home.postgres).data, { recursive: true, force: true });
  for (const name of namesIn(home.postgres)) rmSync(join(home.postgres, name), { recursive: true, force: true });
  rmSync(join(home.dir, 'exchange'), { recursive: true, force: true });
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

// Links are not followed: the packages of a release are those of the checkout.
function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sum + sizeOf(path);
    return sum + (entry.isFile() ? statSync(path).size : 0);
  }, 0);
}
