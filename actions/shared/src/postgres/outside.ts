import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError } from '@papergate/config';
import { commandOf } from '../process/facts.ts';
import { lockHolder } from './server.ts';

export const OUTSIDE_PREFIX = 'papergate-';
const NAME = /^papergate-[0-9a-f]{16}$/;
/** Which state folder an outside folder belongs to. */
const ORIGIN = 'origin';

/** Makes the folder that stands in for `origin`. Anybody can make one in /var/tmp, so one that is there has to be ours. */
export function makeOutside(outside: string, origin: string): void {
  mkdirSync(outside, { recursive: true, mode: 0o711 });
  if (!isOurs(outside)) {
    throw new ExternalError({
      code: 'PG_FOREIGN_FOLDER',
      message: `${outside} is there already and belongs to somebody else`,
      fix: 'find out who made it and remove it',
    });
  }
  chmodSync(outside, 0o711);
  writeFileSync(join(outside, ORIGIN), origin, { mode: 0o600 });
}

function isOurs(path: string): boolean {
  const stat = lstatSync(path);
  return stat.isDirectory() && stat.uid === process.getuid?.();
}

/**
 * Removes outside folders whose state folder is gone: whoever removes a checkout, or a test its temporary folder,
 * knows nothing of them. One in which a server still runs is left alone, and one of which nothing is known.
 */
export function sweepOutside(parent: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    try {
      if (!NAME.test(name) || !isOurs(path)) continue;
      const origin = readFileSync(join(path, ORIGIN), 'utf8');
      if (existsSync(origin) || lockHolder(join(path, 'data'), commandOf) !== undefined) continue;
      rmSync(path, { recursive: true, force: true });
    } catch {
      // Another run sweeps as well, or the folder is none of ours: either way it is not our business.
    }
  }
}
