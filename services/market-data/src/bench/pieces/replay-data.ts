import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeLeanDay } from '../../testing/lean.ts';

const REAL_DAY = fileURLToPath(new URL('../../../../../../shared/data/lean-ticks-20131007', import.meta.url));

export interface ReplayData {
  name: string;
  path: string;
  symbols: string[];
  remove(): Promise<void>;
}

/** The real day where it lies beside the project, else a made-up one of the same make. */
export async function replayData(): Promise<ReplayData> {
  if (existsSync(REAL_DAY)) {
    return {
      name: 'the real day of 2013-10-07',
      path: REAL_DAY,
      symbols: ['AIG', 'BAC', 'IBM', 'SPY'],
      remove: () => Promise.resolve(),
    };
  }
  const path = await mkdtemp(join(tmpdir(), 'papergate-bench-'));
  const symbols = ['AAA', 'BBB', 'CCC', 'DDD'];
  for (const [seed, symbol] of symbols.entries()) {
    await writeLeanDay(path, { symbol, date: '20131007', rows: 200_000, seed });
  }
  return { name: 'a generated day', path, symbols, remove: () => rm(path, { recursive: true, force: true }) };
}
