import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { PapergateError, messageOf } from '@papergate/config';
import { mistakes } from '../errors.ts';
import { DAY, fromNewYork, type Micros } from '../clock/new-york.ts';
import { reasonOf, type LeanFile } from './lean-files.ts';
import type { MarketTick } from './tick.ts';

const COMMA = 44;
const NEWLINE = 10;
const RETURN = 13;

/**
 * The rows of a LEAN tick file as batches of ticks, in the file's order. Reads as a stream: memory does not
 * grow with the file. Throws UserError naming file and line for anything that is not the format.
 *
 * Format: https://www.quantconnect.com/docs/v2/lean-engine (tick data): prices in ten-thousandths of a
 * dollar, times in milliseconds since midnight New York, a quote's side that did not change is `0,0`.
 */
export async function* readLeanFile(file: LeanFile): AsyncGenerator<MarketTick[]> {
  const parser = new RowParser(file);
  try {
    for await (const chunk of unzip(file.path)) {
      const ticks = parser.push(chunk);
      if (ticks.length > 0) yield ticks;
    }
  } catch (error) {
    if (error instanceof PapergateError) throw error;
    throw mistakes.replayCorrupt(file.path, undefined, `the zip is damaged: ${messageOf(error)}`, error);
  }
  const rest = parser.end();
  if (rest.length > 0) yield rest;
}

/** The bytes of the one file inside a zip, checked against its length and checksum. */
async function* unzip(path: string): AsyncGenerator<Buffer> {
  const zip = await yauzl.openPromise(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== undefined) throw mistakes.replayMissing(path, reasonOf(error), error);
    throw mistakes.replayCorrupt(path, undefined, `it is no zip: ${messageOf(error)}`, error);
  });
  try {
    const entry = (await zip.eachEntry().next()).value as yauzl.Entry | undefined;
    if (entry === undefined) throw mistakes.replayCorrupt(path, undefined, 'the zip is empty');
    if (zip.entryCount !== 1) {
      throw mistakes.replayCorrupt(path, undefined, `the zip holds ${zip.entryCount} files, allowed: one CSV`);
    }
    const stream = await zip.openReadStreamPromise(entry);
    let checksum = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
    if (checksum !== entry.crc32) throw mistakes.replayCorrupt(path, undefined, 'the zip is damaged: wrong checksum');
  } finally {
    zip.close();
  }
}

/** Cuts bytes into rows and rows into ticks. One instance a file: a quote's sides carry from row to row. */
class RowParser {
  readonly #file: LeanFile;
  readonly #midnight: Micros;
  readonly #exchanges = new Map<number, string>();
  #carry: Buffer | undefined;
  #line = 0;
  #rows = 0;
  #bid = 0;
  #bidSize = 0;
  #ask = 0;
  #askSize = 0;

  constructor(file: LeanFile) {
    this.#file = file;
    this.#midnight = fromNewYork(file.date, 0);
  }

  push(chunk: Buffer): MarketTick[] {
    const bytes = this.#carry === undefined ? chunk : Buffer.concat([this.#carry, chunk]);
    const ticks: MarketTick[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#row(bytes, start, end, ticks);
      start = end + 1;
    }
    this.#carry = start < bytes.length ? bytes.subarray(start) : undefined;
    return ticks;
  }

  end(): MarketTick[] {
    const ticks: MarketTick[] = [];
    if (this.#carry !== undefined) this.#row(this.#carry, 0, this.#carry.length, ticks);
    this.#carry = undefined;
    return ticks;
  }

  #row(bytes: Buffer, from: number, until: number, ticks: MarketTick[]): void {
    this.#line += 1;
    const end = until > from && bytes[until - 1] === RETURN ? until - 1 : until;
    if (end === from) return;
    this.#at = from;
    this.#bytes = bytes;
    this.#end = end;
    const time = this.#midnight + this.#time();
    if (this.#file.kind === 'trade') {
      const price = this.#integer('price') * 100;
      const size = this.#integer('size');
      const exchange = this.#exchange();
      if (price === 0) throw this.#wrong('the price is 0');
      this.#rows += 1;
      ticks.push({ kind: 't', symbol: this.#file.symbol, time, price, size, exchange, id: this.#rows });
      return;
    }
    const bid = this.#integer('bid price') * 100;
    const bidSize = this.#integer('bid size');
    const ask = this.#integer('ask price') * 100;
    const askSize = this.#integer('ask size');
    const exchange = this.#exchange();
    if (bid !== 0 || bidSize !== 0) {
      this.#bid = bid;
      this.#bidSize = bidSize;
    }
    if (ask !== 0 || askSize !== 0) {
      this.#ask = ask;
      this.#askSize = askSize;
    }
    ticks.push({
      kind: 'q',
      symbol: this.#file.symbol,
      time,
      bid: this.#bid,
      bidSize: this.#bidSize,
      ask: this.#ask,
      askSize: this.#askSize,
      exchange,
    });
  }

  // The cursor within the row at hand. Two million rows go through here: no strings are cut, nothing is allocated.
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Milliseconds since midnight, possibly with decimals, as µs. */
  #time(): Micros {
    const start = this.#at;
    let value = 0;
    let scale = 1000;
    let fraction = false;
    while (this.#at < this.#end && this.#bytes[this.#at] !== COMMA) {
      const byte = this.#bytes[this.#at] as number;
      if (byte === 46 && !fraction) fraction = true;
      else if (byte < 48 || byte > 57) throw this.#wrong('the time is no number');
      else if (!fraction) value = value * 10 + byte - 48;
      else if (scale > 1) {
        value = value * 10 + byte - 48;
        scale /= 10;
      }
      this.#at += 1;
    }
    if (this.#at === start) throw this.#wrong('the time is missing');
    this.#at += 1;
    const micros = value * scale;
    if (micros >= DAY) throw this.#wrong('the time is past midnight');
    return micros;
  }

  #integer(what: string): number {
    const start = this.#at;
    let value = 0;
    while (this.#at < this.#end && this.#bytes[this.#at] !== COMMA) {
      const byte = this.#bytes[this.#at] as number;
      if (byte < 48 || byte > 57) throw this.#wrong(`the ${what} is no whole number`);
      value = value * 10 + byte - 48;
      this.#at += 1;
    }
    if (this.#at === start) throw this.#wrong(`the ${what} is missing`);
    if (value > 9_000_000_000_000) throw this.#wrong(`the ${what} is out of range`);
    this.#at += 1;
    return value;
  }

  /** One letter as a rule; the texts are kept, so that two million rows share a handful of them. */
  #exchange(): string {
    const start = this.#at;
    let key = 0;
    while (this.#at < this.#end && this.#bytes[this.#at] !== COMMA) {
      key = (key * 128 + (this.#bytes[this.#at] as number)) % 2 ** 48;
      this.#at += 1;
    }
    let text = this.#exchanges.get(key);
    if (text === undefined) {
      text = this.#bytes
        .toString('latin1', start, this.#at)
        .replace(/[^\x20-\x7e]/g, '')
        .slice(0, 8);
      this.#exchanges.set(key, text);
    }
    return text;
  }

  #wrong(reason: string) {
    return mistakes.replayCorrupt(this.#file.path, this.#line, reason);
  }
}
