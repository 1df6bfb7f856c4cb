import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Place } from '../../deliver/types.ts';
import { homeOf, makeHome, type Home } from '../../home/index.ts';
import type { Manifest } from '../../release/index.ts';
import { pruneTrees } from './prune.ts';
import { releaseFolder } from './release.ts';

let dir: string;
let home: Home;
let place: Place;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-prune-'));
  home = makeHome(homeOf('', dir));
  place = { dir: join(dir, 'places', 'process') } as Place;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const manifest = (index: number): Manifest => {
  const digit = index.toString(16);
  return { commit: digit.repeat(40), digest: `sha256:${digit.repeat(64)}` } as Manifest;
};

/** A release with its tree of 1000 bytes, last used in the given minute. */
function layOut(index: number): Manifest {
  const made = manifest(index);
  const tree = join(home.releases, made.commit);
  mkdirSync(join(tree, 'services'), { recursive: true });
  writeFileSync(join(tree, 'services', 'main.ts'), 'x'.repeat(1000));
  utimesSync(tree, new Date(2026, 0, 1, 0, index), new Date(2026, 0, 1, 0, index));
  mkdirSync(releaseFolder(place, made.digest), { recursive: true });
  return made;
}

describe('what a staging of processes keeps', () => {
  test('records of the good releases, their trees, and five other trees that were used last', () => {
    const all = Array.from({ length: 12 }, (_, index) => layOut(index + 1));
    const good = all.slice(0, 3);
    const { removed, freedBytes } = pruneTrees(home, place, good);
    expect(readdirSync(join(place.dir, 'releases')).sort()).toEqual(
      good.map(({ digest }) => digest.slice('sha256:'.length, 19)).sort(),
    );
    const kept = [...good, ...all.slice(-5)].map(({ commit }) => commit).sort();
    expect(readdirSync(home.releases).sort()).toEqual(kept);
    expect(removed.sort()).toEqual(
      all
        .slice(3, 7)
        .map(({ commit }) => commit)
        .sort(),
    );
    expect(freedBytes).toBe(4000);
    expect(pruneTrees(home, place, good)).toEqual({ removed: [], freedBytes: 0 });
  });
});
