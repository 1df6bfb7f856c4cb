import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface RecordedDay {
  path: string;
  symbols: string[];
}

/** Where the ticks lie unless `PAPERGATE_TICKS` says otherwise: beside the checkout, since they are nobody's to ship. */
const BESIDE = ['..', 'shared', 'data', 'lean-ticks-20131007'];

/** The folder of LEAN zips (`<symbol>_<yyyymmdd>_<trade|quote>.zip`) and the symbols in it; undefined where there is none. */
export function findRecordedDay(root: string, folder: string | undefined): RecordedDay | undefined {
  const path = folder ?? join(root, ...BESIDE);
  if (!existsSync(path)) return undefined;
  const names = readdirSync(path).map((name) => /^([a-z0-9.]+)_\d{8}_(?:trade|quote)\.zip$/.exec(name)?.[1]);
  const symbols = [...new Set(names.filter((name) => name !== undefined))].map((name) => name.toUpperCase()).toSorted();
  return symbols.length === 0 ? undefined : { path, symbols };
}
