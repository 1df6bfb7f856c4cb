import type { RunnerCommands } from '../commands.ts';

/** Where in the checkout something was found. `file` is relative to the workspace; lines count from 1. */
export interface LogPlace {
  title?: string;
  file?: string;
  line?: number;
  column?: number;
  endLine?: number;
}

/** GitHub shows ten annotations of a kind for a step and drops the rest; one is kept for why the job failed. */
const MOST_ANNOTATIONS = 9;

/** The job's log: cleaned of secrets, and unable to give the runner orders. */
export class ActionLog {
  readonly #commands: RunnerCommands;
  readonly #clean: (text: string) => string;
  readonly #annotations = { error: 0, warning: 0, notice: 0 };
  #depth = 0;

  constructor(commands: RunnerCommands, clean: (text: string) => string) {
    this.#commands = commands;
    this.#clean = clean;
  }

  info(text: string): void {
    this.#commands.info(harmless(this.#clean(text)));
  }

  /** Shown only where somebody has switched debug logging on. */
  debug(text: string): void {
    this.#commands.debug(this.#clean(text));
  }

  notice(text: string, place: LogPlace = {}): void {
    this.#annotate('notice', text, place);
  }

  warning(text: string, place: LogPlace = {}): void {
    this.#annotate('warning', text, place);
  }

  error(text: string, place: LogPlace = {}): void {
    this.#annotate('error', text, place);
  }

  /** Why the job fails: always an annotation. */
  failure(text: string, place: LogPlace = {}): void {
    this.#commands.error(this.#clean(text), this.#properties(place));
  }

  /** Folds what is logged meanwhile. A group within a group is a line: GitHub knows only one level. */
  async group<T>(title: string, work: () => Promise<T> | T): Promise<T> {
    const outermost = this.#depth === 0;
    if (outermost) this.#commands.startGroup(oneLine(this.#clean(title)));
    else this.info(`— ${title}`);
    this.#depth++;
    try {
      return await work();
    } finally {
      this.#depth--;
      if (outermost) this.#commands.endGroup();
    }
  }

  #annotate(kind: 'error' | 'warning' | 'notice', text: string, place: LogPlace): void {
    if (this.#annotations[kind]++ < MOST_ANNOTATIONS) {
      this.#commands[kind](this.#clean(text), this.#properties(place));
      return;
    }
    const where = place.file === undefined ? '' : `${place.file}${place.line === undefined ? '' : `:${place.line}`}: `;
    this.info(`${kind}: ${where}${text}`);
  }

  #properties({ title, file, line, column, endLine }: LogPlace): Parameters<RunnerCommands['error']>[1] {
    return {
      ...(title === undefined ? {} : { title: oneLine(this.#clean(title)) }),
      ...(file === undefined ? {} : { file: this.#clean(file) }),
      ...(line === undefined ? {} : { startLine: line }),
      ...(column === undefined ? {} : { startColumn: column }),
      ...(endLine === undefined ? {} : { endLine }),
    };
  }
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

/**
 * The runner obeys lines that begin with `::`, and `##[…]` anywhere in one. What is logged may come from a program or a
 * file that somebody else wrote: it is shown, not obeyed.
 */
function harmless(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1:\u200b').replace(/##(?=\[)/g, '##\u200b');
}
