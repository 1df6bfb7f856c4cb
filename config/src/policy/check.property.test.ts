import { randomInt } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { base32 } from './cases/smuggled-variables.ts';
import { cut, each, hex, hex2, hex4, STAGING_ENV, staging } from './cases/fixtures.ts';
import { checkCredentials } from './check.ts';
import { demoPaperCredentials } from './demo.ts';

/** Run again with PAPERGATE_TEST_SEED to see the same again; the titles have it. */
const seed = Number(process.env['PAPERGATE_TEST_SEED'] ?? randomInt(2 ** 31));
const parameters = (numRuns: number) => ({ seed, numRuns });

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'.split('');
const HEX = '0123456789abcdef'.split('');
const characters = (set: readonly string[], minLength: number, maxLength = minLength) =>
  fc.array(fc.constantFrom(...set), { minLength, maxLength }).map((parts) => parts.join(''));
const keyOf = (...prefixes: string[]) =>
  fc
    .tuple(
      fc.constantFrom(...prefixes),
      fc.constantFrom(18, 24).chain((length) => characters(UPPER, length)),
    )
    .map((parts) => parts.join(''))
    // Nobody draws one of three letters, and the policy rightly takes it for a placeholder.
    .filter((key) => new Set(key.slice(2)).size > 3);
/** Fragments without two digits are words in capitals, not a key: the documented limit of the search. */
const hasDigits = (key: string): boolean => key.replace(/[^0-9]/g, '').length >= 2;

type Disguise = readonly [name: string, write: (text: string) => string];

/** What changes the key itself; only as the innermost. */
const INNER: readonly Disguise[] = [
  ['nothing', (key) => key],
  ['zero-width', (key) => cut(key, 3, '\u200b')],
  ['soft hyphens', (key) => cut(key, 1, '\u00ad')],
  ['Cyrillic', (key) => key.replace('A', '\u0410').replaceAll('K', '\u041a').replaceAll('C', '\u0421')],
  ['full-width', (key) => each(key, (code) => String.fromCodePoint(code + 0xfee0))],
  ['blanks', (key) => cut(key, 4, ' ')],
  ['line breaks', (key) => cut(key, 7, '\n    ')],
  ['dashes', (key) => cut(key, 5, '-')],
  ['concatenation', (key) => `"${cut(key, 6, '" + "')}"`],
];
const OUTER: readonly Disguise[] = [
  ['base64', (text) => Buffer.from(text).toString('base64')],
  ['base64url', (text) => Buffer.from(text).toString('base64url')],
  ['base64 lines', (text) => cut(Buffer.from(text).toString('base64'), 20, '\n  ')],
  ['base64 UTF-16', (text) => Buffer.from(text, 'utf16le').toString('base64')],
  ['hex', hex],
  ['HEX', (text) => hex(text).toUpperCase()],
  ['hex bytes', (text) => cut(hex(text), 2, ':')],
  ['decimal bytes', (text) => `[${[...Buffer.from(text)].join(', ')}]`],
  ['percent', (text) => [...Buffer.from(text)].map((byte) => `%${hex2(byte)}`).join('')],
  ['JSON escapes', (text) => each(text, (code) => `\\u${hex4(code)}`)],
  ['HTML entities', (text) => each(text, (code) => `&#${code};`)],
  ['base32', base32Bytes],
  ['gzip', (text) => gzipSync(text).toString('base64')],
  ['deflate', (text) => deflateSync(text).toString('base64')],
  ['JSON', (text) => JSON.stringify({ a: [text], b: 1 })],
  ['user-info', (text) => `https://${encodeURIComponent(text)}:x@example.com/`],
];

function base32Bytes(text: string): string {
  return base32(Buffer.from(text).toString('latin1'));
}

const PLACES: readonly Disguise[] = [
  ['alone', (text) => text],
  ['.env', (text) => `A=1\nKEY=${text}\nB=2\n`],
  ['JSON', (text) => JSON.stringify({ name: 'x', value: text }, null, 2)],
  ['YAML', (text) => `a:\n  b: ${text}\n  c: d\n`],
  ['XML', (text) => `<a b="1">${text}</a>`],
  ['command', (text) => `run --key=${text} --fast`],
  ['words', (text) => `before ${text} after`],
  ['brackets', (text) => `f(${text});`],
];

