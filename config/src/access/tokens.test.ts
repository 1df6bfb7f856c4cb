import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { UserError } from '../errors.ts';
import { readRuntimeEnv } from '../env.ts';
import { Secret } from '../secret.ts';
import { loadSystemConfig } from '../load/index.ts';
import { covers, ROLES } from './roles.ts';
import { hashToken, makeAccessToken, MAX_ACCESS_TOKENS, parseAccessTokens } from './tokens.ts';

const CONFIG_DIR = new URL('../../', import.meta.url).pathname;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const entry = (over: object = {}): object => ({ name: 'alice', role: 'viewer', sha256: hash('alice'), ...over });
const parse = (value: unknown) => parseAccessTokens(new Secret(JSON.stringify(value)));

test('a role includes the ones before it, and no other', () => {
  expect(ROLES.map((role) => ROLES.map((needed) => covers(role, needed)))).toEqual([
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});

describe('a token that is made', () => {
  test('is 256 random bits, and let in by the entry that is made with it', () => {
    const { token, entry: made } = makeAccessToken({ name: 'bob-phone', role: 'trader' });
    expect(token.reveal()).toMatch(/^pgt_[A-Za-z0-9_-]{43}$/);
    expect(made).toEqual({ name: 'bob-phone', role: 'trader', sha256: hash(token.reveal()) });
    expect(hashToken(token.reveal())).toBe(made.sha256);
    expect(parse([made])).toEqual([made]);
    expect(makeAccessToken({ name: 'bob-phone', role: 'trader' }).token.reveal()).not.toBe(token.reveal());
  });

  test('is for nobody whose name or end cannot be', () => {
    expect(() => makeAccessToken({ name: 'Bob', role: 'trader' })).toThrow(/name that is a text of 3 characters/);
    expect(() => makeAccessToken({ name: 'bob', role: 'trader', expires_at: 'soon' })).toThrow(/expires_at/);
  });
});

describe('ACCESS_TOKENS', () => {
  test('takes every key, and an empty text or list for nobody', () => {
    const full = entry({ expires_at: '2030-01-31T00:00:00+01:00', requests_per_second: 5 });
    expect(parse([full])).toEqual([full]);
    expect(parse([])).toEqual([]);
    expect(parseAccessTokens(new Secret('\n'))).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ['an object', entry(), 'ACCESS_TOKENS is an object, allowed: an array'],
    ['a text in it', ['a'], 'ACCESS_TOKENS: entry 1 is a text of 1 characters'],
    ['no name', [entry({ name: undefined })], 'entry 1 has a name that is missing'],
    ['a name with blanks', [entry({ name: 'a b' })], 'entry 1 has a name that is a text of 3 characters'],
    ['a name that is too long', [entry({ name: 'a'.repeat(65) })], 'a name that is a text of 65 characters'],
    ['a name that ends in a dot', [entry({ name: 'a.' })], 'a name that is'],
    ['the name of the bundle', [entry({ name: 'bundle' })], 'has the name "bundle", which is not a person'],
    [
      'an unknown role',
      [entry({ role: 'admin' })],
      '"alice", has a role that is a text of 5 characters, allowed: viewer',
    ],
    ['upper-case hexadecimal', [entry({ sha256: hash('a').toUpperCase() })], 'has a sha256 that is a text of 64'],
    ['no hash', [entry({ sha256: undefined })], 'has a sha256 that is missing'],
    ['an unknown key', [entry({ token: 'x' })], '"alice", has 1 unknown key(s), allowed: name, role, sha256'],
    ['an end without a zone', [entry({ expires_at: '2030-01-31T00:00:00' })], 'has an expires_at that is a text of 19'],
    ['a day that is none', [entry({ expires_at: '2030-13-31T00:00:00Z' })], 'has an expires_at that is'],
    ['no request a second', [entry({ requests_per_second: 0 })], 'has a requests_per_second that is a number'],
    ['half a request', [entry({ requests_per_second: 0.5 })], 'a whole number from 1 to 100000'],
    ['a name twice', [entry(), entry({ sha256: hash('b') })], 'entry 2 has the name of entry 1, "alice"'],
    ['a hash twice', [entry(), entry({ name: 'bob' })], 'entry 2, "bob", has the hash of entry 1'],
    ['too many', Array.from({ length: MAX_ACCESS_TOKENS + 1 }, () => entry()), 'has 501 entries, allowed: up to 500'],
  ])('refuses %s', (_what, value, message) => {
    expect(() => parse(value)).toThrow(message);
    expect(() => parse(value)).toThrow(UserError);
  });

  test('repeats nothing of a token that stands where its hash belongs, nor of what is no JSON', () => {
    const { token } = makeAccessToken({ name: 'carol', role: 'operator' });
    const text = token.reveal();
    const wrong = [
      JSON.stringify([entry({ sha256: text })]),
      JSON.stringify([entry({ name: text })]),
      JSON.stringify([entry({ role: text })]),
      JSON.stringify([entry({ [text]: 1 })]),
      JSON.stringify([text]),
      text,
      `[{"name":"carol","sha256":"${text}`,
    ];
    for (const given of wrong) {
      let said: unknown;
      try {
        parseAccessTokens(new Secret(given));
      } catch (error) {
        said = error;
      }
      expect(said).toMatchObject({ code: 'ACCESS_TOKENS_INVALID', exitCode: 2 });
      expect(`${(said as UserError).stack} ${(said as UserError).fix}`).not.toContain(text.slice(4));
    }
  });

  test('is checked where a service reads its environment, and is not printed with it', () => {
    const system = loadSystemConfig(CONFIG_DIR, 'staging');
    const good = JSON.stringify([entry()]);
    const runtime = readRuntimeEnv({ ACCESS_TOKENS: good }, system);
    expect(runtime.accessTokens?.reveal()).toBe(good);
    expect(JSON.stringify(runtime)).not.toContain(hash('alice'));
    for (const nobody of [{}, { ACCESS_TOKENS: '' }, { ACCESS_TOKENS: '[]' }]) {
      expect(readRuntimeEnv(nobody, system).accessTokens).toBeUndefined();
    }
    expect(() => readRuntimeEnv({ ACCESS_TOKENS: '[{}]' }, system)).toThrow('ACCESS_TOKENS: entry 1');
  });
});
