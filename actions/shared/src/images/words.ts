import { stripVTControlCharacters } from 'node:util';
import type { OnProgress } from '../evidence/index.ts';

const STEP = /^#(\d+) \[(?:([\w-]+) )?([\w./-]+(?: \d+\/\d+)?)\] (.*)$/;
const OUTPUT = /^#(\d+) (?:\d+\.\d+ )(.*)$/;
const FAILED = /^#(\d+) ERROR: (.*)$/;
const EXPORTED = /^#\d+ writing image sha256:/;
const KEPT = 30;

/** Listens to BuildKit's plain progress: tells how far it is, and which step failed with which words. */
export class BuildWords {
  readonly #steps = new Map<string, string>();
  readonly #said = new Map<string, string[]>();
  readonly #images: number;
  readonly #onProgress: OnProgress;
  #failed: { id: string; why: string } | undefined;
  #last: string[] = [];
  #exported = 0;

  constructor(images: number, onProgress: OnProgress) {
    this.#images = images;
    this.#onProgress = onProgress;
  }

  add(raw: string): void {
    const line = stripVTControlCharacters(raw).trimEnd();
    if (line === '') return;
    this.#last = [...this.#last.slice(1 - KEPT), line];
    const failure = FAILED.exec(line);
    if (failure !== null) this.#failed ??= { id: failure[1] ?? '', why: failure[2] ?? '' };
    const step = STEP.exec(line);
    if (step !== null) this.#begin(step);
    const output = OUTPUT.exec(line);
    if (output !== null) {
      const id = output[1] ?? '';
      this.#said.set(id, [...(this.#said.get(id) ?? []).slice(1 - KEPT), output[2] ?? '']);
    }
    if (EXPORTED.test(line)) {
      this.#exported++;
      this.#onProgress({
        message: `built ${this.#exported} of ${this.#images} images`,
        fraction: this.#exported / this.#images,
      });
    }
  }

  #begin([, id = '', , stage = '', what = '']: RegExpExecArray): void {
    if (this.#steps.has(id)) return;
    this.#steps.set(id, `[${stage}] ${what}`);
    if (!stage.startsWith('internal')) this.#onProgress({ message: `[${stage}] ${what}`.slice(0, 120) });
  }

  /** The step that failed and what it said last; where none is named, the last words of all. */
  failure(): { step: string | undefined; lines: string[] } {
    if (this.#failed === undefined) return { step: undefined, lines: this.#last.slice(-15) };
    const { id, why } = this.#failed;
    return { step: this.#steps.get(id) ?? `#${id}`, lines: [...(this.#said.get(id) ?? []), why] };
  }
}
