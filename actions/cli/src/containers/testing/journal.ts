import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface JournalLine {
  run: string;
  generation: number;
  step: string;
  state: string;
}

/** Whole lines of a place's journal. */
export function journalOf(place: string): JournalLine[] {
  const path = join(place, 'journal.jsonl');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as JournalLine];
      } catch {
        return [];
      }
    });
}

/** Steps of the latest run, in order, each once. */
export function stepsOfLatest(place: string): string[] {
  const lines = journalOf(place);
  const run = lines.findLast(({ step }) => step === 'deploy')?.run;
  return [...new Set(lines.filter((line) => line.run === run && line.state === 'begin').map(({ step }) => step))];
}

/** Kills a process in the moment in which the journal says that it begins a step. False where it ended before. */
export async function killAt(
  place: string,
  step: string,
  { pid, ended }: { pid: number; ended: Promise<unknown> },
): Promise<boolean> {
  const before = journalOf(place).length;
  let over = false;
  void ended.then(() => (over = true));
  for (;;) {
    if (
      journalOf(place)
        .slice(before)
        .some((line) => line.step === step && line.state === 'begin')
    ) {
      try {
        process.kill(pid, 'SIGKILL');
        return true;
      } catch {
        return false;
      }
    }
    if (over) return false;
    await delay(3);
  }
}
