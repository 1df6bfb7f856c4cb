import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '@papergate/config';
import { mistakes } from '../errors.ts';
import { isSymbol } from './instruments.ts';

/** What a LEAN tick file is about, by its name. */
export interface LeanFile {
  path: string;
  symbol: string;
  /** New York date, `YYYY-MM-DD`. */
  date: string;
  kind: 'trade' | 'quote';
}

const WITH_SYMBOL = /^([a-z0-9.]+)_(\d{4})(\d{2})(\d{2})_(trade|quote)\.zip$/i;
const IN_FOLDER = /^(\d{4})(\d{2})(\d{2})_(trade|quote)\.zip$/i;

/** `spy_20131007_trade.zip`, or LEAN's own layout `spy/20131007_trade.zip`; `undefined` for any other name. */
export function describeLeanFile(path: string): LeanFile | undefined {
  const name = basename(path);
  const own = WITH_SYMBOL.exec(name);
  const match = own ?? IN_FOLDER.exec(name);
  if (match === null) return undefined;
  const [year, month, day, kind] = match.slice(own === null ? 1 : 2);
  const symbol = (own === null ? basename(dirname(path)) : (own[1] ?? '')).toUpperCase();
  const date = `${year}-${month}-${day}`;
  if (!isSymbol(symbol) || Number.isNaN(Date.parse(date))) return undefined;
  return { path, symbol, date, kind: String(kind).toLowerCase() as LeanFile['kind'] };
}

/** The files that paths (of files or folders, searched through) stand for, by date, then symbol, trades first. */
export async function findLeanFiles(paths: readonly string[]): Promise<LeanFile[]> {
  if (paths.length === 0) throw mistakes.replayEmpty();
  const found = new Map<string, LeanFile>();
  for (const path of paths) {
    for (const file of await filesAt(path)) found.set(file.path, file);
  }
  const key = ({ date, symbol, kind }: LeanFile): string => `${date} ${symbol} ${kind === 'trade' ? 0 : 1}`;
  return [...found.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

async function filesAt(path: string): Promise<LeanFile[]> {
  const info = await stat(path).catch((error: unknown) => {
    throw mistakes.replayMissing(path, reasonOf(error), error);
  });
  if (!info.isDirectory()) {
    const file = describeLeanFile(path);
    if (file === undefined) throw mistakes.replayName(path);
    return [file];
  }
  const names = await readdir(path, { recursive: true }).catch((error: unknown) => {
    throw mistakes.replayMissing(path, reasonOf(error), error);
  });
  const files = names
    .filter((name) => name.toLowerCase().endsWith('.zip'))
    .map((name) => describeLeanFile(join(path, name)))
    .filter((file) => file !== undefined);
  if (files.length === 0) throw mistakes.replayMissing(path, 'the folder holds no LEAN tick files');
  return files;
}

/** Short: the path stands in the message already. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  return messageOf(error);
}
