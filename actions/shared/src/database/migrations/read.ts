import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf, UserError } from '@papergate/config';

/** One migration file. */
export interface Migration {
  /** Without its extension: `0002_add-notes`. */
  name: string;
  file: string;
  text: string;
  /** Of the file's bytes, hex. */
  sha256: string;
}

/** The migrations of a release, in the order in which they are applied. */
export async function readMigrations(dir: string): Promise<Migration[]> {
  let names: string[];
  try {
    names = (await readdir(dir)).filter((name) => name.endsWith('.sql')).toSorted();
  } catch (error) {
    throw new UserError({
      code: 'MIGRATIONS_UNREADABLE',
      message: `the migrations of the release cannot be read in ${dir}: ${messageOf(error)}`,
      fix: 'make the release anew',
      cause: error,
    });
  }
  return Promise.all(
    names.map(async (file) => {
      const text = await readFile(join(dir, file), 'utf8');
      return { name: basename(file, '.sql'), file, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** How a migration declares itself, in comments at its beginning. */
export interface Declarations {
  /** `-- papergate: contract, needs >= 0007`: what a release needs at least to live with it. */
  needs: string | undefined;
  /** `-- papergate: no transaction` */
  withoutTransaction: boolean;
  /** Lines that begin like a declaration and are none. */
  unknown: string[];
}

export function declarationsOf({ text }: Pick<Migration, 'text'>): Declarations {
  const declared: Declarations = { needs: undefined, withoutTransaction: false, unknown: [] };
  for (const line of text.split('\n')) {
    const said = /^\s*--\s*papergate\s*:\s*(.*?)\s*$/i.exec(line)?.[1];
    if (said === undefined) continue;
    const contract = /^contract,\s*needs\s*>=\s*(\d{4,})\S*$/i.exec(said);
    if (contract !== null) declared.needs = contract[1];
    else if (/^no transaction$/i.test(said)) declared.withoutTransaction = true;
    else declared.unknown.push(line.trim());
  }
  return declared;
}

/**
 * The part of a file that is applied, with its place in the file: from `-- Up Migration` to `-- Down Migration`, as
 * node-pg-migrate cuts it.
 */
export function upPart(text: string): { sql: string; offset: number } {
  const up = text.search(/^\s*--[\s-]*up\s+migration/im);
  const down = text.search(/^\s*--[\s-]*down\s+migration/im);
  if (up < 0) return { sql: text, offset: 0 };
  return { sql: text.slice(up, down < up ? undefined : down), offset: up };
}

/** `0007` of `0007_name`: what migrations are ordered by. */
export const numberOf = (name: string): number => Number(/^\d+/.exec(name)?.[0] ?? 0);