const disguised = fc.record({
  key: keyOf('AK', 'CK').filter(hasDigits),
  inner: fc.constantFrom(...INNER),
  outer: fc.array(fc.constantFrom(...OUTER), { maxLength: 3 }),
  place: fc.constantFrom(...PLACES),
  inFile: fc.boolean(),
});

describe(`the credential policy (seed ${seed})`, () => {
  test('finds a live key under any composition of disguises and never prints a part of it', () => {
    fc.assert(
      fc.property(disguised, ({ key, inner, outer, place, inFile }) => {
        const text = [inner, ...outer, place].reduce((text, [, write]) => write(text), key);
        const input = inFile
          ? staging({}, { files: [{ path: 'config/x', content: text }] })
          : staging({ SETTING: text });
        const report = checkCredentials(input);
        const told = JSON.stringify(report).toUpperCase();
        expect([...new Set(report.findings.map(({ rule }) => rule))]).toEqual([
          inFile ? 'smuggled-file' : 'smuggled-variable',
        ]);
        for (let at = 0; at + 6 <= key.length; at++) expect(told.includes(key.slice(at, at + 6))).toBe(false);
      }),
      parameters(800),
    );
  });

  test('finds a live key between any two texts, and names its line', () => {
    const edge = fc.constantFrom(' ', '"', "'", '=', ':', ',', ';', '\n', '/', '@', '(', '<', '|', '_', '-', '.', '+');
    const around = fc.tuple(fc.string({ unit: 'binary', maxLength: 60 }), edge, edge, fc.string({ maxLength: 60 }));
    fc.assert(
      fc.property(keyOf('AK', 'CK'), around, (key, [before, left, right, after]) => {
        const content = `${before}${left}${key}${right}${after}`;
        const report = checkCredentials(staging({}, { files: [{ path: 'x.txt', content }] }));
        const line = `${before}${left}`.split('\n').length;
        expect(report.findings.map(({ rule }) => rule)).toContain('smuggled-file');
        expect(report.findings.map(({ where }) => where)).toContain(`x.txt:${line}`);
      }),
      parameters(400),
    );
  });

  test('lets every legitimate paper environment pass', () => {
    const text = fc.oneof(
      fc.uuid(),
      fc.ulid(),
      fc.string({ maxLength: 80 }),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.base64String({ minLength: 4, maxLength: 400 }),
      fc.json(),
      fc.webUrl(),
      fc.emailAddress(),
      fc.ipV6(),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      characters(HEX, 40),
      characters(HEX, 64),
      keyOf('PK'),
      fc.array(characters(UPPER.slice(0, 26), 1, 5), { maxLength: 30 }).map((symbols) => symbols.join(',')),
      fc.uint8Array({ minLength: 20, maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    );
    const environment = fc.record({
      key: keyOf('PK'),
      others: fc.dictionary(fc.stringMatching(/^[A-Z][A-Z_]{2,20}$/).filter(isFree), text, { maxKeys: 12 }),
    });
    fc.assert(
      fc.property(environment, ({ key, others }) => {
        const { secret } = demoPaperCredentials();
        const env = { ...others, ALPACA_API_KEY: key, ALPACA_SECRET_KEY: secret.reveal() };
        const files = [{ path: 'config/others.json', content: JSON.stringify(others, null, 2) }];
        expect(checkCredentials(staging(env, { files })).findings).toEqual([]);
      }),
      parameters(400),
    );
  });

  test('judges any text in any of its variables without throwing, and alike each time', () => {
    const names = Object.keys(STAGING_ENV);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string({ unit: 'binary', maxLength: 200 }), (name, value) => {
        const first = checkCredentials(staging({ [name]: value }));
        expect(checkCredentials(staging({ [name]: value }))).toEqual(first);
      }),
      parameters(400),
    );
  });
});

function isFree(name: string): boolean {
  return !/ALPACA|APCA|^ENVIRONMENT$|_FILE$|^DRY_RUN$/.test(name);
}
