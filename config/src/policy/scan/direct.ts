import { KEY_KIND, KEY_LENGTHS, isPlaceholder, looksLikeAws, type KeyKind } from '../keys.ts';
import type { ScanNode } from './node.ts';

/** A key that stands in a text. It does not carry the key: nothing that is found can be printed by mistake. */
export interface KeyHit {
  kind: KeyKind;
  /** It may be another provider's key of the same shape. */
  aws: boolean;
  /** `[]` for a key that stands there as it is, else the disguises from the outside in. */
  how: readonly string[];
  offset: number;
}

const NOISE_REACH = 6;
const MAX_SEPARATOR = 5;
const MAX_BLANK = 240;
/** Words that happen to add up to a key's length are upper-case words; keys have digits (97.7 % of 18 have two). */
const SPLIT_DIGITS = 2;
/** Separators that only join: an empty pair of quotes, a continued line, a string concatenation. */
const JOINS = /^(?:""|''|``|\\\r?\n[ \t]*|["'`]\s*[+.&]\s*["'`]|["'`]\s*\\\r?\n\s*["'`])$/;

/** Keys that stand in the node's text as they are, in lower case, or in fragments. */
export function* directHits(node: ScanNode): Generator<KeyHit> {
  yield* whole(node);
  yield* lowerCase(node);
  yield* split(node);
}

function hit(node: ScanNode, key: string, index: number, step?: string): KeyHit[] {
  const kind = KEY_KIND[key.slice(0, 2).toUpperCase()];
  // `AKXXXX…` in an example file is no key.
  if (kind === undefined || isPlaceholder(key.toUpperCase())) return [];
  return [
    { kind, aws: looksLikeAws(key), how: step === undefined ? node.how : [...node.how, step], offset: node.at(index) },
  ];
}

function* whole(node: ScanNode): Generator<KeyHit> {
  const { text } = node;
  for (const match of text.matchAll(/(?:AK|CK|PK)(?=[A-Z0-9]{18})/g)) {
    const start = match.index;
    if (isAlnum(text[start - 1]) && !(node.looseStart && start <= NOISE_REACH)) continue;
    const run = /^[A-Z0-9]{20,33}/.exec(text.slice(start, start + 33))?.[0] ?? '';
    const length = KEY_LENGTHS.find((length) => endsAt(node, start + length, run.length >= length));
    if (length !== undefined) yield* hit(node, run.slice(0, length), start);
  }
}

function endsAt(node: ScanNode, end: number, longEnough: boolean): boolean {
  if (!longEnough) return false;
  return !isAlnum(node.text[end]) || (node.looseEnd && node.text.length - end <= NOISE_REACH);
}

/**
 * `ak…` only: the key server is not asked in lower case, but one `tr` away it is. Not `ck…` and `pk…`: ids of
 * other makes (xid, cuid) look like that.
 */
function* lowerCase(node: ScanNode): Generator<KeyHit> {
  for (const match of node.text.matchAll(/(?<![A-Za-z0-9])ak(?:[a-z0-9]{24}|[a-z0-9]{18})(?![A-Za-z0-9])/g)) {
    if (digits(match[0]) >= SPLIT_DIGITS) yield* hit(node, match[0], match.index, 'lower case');
  }
}

interface Word {
  text: string;
  start: number;
}

/** Fragments of upper-case letters and digits that add up to a key: `AK12 3456 …`, `"AK12" + "3456…"`, folded lines. */
function* split(node: ScanNode): Generator<KeyHit> {
  const words = [...node.text.matchAll(/[A-Za-z0-9]+/g)].map((match): Word => ({ text: match[0], start: match.index }));
  for (let first = 0; first < words.length; first++) {
    const word = words[first];
    if (word === undefined) continue;
    for (const start of beginnings(node, word)) {
      const found = follow(node, words, first, start);
      if (found !== undefined) yield* hit(node, found, start.start, 'split');
    }
  }
}

/** The word itself, where a key could begin with it; behind noise also what is left when the noise is taken off. */
function beginnings(node: ScanNode, word: Word): Word[] {
  const noise = node.looseStart ? NOISE_REACH - word.start : 0;
  const all: Word[] = [];
  for (let off = 0; off === 0 || (off <= noise && off < word.text.length); off++) {
    const text = word.text.slice(off);
    if (/^(?:[ACP]$|[ACP]K)/.test(text)) all.push({ text, start: word.start + off });
  }
  return all;
}

function follow(node: ScanNode, words: readonly Word[], first: number, start: Word): string | undefined {
  let joined = start.text;
  let onlyJoins = true;
  if (!/^[A-Z0-9]{1,25}$/.test(joined)) return undefined;
  for (let at = first + 1; at < words.length; at++) {
    const [before, word] = [words[at - 1], words[at]];
    if (before === undefined || word === undefined) return undefined;
    const separator = node.text.slice(before.start + before.text.length, word.start);
    if (!isSeparator(separator)) return undefined;
    onlyJoins &&= JOINS.test(separator);
    const isKey = (text: string) =>
      KEY_KIND[text.slice(0, 2)] !== undefined && (onlyJoins || digits(text) >= SPLIT_DIGITS);
    const noise = node.looseEnd ? NOISE_REACH - (node.text.length - word.start - word.text.length) : 0;
    const whole = KEY_LENGTHS.map((length) => word.text.slice(0, length - joined.length)).find((part, i) => {
      const rest = word.text.length - part.length;
      if (joined.length + part.length !== KEY_LENGTHS[i] || !/^[A-Z0-9]+$/.test(part)) return false;
      return (rest === 0 || rest <= noise) && isKey(joined + part);
    });
    if (whole !== undefined) return joined + whole;
    joined += word.text;
    if (joined.length >= 26 || !/^[A-Z0-9]+$/.test(word.text)) return undefined;
    if (KEY_KIND[joined.slice(0, 2)] === undefined) return undefined;
  }
  return undefined;
}

/** Blanks, one sign, or the quotes and signs of a list or a concatenation; not the structure of JSON or of code. */
const SEPARATOR = /^(?:\s*[-_.,:;|/\\+&~*]?\s*|["'`]{0,2}\s*[+.&,\\]?\s*["'`]{0,2})$/;

function isSeparator(separator: string): boolean {
  if (separator.length > MAX_BLANK || separator.replace(/\s+/g, '').length > MAX_SEPARATOR) return false;
  return SEPARATOR.test(separator);
}

function isAlnum(character: string | undefined): boolean {
  return character !== undefined && /[A-Za-z0-9]/.test(character);
}

const digits = (text: string): number => text.replace(/[^0-9]/g, '').length;
