import type { Readable } from 'node:stream';

/** Reads lines, counted bytes and marked stretches out of a stream, holding no more than a chunk or a line of it. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: Readable) {
    this.#chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Up to the next newline, without it; undefined at the end. A last line without newline counts as none: it was cut off. */
  async line(): Promise<string | undefined> {
    for (let from = 0; ;) {
      const end = this.#held.indexOf(0x0a, from);
      if (end >= 0)
        return this.#take(end + 1)
          .subarray(0, -1)
          .toString('utf8');
      from = this.#held.length;
      if (!(await this.#more())) return undefined;
    }
  }

  /** @throws Error where the stream ends before */
  async exactly(bytes: number): Promise<Buffer> {
    while (this.#held.length < bytes) {
      if (!(await this.#more())) throw new Error('the file ends in the middle of a statement');
    }
    return this.#take(bytes);
  }

  /** What comes before `mark`, which stands at the beginning of a line and is taken too. */
  async *until(mark: string): AsyncGenerator<Buffer> {
    const wanted = Buffer.from(`\n${mark}`);
    if (await this.#startsWith(mark)) return;
    for (;;) {
      const at = this.#held.indexOf(wanted);
      if (at >= 0) {
        yield this.#take(at + 1);
        this.#take(mark.length);
        return;
      }
      // The mark may stand across two chunks.
      const sure = this.#held.length - wanted.length;
      if (sure > 0) yield this.#take(sure);
      if (!(await this.#more())) throw new Error('the file ends in the middle of a table');
    }
  }

  async #startsWith(mark: string): Promise<boolean> {
    while (this.#held.length < mark.length) {
      if (!(await this.#more())) throw new Error('the file ends in the middle of a table');
    }
    if (this.#held.subarray(0, mark.length).toString('latin1') !== mark) return false;
    this.#take(mark.length);
    return true;
  }

  #take(bytes: number): Buffer {
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
    return true;
  }
}
