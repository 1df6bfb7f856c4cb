import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';

/** One line of the journal. A step that has `begin` and neither `done` nor `failed` was cut off. */
export interface JournalEntry {
  at: string;
  run: string;
  step: string;
  state: 'begin' | 'done' | 'failed';
  detail?: Record<string, unknown>;
}

/** A step that was written down as begun; exactly one of these is called when it is over. */
export interface Step {
  done(detail?: Record<string, unknown>): void;
  failed(error: unknown): void;
}

const LIMIT = 8 * 1024 * 1024;

/**
 * The write-ahead record of deploys: a step is on disk (fsync) before it is taken, so that a later run knows
 * what a killed one may have done. Lines of JSON; details name things and never hold secrets.
 */
export class Journal {
  readonly #path: string;
  readonly #run: string;
  readonly #now: () => Date;

  constructor(path: string, run: string, now: () => Date = () => new Date()) {
    this.#path = path;
    this.#run = run;
    this.#now = now;
  }

  begin(step: string, detail?: Record<string, unknown>): Step {
    this.#append(step, 'begin', detail);
    return {
      done: (result) => this.#append(step, 'done', result),
      failed: (error) =>
        this.#append(step, 'failed', { reason: error instanceof Error ? error.message : String(error) }),
    };
  }

  /** A step around an act. */
  async during<T>(step: string, detail: Record<string, unknown>, act: () => Promise<T>): Promise<T> {
    const written = this.begin(step, detail);
    try {
      const result = await act();
      written.done();
      return result;
    } catch (error) {
      written.failed(error);
      throw error;
    }
  }

  #append(step: string, state: JournalEntry['state'], detail: Record<string, unknown> | undefined): void {
    const entry: JournalEntry = { at: this.#now().toISOString(), run: this.#run, step, state };
    if (detail !== undefined) entry.detail = detail;
    if (existsSync(this.#path) && statSync(this.#path).size > LIMIT) renameSync(this.#path, `${this.#path}.1`);
    // A line that a kill cut off has no newline: without one of our own, ours would be glued to it.
    const file = openSync(this.#path, 'a', 0o600);
    try {
      writeSync(file, `${endsMidLine(this.#path) ? '\n' : ''}${JSON.stringify(entry)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

function endsMidLine(path: string): boolean {
  const text = readFileSync(path);
  return text.length > 0 && text[text.length - 1] !== 0x0a;
}

/** Every whole line; what a kill cut off is left out. */
export function readJournal(path: string): JournalEntry[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const entry = JSON.parse(line) as JournalEntry;
        return typeof entry.step === 'string' && typeof entry.state === 'string' ? [entry] : [];
      } catch {
        return [];
      }
    });
}

/** Steps of a run that were begun and never ended: what a killed deploy may have left half done. */
export function openSteps(entries: JournalEntry[], run: string): JournalEntry[] {
  const open = new Map<string, JournalEntry>();
  for (const entry of entries) {
    if (entry.run !== run) continue;
    if (entry.state === 'begin') open.set(entry.step, entry);
    else open.delete(entry.step);
  }
  return [...open.values()];
}
