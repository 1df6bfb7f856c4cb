import { messageOf } from '@papergate/config';
import type { JournalEntry } from '../journal/index.ts';
import type { Fence, Place } from './types.ts';
import { pathsOf } from './place.ts';

/** A line of a place's journal: who wrote it is told by the lease's generation. */
export interface PlaceEntry extends JournalEntry {
  generation: number;
}

/** Longer than this, it is put away when a run begins and nothing is left to put right; bytes. */
const LONG = 2 * 1024 * 1024;

/**
 * The write-ahead record of a place, on its host. A step is on disk before it is taken.
 *
 * A deployer may fall asleep between looking at its lease and writing: lines of a generation that come after
 * a line of a later one are no part of the record. That is why a holder's first act is a line of its own.
 */
export class PlaceJournal {
  readonly #place: Place;
  readonly #fence: Fence;
  readonly #at: () => Date;
  readonly #clean: (text: string) => string;
  readonly #waiting: string[] = [];

  constructor(place: Place, fence: Fence, at: () => Date, clean: (text: string) => string) {
    this.#place = place;
    this.#fence = fence;
    this.#at = at;
    this.#clean = clean;
  }

  /**
   * Steps that are about to be taken together.
   * @throws ExternalError LEASE_LOST: then nothing was written and they must not be taken
   */
  async begin(run: string, steps: readonly string[], detail?: Record<string, unknown>): Promise<void> {
    await this.#fence.assertHeld();
    for (const step of steps) this.#waiting.push(this.#line(run, step, 'begin', detail));
    await this.flush();
  }

  /** Goes with the next line that has to be on disk: without it the step counts as cut off, which asks for no less. */
  done(run: string, step: string, detail?: Record<string, unknown>): void {
    this.#waiting.push(this.#line(run, step, 'done', detail));
  }

  async failed(run: string, steps: readonly string[], error: unknown): Promise<void> {
    const reason = this.#clean(messageOf(error));
    for (const step of steps) this.#waiting.push(this.#line(run, step, 'failed', { reason }));
    await this.flush();
  }

  /** The run's last line: there is nothing to put right any more. */
  async end(run: string, action: Action, state: 'done' | 'failed', detail: Record<string, unknown>): Promise<void> {
    const { reason } = detail;
    const clean = typeof reason === 'string' ? { ...detail, reason: this.#clean(reason) } : detail;
    this.#waiting.push(this.#line(run, action, state, clean));
    await this.flush();
  }

  /** Puts on disk what waits. */
  async flush(): Promise<void> {
    const lines = this.#waiting.splice(0);
    if (lines.length === 0) return;
    const { files } = this.#place.host;
    const { journal } = pathsOf(this.#place);
    if (files.appendLines !== undefined) return files.appendLines(journal, lines);
    for (const line of lines) await files.append(journal, line);
  }

  /** Writes down that we hold the place, and then reads what there is. */
  async open(detail: Record<string, unknown>): Promise<PlaceEntry[]> {
    await this.#fence.assertHeld();
    const line = this.#line('lease', 'lease', 'done', detail);
    const { journal, journalBefore } = pathsOf(this.#place);
    const { files } = this.#place.host;
    await files.append(journal, line);
    const text = (await files.read(journal)) ?? '';
    const entries = parseJournal(text);
    if (text.length <= LONG || openRun(entries) !== undefined) return entries;
    await this.#fence.assertHeld();
    await files.write(journalBefore, text, 0o600);
    await files.write(journal, `${line}\n`, 0o600);
    return entries;
  }

  #line(run: string, step: string, state: JournalEntry['state'], detail?: Record<string, unknown>): string {
    const { generation } = this.#fence;
    return JSON.stringify({ at: this.#at().toISOString(), run, generation, step, state, ...(detail && { detail }) });
  }
}

/** Every whole line that belongs to the record; lines of other writers (`papergate ship` in the same folder) are left out. */
export function parseJournal(text: string): PlaceEntry[] {
  let latest = 0;
  return text.split('\n').flatMap((line) => {
    const entry = parseLine(line);
    if (entry === undefined || entry.generation < latest) return [];
    latest = entry.generation;
    return [entry];
  });
}

function parseLine(line: string): PlaceEntry | undefined {
  try {
    const entry = JSON.parse(line) as Partial<PlaceEntry> | null;
    const whole =
      typeof entry?.step === 'string' &&
      typeof entry.state === 'string' &&
      typeof entry.run === 'string' &&
      typeof entry.generation === 'number';
    return whole ? (entry as PlaceEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** Looks, and changes nothing. */
export async function readPlaceJournal(place: Place): Promise<PlaceEntry[]> {
  const { journal, journalBefore } = pathsOf(place);
  const [before, now] = await Promise.all([place.host.files.read(journalBefore), place.host.files.read(journal)]);
  return parseJournal(`${before ?? ''}\n${now ?? ''}`);
}

export const ACTIONS = ['deploy', 'rollback', 'down'] as const;
export type Action = (typeof ACTIONS)[number];
const isAction = (step: string): step is Action => (ACTIONS as readonly string[]).includes(step);

/** A run that was begun and never came to its end. */
export interface OpenRun {
  run: string;
  action: Action;
  begun: PlaceEntry;
  /** All of its lines, whoever wrote them. */
  entries: PlaceEntry[];
}

/** The latest run that is not over; there is at most one, since every call puts it right first. */
export function openRun(entries: readonly PlaceEntry[]): OpenRun | undefined {
  const open = new Map<string, PlaceEntry>();
  for (const entry of entries) {
    if (!isAction(entry.step)) continue;
    if (entry.state === 'begin') open.set(entry.run, entry);
    // Of a place that was taken down nothing is left to undo, whatever was begun there.
    else if (entry.step === 'down') open.clear();
    else open.delete(entry.run);
  }
  const begun = [...open.values()].at(-1);
  if (begun === undefined || !isAction(begun.step)) return undefined;
  return { run: begun.run, action: begun.step, begun, entries: entries.filter(({ run }) => run === begun.run) };
}

/** Services that a run began to stop or start, also while it was being undone. */
export function touchedServices(entries: readonly PlaceEntry[]): Set<string> {
  return new Set(
    entries.flatMap(({ step, state }) => {
      const service = /^(?:undo:)?(?:stop|start):(.+)$/.exec(step)?.[1];
      return state === 'begin' && service !== undefined ? [service] : [];
    }),
  );
}

export const hasBegun = (entries: readonly PlaceEntry[], step: string): boolean =>
  entries.some((entry) => entry.step === step && entry.state === 'begin');
