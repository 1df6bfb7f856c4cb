import { describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { findSigner } from '@papergate/delivery';
import { buildArgsOf } from './build-args.ts';
import { signingEnvironment } from './signing.ts';

const KEY = new Secret(['-----BEGIN ENCRYPTED', 'SIGSTORE', 'PRIVATE', 'KEY-----\nabc\n'].join(' '));
const IDENTITY = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x.example', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'a-token' };
const inputs = (change: Partial<Parameters<typeof signingEnvironment>[1]> = {}) => ({
  sign: 'auto' as const,
  'sign-key': undefined,
  'sign-password': undefined,
  ...change,
});
const kindOf = (env: Record<string, string>, change: Parameters<typeof inputs>[0] = {}): string | undefined =>
  findSigner({ env: signingEnvironment(env, inputs(change)) })?.kind;

describe('with what is signed', () => {
  test.each<[string, Record<string, string>, Parameters<typeof inputs>[0], string | undefined]>([
    ['nothing, where there is nothing', {}, {}, undefined],
    ['the identity of the workflow', IDENTITY, {}, 'identity'],
    ['the key that is given, though there is an identity', IDENTITY, { 'sign-key': KEY }, 'key'],
    ['the key of the environment', { COSIGN_KEY: '/some/where' }, { sign: 'key' }, 'key'],
    [
      'the identity, though there is a key',
      { ...IDENTITY, COSIGN_KEY: '/some/where' },
      { sign: 'identity' },
      'identity',
    ],
    ['nothing, though there is everything', { ...IDENTITY, COSIGN_KEY: '/some/where' }, { sign: 'none' }, undefined],
  ])('%s', (_what, env, change, kind) => {
    expect(kindOf(env, change)).toBe(kind);
  });

  test('a key that is given goes before all that the environment has, with its own password', () => {
    const env = { COSIGN_KEY: '/some/where', COSIGN_PASSWORD_FILE: '/some/file', PATH: '/bin' };
    const made = signingEnvironment(env, inputs({ 'sign-key': KEY, 'sign-password': new Secret('open-sesame\n') }));
    expect(made).toEqual({ PATH: '/bin', COSIGN_PRIVATE_KEY: KEY.reveal(), COSIGN_PASSWORD: 'open-sesame' });
  });

  test('where a key is wanted the identity is not even there', () => {
    expect(signingEnvironment(IDENTITY, inputs({ sign: 'key', 'sign-key': KEY }))).toEqual({
      COSIGN_PRIVATE_KEY: KEY.reveal(),
    });
  });

  test.each<[string, Record<string, string>, Parameters<typeof inputs>[0], string]>([
    ['a key that is not there', IDENTITY, { sign: 'key' }, 'SIGN_KEY_MISSING'],
    ['an identity that is not there', { COSIGN_KEY: 'x' }, { sign: 'identity' }, 'SIGN_IDENTITY_MISSING'],
    ['a key for nothing', {}, { sign: 'none', 'sign-key': KEY }, 'INPUT_INVALID'],
    ['a password for no key', {}, { 'sign-password': KEY }, 'INPUT_INVALID'],
  ])('%s is refused', (_what, env, change, code) => {
    expect(() => signingEnvironment(env, inputs(change))).toThrow(expect.objectContaining({ code, exitCode: 2 }));
  });
});

describe('build arguments', () => {
  test('are lines of NAME=VALUE, whose values may hold more of them', () => {
    expect(buildArgsOf(['A=1', 'B_2=x=y', 'C='])).toEqual({ A: '1', B_2: 'x=y', C: '' });
  });

  test.each([['hunter2-hunter2'], ['=hunter2-hunter2'], ['A=1', 'A=hunter2-hunter2']])(
    '%j are refused unseen',
    (...lines) => {
      expect(() => buildArgsOf(lines)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID', message: expect.not.stringContaining('hunter2') }),
      );
    },
  );
});
