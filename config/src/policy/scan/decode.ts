import { gunzipSync, inflateSync } from 'node:zlib';
import { isPlaceholder, KEY_KIND, looksLikeAws } from '../keys.ts';
import type { KeyHit } from './direct.ts';
import { derived, type ScanNode } from './node.ts';

/** Shorter than a key is no key: 20 bytes are 27 characters of base64, 40 of hexadecimal, 32 of base32. */
const BASE64_RUN = /[A-Za-z0-9+/_-]{27,}/g;
const HEX_RUN = /[0-9A-Fa-f]{40,}/g;
const BASE32_RUN = /(?<![A-Za-z0-9])(?:[A-Z2-7]{32,}|[a-z2-7]{32,})(?![A-Za-z0-9])/g;
const BASE32_LOOSE = /[A-Z2-7]{32,}|[a-z2-7]{32,}/g;
const BYTE_LIST_HEX = /(?:(?:0x)?[0-9A-Fa-f]{2}[\s:,;-]{1,4}){19,}(?:0x)?[0-9A-Fa-f]{2}/g;
const BYTE_LIST_DECIMAL = /(?:[0-9]{2,3}[\s,;]{1,4}){19,}[0-9]{2,3}/g;
const PIECE = /[A-Za-z0-9+/_=-]+/g;
/** What may keep pieces apart that belong together: a folded line, a string concatenation. */
const GAP = /^[\s"'`,\\]+$/;
const MAX_GAP = 240;
const GZIP_MARK = Buffer.from([0x1f, 0x8b, 0x08]);
const MAX_INFLATED = 2 * 1024 * 1024;

/** All that can be decoded out of a node's text: new nodes of readable text. */
export function* decodings(node: ScanNode): Generator<ScanNode> {
  yield* runs(node, 0, node.text);
  for (const { offset, text } of joinedPieces(node.text)) yield* runs(node, offset, text, true);
  for (const match of node.text.matchAll(BYTE_LIST_HEX)) {
    yield* readable(node, 'hexadecimal', match.index, Buffer.from(match[0].replace(/0x|[^0-9A-Fa-f]/g, ''), 'hex'));
  }
  for (const match of node.text.matchAll(BYTE_LIST_DECIMAL)) {
    const bytes = (match[0].match(/[0-9]+/g) ?? []).map(Number).filter((byte) => byte < 256);
    yield* readable(node, 'decimal bytes', match.index, Buffer.from(bytes));
  }
  for (const match of node.text.matchAll(node.looseStart || node.looseEnd ? BASE32_LOOSE : BASE32_RUN)) {
    // Noise in front shifts the groups of eight.
    for (let shift = 0; shift < (node.looseStart ? 8 : 1); shift++) {
      yield* readable(node, 'base32', match.index, decodeBase32(match[0].slice(shift).toUpperCase()));
    }
  }
}

/** Texts that come out when what only folds them is taken away. */
function* joinedPieces(text: string): Generator<{ offset: number; text: string }> {
  let pieces: string[] = [];
  let offset = 0;
  let end = 0;
  for (const match of text.matchAll(PIECE)) {
    const piece = match[0];
    const gap = text.slice(end, Math.min(match.index, end + MAX_GAP + 1));
    // The plus sign of a concatenation is itself a piece.
    const concatenation = piece === '+';
    if (pieces.length > 0 && gap.length <= MAX_GAP && GAP.test(gap)) {
      if (!concatenation) pieces.push(piece);
    } else {
      if (pieces.length > 1) yield { offset, text: pieces.join('') };
      pieces = concatenation ? [] : [piece];
      offset = match.index;
    }
    end = match.index + piece.length;
  }
  if (pieces.length > 1) yield { offset, text: pieces.join('') };
}

/** `joined`: the text is put together from pieces; then all its offsets are the offset of the first piece. */
function* runs(node: ScanNode, base: number, text: string, joined = false): Generator<ScanNode> {
  for (const match of text.matchAll(BASE64_RUN)) {
    // Whatever is glued to the front (a path, a name) shifts the groups of four by 0 to 3.
    for (let shift = 0; shift < 4; shift++) {
      const bytes = Buffer.from(match[0].slice(shift), 'base64');
      yield* readable(node, 'base64', joined ? base : base + match.index, bytes);
    }
  }
  for (const match of text.matchAll(HEX_RUN)) {
    for (let shift = 0; shift < 2; shift++) {
      const digits = match[0].slice(shift, match[0].length - ((match[0].length - shift) % 2));
      yield* readable(node, 'hexadecimal', joined ? base : base + match.index, Buffer.from(digits, 'hex'));
    }
  }
}

/**
 * Base64 of a key at the start of a group, whatever is glued to it on either side. `QUs`, `QUt`: `AK` and a digit or
 * a letter; `Q0s`, `Q0t`: `CK`; `UEs`, `UEt`: `PK`. That 18 more bytes are in A–Z and 0–9 is no chance.
 */
export function gluedBase64(node: ScanNode): KeyHit[] {
  const hits: KeyHit[] = [];
  for (const match of node.text.matchAll(/(?:QU|Q0|UE)[st](?=[A-Za-z0-9+/_-]{24})/g)) {
    const decoded = Buffer.from(node.text.slice(match.index, match.index + 48), 'base64').toString('latin1');
    const run = /^[A-Z0-9]+/.exec(decoded)?.[0] ?? '';
    const kind = KEY_KIND[run.slice(0, 2)];
    const fits = (run.length >= 20 && run.length <= 22) || (run.length >= 26 && run.length <= 28);
    if (kind !== undefined && fits && !isPlaceholder(run.slice(0, run.length < 26 ? 20 : 26))) {
      hits.push({
        kind,
        aws: looksLikeAws(run.slice(0, 20)),
        how: [...node.how, 'base64'],
        offset: node.at(match.index),
      });
    }
  }
  return hits;
}

/** Readable stretches of decoded bytes, UTF-8 or UTF-16, also after decompression. */
function* readable(node: ScanNode, step: string, offset: number, bytes: Buffer): Generator<ScanNode> {
  if (bytes.length < 20) return;
  for (const data of inflated(bytes)) yield* stretches(node, `${step} of compressed data`, offset, data);
  yield* stretches(node, step, offset, bytes);
}

// oxlint-disable-next-line no-control-regex -- decoded bytes: control characters are what separates noise from text
const READABLE = /[^\ufffd\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]{20,}/g;
/** ASCII and what passes for it (accents, Greek, Cyrillic, invisible and full-width characters): noise is not so narrow. */
const UTF16_READABLE =
  /[\t\n\r\x20-\x7e\u00a0-\u058f\u13a0-\u13ff\u2000-\u206f\u2100-\u214f\ua4d0-\ua4ff\ufeff\uff00-\uffef]{20,}/g;

function* stretches(node: ScanNode, step: string, offset: number, bytes: Buffer): Generator<ScanNode> {
  yield* cutOut(node, step, offset, bytes.toString('utf8'), READABLE);
  if (bytes.length < 40) return;
  for (const shift of [0, 1]) {
    const even = Buffer.from(bytes.subarray(shift, bytes.length - ((bytes.length - shift) % 2)));
    yield* cutOut(node, `${step} of UTF-16`, offset, even.toString('utf16le'), UTF16_READABLE);
    yield* cutOut(node, `${step} of UTF-16`, offset, even.swap16().toString('utf16le'), UTF16_READABLE);
  }
}

function* cutOut(node: ScanNode, step: string, offset: number, text: string, pattern: RegExp): Generator<ScanNode> {
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    yield derived(node, step, offset, match[0], { start: match.index > 0, end: end < text.length });
  }
}

/** zlib, and gzip, whose mark may stand behind a few bytes of noise; and in compressed data by chance. */
function inflated(bytes: Buffer): Buffer[] {
  const all = bytes[0] === 0x78 && bytes.readUInt16BE(0) % 31 === 0 ? unpacked(inflateSync, bytes) : [];
  const head = bytes.subarray(0, 64);
  for (let at = head.indexOf(GZIP_MARK); at >= 0; at = head.indexOf(GZIP_MARK, at + 1)) {
    all.push(...unpacked(gunzipSync, bytes.subarray(at)));
  }
  return all;
}

function unpacked(unpack: typeof inflateSync, bytes: Buffer): Buffer[] {
  try {
    return [unpack(bytes, { maxOutputLength: MAX_INFLATED })];
  } catch {
    // Not compressed after all, or larger than anything that a configuration holds.
    return [];
  }
}

function decodeBase32(text: string): Buffer {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text) {
    value = ((value << 5) | alphabet.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
}
