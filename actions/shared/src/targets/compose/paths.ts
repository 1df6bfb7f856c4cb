import { posix } from 'node:path';
import { pathsOf, shortDigest } from '../../deliver/place.ts';
import type { Place } from '../../deliver/types.ts';
import { GATE_FILE } from '../gate.ts';

/** Where the files of one release lie in a place, on its host. */
export interface ReleasePaths {
  dir: string;
  manifest: string;
  compose: string;
  /** The infrastructure as this release wants it. */
  infrastructure: string;
  config: string;
  /** Beside the configuration, which every container of the release may read. */
  gate: string;
  /** Written last: the folder is complete. */
  complete: string;
}

export function releasePaths(place: Pick<Place, 'dir'>, digest: string): ReleasePaths {
  const dir = posix.join(pathsOf(place).releases, shortDigest(digest));
  return {
    dir,
    manifest: posix.join(dir, 'manifest.json'),
    compose: posix.join(dir, 'compose.json'),
    infrastructure: posix.join(dir, 'infrastructure.json'),
    config: posix.join(dir, 'config'),
    gate: posix.join(dir, 'config', GATE_FILE),
    complete: posix.join(dir, 'complete'),
  };
}

/** What belongs to the place and not to a release. */
export function infrastructurePaths({ dir }: Pick<Place, 'dir'>) {
  const folder = posix.join(dir, 'infrastructure');
  return {
    dir: folder,
    /** As it was brought up last. */
    compose: posix.join(folder, 'compose.json'),
    next: posix.join(folder, 'compose.next.json'),
    ports: posix.join(dir, 'ports.json'),
    /** Logins for a pull; there only while one is under way. */
    login: posix.join(dir, 'login'),
  };
}
