import { basename } from 'node:path';
import {
  findLeanFiles,
  mergeByTime,
  newYorkTimeOfDay,
  readLeanFile,
  toRfc3339,
  type LeanFile,
  type MarketTick,
  type Micros,
} from '@papergate/paper-exchange/backtest';
import { mistakes } from '../errors.ts';

/** The LEAN tick files at these paths. @throws UserError BACKTEST_DATA, REPLAY_UNREADABLE, REPLAY_NAME */
export async function openData(paths: readonly string[]): Promise<LeanFile[]> {
  if (paths.length === 0) throw mistakes.dataMissing();
  return findLeanFiles(paths);
}

export const symbolsOf = (files: readonly LeanFile[]): string[] =>
  [...new Set(files.map(({ symbol }) => symbol))].toSorted();

/** One batch of ticks of one day, and its midnight in New York. */
export interface DayBatch {
  date: string;
  midnight: Micros;
  ticks: MarketTick[];
}

/** All ticks of the files, day by day, merged by time. @throws UserError REPLAY_CORRUPT, BACKTEST_ORDER */
export async function* readDays(files: readonly LeanFile[]): AsyncGenerator<DayBatch> {
  for (const date of [...new Set(files.map((file) => file.date))].toSorted()) {
    const day = files.filter((file) => file.date === date);
    let midnight: Micros | undefined;
    for await (const ticks of mergeByTime(day.map((file) => inOrder(file)))) {
      const [first] = ticks;
      if (first === undefined) continue;
      midnight ??= first.time - newYorkTimeOfDay(first.time);
      yield { date, midnight, ticks };
    }
  }
}

/** The rows of a file, made sure to be in the order of their times, which merging takes for granted. */
async function* inOrder(file: LeanFile): AsyncGenerator<MarketTick[]> {
  let row = 0;
  let last = 0;
  for await (const ticks of readLeanFile(file)) {
    for (const { time } of ticks) {
      row += 1;
      if (time < last) throw mistakes.order(basename(file.path), row, toRfc3339(time), toRfc3339(last));
      last = time;
    }
    yield ticks;
  }
}
