import { encode } from '@msgpack/msgpack';
import { toRfc3339 } from '../clock/new-york.ts';
import type { MarketTick, QuoteTick, TradeTick } from '../market/tick.ts';
import type { Codec } from './socket.ts';

/** A frame being filled: an array of messages in one of the two codecs. */
export interface FrameWriter {
  readonly count: number;
  add(tick: MarketTick): void;
  /** True when the next message might not fit: send what there is first. */
  readonly full: boolean;
  /** The finished frame; the writer is empty afterwards. */
  take(): string | Uint8Array;
}

export const MESSAGES_PER_FRAME = 500;

export function frameWriter(codec: Codec): FrameWriter {
  return codec === 'msgpack' ? new MsgpackWriter() : new JsonWriter();
}

/** Control messages, errors and bars: rare, so the general encoders do. */
export function encodeMessages(codec: Codec, messages: readonly Record<string, unknown>[]): string | Uint8Array {
  return codec === 'msgpack' ? encode(messages) : JSON.stringify(messages);
}

const tapeOf = (exchange: string): string => (exchange === 'N' ? 'A' : exchange === 'Q' ? 'C' : 'B');

class JsonWriter implements FrameWriter {
  #parts: string[] = [];

  get count(): number {
    return this.#parts.length;
  }

  get full(): boolean {
    return this.#parts.length >= MESSAGES_PER_FRAME;
  }

  add(tick: MarketTick): void {
    const head = `"S":${JSON.stringify(tick.symbol)},`;
    const tail = `"z":"${tapeOf(tick.exchange)}","t":"${toRfc3339(tick.time)}"}`;
    const x = JSON.stringify(tick.exchange);
    this.#parts.push(
      tick.kind === 't'
        ? `{"T":"t",${head}"i":${tick.id},"x":${x},"p":${tick.price / 1e6},"s":${tick.size},"c":["@"],${tail}`
        : `{"T":"q",${head}"bx":${x},"bp":${tick.bid / 1e6},"bs":${tick.bidSize},"ax":${x},"ap":${tick.ask / 1e6},"as":${tick.askSize},"c":["R"],${tail}`,
    );
  }

  take(): string {
    const text = `[${this.#parts.join(',')}]`;
    this.#parts = [];
    return text;
  }
}

const FRAME_BYTES = 64 * 1024;
/** Longest message: fixed parts below 120 bytes, a symbol of at most 16, two exchanges. */
const MESSAGE_BYTES = 256;

/** msgpack by hand: an order of magnitude faster than a general encoder, which has to look at every object anew. */
class MsgpackWriter implements FrameWriter {
  #bytes = Buffer.allocUnsafeSlow(FRAME_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 3;
  count = 0;

  get full(): boolean {
    return this.count >= MESSAGES_PER_FRAME || this.#at > FRAME_BYTES - MESSAGE_BYTES;
  }

  add(tick: MarketTick): void {
    if (tick.kind === 't') this.#trade(tick);
    else this.#quote(tick);
    this.count += 1;
  }

  take(): Uint8Array {
    this.#bytes[0] = 0xdc; // array 16
    this.#view.setUint16(1, this.count);
    const frame = this.#bytes.subarray(0, this.#at);
    const copies = this.#at < FRAME_BYTES / 4;
    this.#at = 3;
    this.count = 0;
    // The socket writes the frame later, so the next one must not go into the same memory.
    if (copies) return Buffer.from(frame);
    this.#bytes = Buffer.allocUnsafeSlow(FRAME_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    return frame;
  }

