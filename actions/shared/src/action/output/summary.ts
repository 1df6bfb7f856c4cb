import { codeBlock, escapeMarkdown, inline, table, type Inline } from './markdown.ts';

export type Verdict = 'pass' | 'block' | 'failed';

const SIGNS: Readonly<Record<Verdict, string>> = { pass: '✅', block: '⛔', failed: '❌' };
/** GitHub refuses a step's summary above 1 MiB, and shows nothing of it then. */
const LARGEST = 1_000_000;

/** The page that a person reads after the job. Everything handed in is text: nothing in it becomes markup. */
export class Summary {
  readonly #blocks: string[] = [];
  readonly #clean: (text: string) => string;

  /** @param clean takes secrets out; applied to what is handed in, before it is escaped */
  constructor(clean: (text: string) => string) {
    this.#clean = clean;
  }

  heading(text: string, level: 2 | 3 | 4 = 3): this {
    return this.#add(`${'#'.repeat(level)} ${escapeMarkdown(this.#clean(text))}`);
  }

  /** How it went, in one line, with a sign. */
  verdict(verdict: Verdict, text: string): this {
    return this.#add(`${SIGNS[verdict]} **${verdict}** – ${escapeMarkdown(this.#clean(text))}`);
  }

  text(...pieces: Inline[]): this {
    return this.#add(pieces.map((piece) => inline(this.#cleanPiece(piece))).join(''));
  }

  table(head: readonly string[], rows: readonly (readonly Inline[])[]): this {
    return this.#add(
      table(
        head,
        rows.map((row) => row.map((piece) => this.#cleanPiece(piece))),
      ),
    );
  }

  list(items: readonly Inline[]): this {
    return this.#add(items.map((item) => `- ${inline(this.#cleanPiece(item))}`).join('\n'));
  }

  code(text: string, language = ''): this {
    return this.#add(codeBlock(this.#clean(text), language));
  }

  /** Folded until somebody opens it. */
  details(title: string, fill: (inner: Summary) => void): this {
    const inner = new Summary(this.#clean);
    fill(inner);
    return this.#add(
      `<details><summary>${escapeMarkdown(this.#clean(title))}</summary>\n\n${inner.toString()}\n</details>`,
    );
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  /** Markdown; what GitHub would not take is cut off at the end of a block, and it says so. */
  toString(): string {
    let text = '';
    for (const block of this.#blocks) {
      if (Buffer.byteLength(text) + Buffer.byteLength(block) > LARGEST)
        return `${text}_The rest was too long for a summary; the log has it._\n`;
      text += `${block}\n\n`;
    }
    return text;
  }

  #add(block: string): this {
    this.#blocks.push(block);
    return this;
  }

  #cleanPiece(piece: Inline): Inline {
    if (typeof piece === 'number') return piece;
    if (typeof piece === 'string') return this.#clean(piece);
    if ('code' in piece) return { code: this.#clean(piece.code) };
    if ('bold' in piece) return { bold: this.#clean(piece.bold) };
    return { text: this.#clean(piece.text), link: this.#clean(piece.link) };
  }
}
