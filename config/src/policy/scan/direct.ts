import { KEY_KIND, KEY_LENGTHS, looksLikeAws, type KeyKind } from '../keys.ts';
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
const MAX_SEPARATOR = 16;
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
  if (kind === undefined) return [];
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

/** Fragments of upper-case letters and digits that add up to a key: `AK12 3456 …`, `"AK12" + "3456…"`, folded lines. */
function* split(node: ScanNode): Generator<KeyHit> {
  const words = [...node.text.matchAll(/[A-Za-z0-9]+/g)].map((match) => ({ text: match[0], start: match.index }));
  for (let first = 0; first < words.length; first++) {
    const start = words[first];
    if (start === undefined || start.text.length >= 20 || !/^(?:[ACP]$|[ACP]K)/.test(start.text)) continue;
    const found = follow(node.text, words, first);
    if (found !== undefined) yield* hit(node, found, start.start, 'split');
  }
}

function follow(text: string, words: readonly { text: string; start: number }[], first: number): string | undefined {
  let joined = '';
  let onlyJoins = true;
  for (let at = first; at < words.length; at++) {
    const word = words[at];
    if (word === undefined || !/^[A-Z0-9]+$/.test(word.text)) return undefined;
    const before = words[at - 1];
    if (at > first && before !== undefined) {
      const separator = text.slice(before.start + before.text.length, word.start);
      if (!isSeparator(separator)) return undefined;
      onlyJoins &&= JOINS.test(separator);
    }
    joined += word.text;
    if (joined.length > 26) return undefined;
    if (joined.length >= 2 && KEY_KIND[joined.slice(0, 2)] === undefined) return undefined;
    const complete = joined.length === 20 || joined.length === 26;
    if (complete && at > first && (onlyJoins || digits(joined) >= SPLIT_DIGITS)) return joined;
  }
  return undefined;
}

function isSeparator(separator: string): boolean {
  return separator.length <= MAX_BLANK && separator.replace(/\s+/g, '').length <= MAX_SEPARATOR;
}

function isAlnum(character: string | undefined): boolean {
  return character !== undefined && /[A-Za-z0-9]/.test(character);
}

const digits = (text: string): number => text.replace(/[^0-9]/g, '').length;