  #trade(tick: TradeTick): void {
    this.#raw(KEYS.trade);
    this.#text(tick.symbol);
    this.#key(KEYS.i);
    this.#integer(tick.id);
    this.#key(KEYS.x);
    this.#text(tick.exchange);
    this.#key(KEYS.p);
    this.#float(tick.price / 1e6);
    this.#key(KEYS.s);
    this.#number(tick.size);
    this.#raw(KEYS.tradeConditions);
    this.#tail(tick);
  }

  #quote(tick: QuoteTick): void {
    this.#raw(KEYS.quote);
    this.#text(tick.symbol);
    this.#raw(KEYS.bx);
    this.#text(tick.exchange);
    this.#raw(KEYS.bp);
    this.#float(tick.bid / 1e6);
    this.#raw(KEYS.bs);
    this.#number(tick.bidSize);
    this.#raw(KEYS.ax);
    this.#text(tick.exchange);
    this.#raw(KEYS.ap);
    this.#float(tick.ask / 1e6);
    this.#raw(KEYS.as);
    this.#number(tick.askSize);
    this.#raw(KEYS.quoteConditions);
    this.#tail(tick);
  }

  #tail(tick: MarketTick): void {
    this.#key(KEYS.z);
    this.#text(tapeOf(tick.exchange));
    this.#key(KEYS.t);
    const seconds = Math.floor(tick.time / 1e6);
    // timestamp 64: fixext 8, type -1, nanoseconds in the upper 30 bits, seconds in the lower 34
    this.#view.setUint16(this.#at, 0xd7ff);
    this.#view.setUint32(this.#at + 2, (tick.time - seconds * 1e6) * 4000 + Math.floor(seconds / 2 ** 32));
    this.#view.setUint32(this.#at + 6, seconds % 2 ** 32);
    this.#at += 10;
  }

  #raw(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 1) this.#bytes[this.#at + i] = bytes[i] as number;
    this.#at += bytes.length;
  }

  /** A key of one letter: fixstr 1. */
  #key(letter: number): void {
    this.#bytes[this.#at] = 0xa1;
    this.#bytes[this.#at + 1] = letter;
    this.#at += 2;
  }

  /** Text of at most 31 ASCII letters: fixstr. */
  #text(text: string): void {
    this.#bytes[this.#at] = 0xa0 | text.length;
    for (let i = 0; i < text.length; i += 1) this.#bytes[this.#at + 1 + i] = text.charCodeAt(i);
    this.#at += 1 + text.length;
  }

  #float(value: number): void {
    this.#bytes[this.#at] = 0xcb;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  #number(value: number): void {
    if (Number.isInteger(value)) this.#integer(value);
    else this.#float(value);
  }

  #integer(value: number): void {
    if (value < 128) {
      this.#bytes[this.#at] = value;
      this.#at += 1;
    } else if (value < 2 ** 32) {
      this.#bytes[this.#at] = 0xce;
      this.#view.setUint32(this.#at + 1, value);
      this.#at += 5;
    } else {
      this.#bytes[this.#at] = 0xcf;
      this.#view.setBigUint64(this.#at + 1, BigInt(value));
      this.#at += 9;
    }
  }
}

const letter = (text: string): number => text.charCodeAt(0);
const fixstr = (text: string): number[] => [0xa0 | text.length, ...Buffer.from(text)];

const KEYS = {
  trade: Uint8Array.from([0x89, ...fixstr('T'), ...fixstr('t'), ...fixstr('S')]),
  quote: Uint8Array.from([0x8b, ...fixstr('T'), ...fixstr('q'), ...fixstr('S')]),
  tradeConditions: Uint8Array.from([...fixstr('c'), 0x91, ...fixstr('@')]),
  quoteConditions: Uint8Array.from([...fixstr('c'), 0x91, ...fixstr('R')]),
  bx: Uint8Array.from(fixstr('bx')),
  bp: Uint8Array.from(fixstr('bp')),
  bs: Uint8Array.from(fixstr('bs')),
  ax: Uint8Array.from(fixstr('ax')),
  ap: Uint8Array.from(fixstr('ap')),
  as: Uint8Array.from(fixstr('as')),
  i: letter('i'),
  x: letter('x'),
  p: letter('p'),
  s: letter('s'),
  z: letter('z'),
  t: letter('t'),
} as const;
