import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 200;
const CHUNK = 64 * 1024;

/** Shows whole lines as they are appended to files, also after a file was emptied by a rotation, until the signal. */
export async function followFiles(
  files: ReadonlyMap<string, string>,
  show: (name: string, line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const readers = [...files].map(([name, path]) => ({ name, reader: new Tail(path) }));
  while (!signal.aborted) {
    for (const { name, reader } of readers) for (const line of reader.read()) show(name, line);
    await delay(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

class Tail {
  readonly #path: string;
  #position: number;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
    this.#position = sizeOf(path);
  }

  read(): string[] {
    const size = sizeOf(this.#path);
    if (size < this.#position) this.#position = 0;
    if (size === this.#position) return [];
    const file = openSync(this.#path, 'r');
    try {
      const buffer = Buffer.alloc(Math.min(CHUNK, size - this.#position));
      const read = readSync(file, buffer, 0, buffer.length, this.#position);
      this.#position += read;
      this.#rest = Buffer.concat([this.#rest, buffer.subarray(0, read)]);
    } finally {
      closeSync(file);
    }
    const end = this.#rest.lastIndexOf(0x0a);
    if (end < 0) return [];
    const whole = this.#rest.subarray(0, end).toString('utf8');
    this.#rest = this.#rest.subarray(end + 1);
    return whole.split('\n').filter((line) => line !== '');
  }
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}
