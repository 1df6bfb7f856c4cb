import { describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { checkBuildArgs, isSecretName, secretShape } from './args.ts';

// Made when they are needed: a scanner of this repository must find no key in it.
const live = `${String.fromCharCode(65, 75)}Q7ZP3M9T2X8W5R1V4N`;
const paper = `${String.fromCharCode(80, 75)}Q7ZP3M9T2X8W5R1V4N`;

const refused = (args: Record<string, string>): UserError => {
  try {
    checkBuildArgs(args);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error(`not refused: ${Object.keys(args).join()}`);
};

describe('a build argument', () => {
  test.each([
    'SECRET',
    'MY_SECRET_THING',
    'NPM_TOKEN',
    'npmToken',
    'DB_PASSWORD',
    'DB_PASSWD',
    'API_KEY',
    'APIKEY',
    'SIGNING_KEY',
    'KEY',
    'COSIGN_KEY_FILE',
    'AWS_CREDENTIALS',
    'PRIVATE_PEM',
    'BASIC_AUTH',
    'DATABASE_URL',
    'SENTRY_DSN',
  ])('of the name %s is refused, whatever it holds', (name) => {
    const error = refused({ FINE: 'yes', [name]: 'harmless' });
    expect(error).toMatchObject({ code: 'BUILD_ARG_SECRET', exitCode: 2 });
    expect(error.message).toContain(name);
    expect(error.message).not.toContain('harmless');
  });

  test.each(['NODE_IMAGE', 'MONKEY', 'KEYBOARD', 'AUTHOR', 'HTTP_PROXY', 'VERSION', 'TURKEY_DAY', 'PINNED', 'PATTERN'])(
    'of the name %s is let through',
    (name) => {
      expect(isSecretName(name)).toBe(false);
      expect(() => checkBuildArgs({ [name]: 'some plain value' })).not.toThrow();
    },
  );

  test.each<[string, string, string]>([
    ['a live key', live, 'an Alpaca key'],
    ['a paper key', paper, 'an Alpaca key'],
    ['a key in base64', Buffer.from(`key=${live};`).toString('base64'), 'an Alpaca key'],
    ['a key within text', `--with ${live} --and more`, 'an Alpaca key'],
    ['a private key', ['-----BEGIN', 'RSA PRIVATE KEY-----\nMII'].join(' '), 'a private key'],
    ['a GitHub token', `ghp_${'a1B2'.repeat(9)}`, 'a GitHub token'],
    ['an npm token', `npm_${'a1B2'.repeat(9)}`, 'an npm token'],
    ['a URL with a password', 'https://me:hunter22@registry.example/', 'a URL with a password in it'],
    [
      'a web token',
      `${Buffer.from('{"alg":"x"}').toString('base64url')}.${Buffer.from('{"sub":1}').toString('base64url')}.${'x'.repeat(20)}`,
      'a JSON web token',
    ],
  ])('that holds %s is refused, and it is not repeated', (_what, value, found) => {
    const error = refused({ HARMLESS: value });
    expect(error).toMatchObject({ code: 'BUILD_ARG_SECRET', exitCode: 2 });
    expect(error.message).toContain(`HARMLESS holds ${found}`);
    expect(error.message).not.toContain(value.slice(0, 12));
  });

  test('whose name is itself a key is refused without naming it', () => {
    const error = refused({ [live]: 'x' });
    expect(error.message).toContain('name withheld');
    expect(error.message).not.toContain(live);
  });

  test.each(['', 'A B', '1ST', 'A=B', 'A.B', '*.args'])('of the name %j is no argument at all', (name) => {
    expect(refused({ [name]: 'x' })).toMatchObject({ code: 'BUILD_ARG_INVALID' });
  });

  test('with a proxy, a digest, a version or a commit is let through', () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    for (const value of ['http://proxy.example:3128', digest, 'v1.2.3', 'f'.repeat(40), 'https://host/path?x=1', '']) {
      expect(secretShape(value)).toBeUndefined();
    }
  });
});
