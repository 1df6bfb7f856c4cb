import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { findSigner } from './signer.ts';

const PASSWORD = ['sentinel', 'password'].join('-');
const PEM = ['-----BEGIN ENCRYPTED SIGSTORE PRIVATE', 'KEY-----\nabc\n-----END'].join(' ');

describe('what a release is signed with', () => {
  test('nothing, where there is nothing', () => {
    expect(findSigner({ env: {} })).toBeUndefined();
    expect(findSigner({ env: { COSIGN_PASSWORD: PASSWORD } })).toBeUndefined();
    expect(findSigner({ env: { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x' } })).toBeUndefined();
  });

  test.each([
    ['the key given', { key: '/k/given.key', env: { COSIGN_KEY: '/k/env.key' } }, '/k/given.key', 'the key given.key'],
    [
      'COSIGN_KEY',
      { env: { COSIGN_KEY: '/k/env.key', COSIGN_PRIVATE_KEY_FILE: '/k/f' } },
      '/k/env.key',
      'the key env.key',
    ],
    ['COSIGN_PRIVATE_KEY_FILE', { env: { COSIGN_PRIVATE_KEY_FILE: '/k/f.key' } }, '/k/f.key', 'the key f.key'],
    ['a key service', { env: { COSIGN_KEY: 'awskms:///alias/x' } }, 'awskms:///alias/x', 'the key awskms:///alias/x'],
    [
      'COSIGN_PRIVATE_KEY',
      { env: { COSIGN_PRIVATE_KEY: PEM } },
      'env://COSIGN_PRIVATE_KEY',
      'the key in COSIGN_PRIVATE_KEY',
    ],
    [
      'a key that stands in COSIGN_KEY',
      { env: { COSIGN_KEY: PEM } },
      'env://COSIGN_PRIVATE_KEY',
      'the key in COSIGN_PRIVATE_KEY',
    ],
  ])('%s', (_title, options, key, description) => {
    const signer = findSigner(options);
    expect(signer).toMatchObject({ kind: 'key', description, args: ['--key', key, '--tlog-upload=false'] });
  });

  test('the password of a key goes into the environment, from a file as well, and never into arguments', () => {
    const dir = mkdtempSync(join(tmpdir(), 'papergate-signer-'));
    try {
      writeFileSync(join(dir, 'password'), `${PASSWORD}\n`);
      for (const env of [{ COSIGN_PASSWORD: PASSWORD }, { COSIGN_PASSWORD_FILE: join(dir, 'password') }]) {
        const signer = findSigner({ env: { COSIGN_KEY: 'x.key', ...env } });
        expect(signer?.env['COSIGN_PASSWORD']).toBe(PASSWORD);
        expect(signer?.secrets).toContain(PASSWORD);
        expect(signer?.args.join(' ')).not.toContain(PASSWORD);
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('without a password cosign gets an empty one, so that it does not ask', () => {
    expect(findSigner({ env: { COSIGN_KEY: 'x.key' } })?.env).toEqual({ COSIGN_PASSWORD: '' });
  });

  test('a key service gets its access, a file does not', () => {
    const env = { AWS_REGION: 'eu-west-1', AWS_SECRET_ACCESS_KEY: 'access', OTHER: 'x' };
    expect(findSigner({ env: { ...env, COSIGN_KEY: 'awskms:///alias/x' } })?.env).toEqual({
      AWS_REGION: 'eu-west-1',
      AWS_SECRET_ACCESS_KEY: 'access',
      COSIGN_PASSWORD: '',
    });
    expect(findSigner({ env: { ...env, COSIGN_KEY: 'x.key' } })?.env).toEqual({ COSIGN_PASSWORD: '' });
  });

  test('the identity of a workflow, where there is no key; its signatures are always public', () => {
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'token' };
    expect(findSigner({ env })).toMatchObject({
      kind: 'identity',
      args: [],
      env,
      secrets: expect.arrayContaining(['token']),
    });
    expect(findSigner({ env: { ...env, COSIGN_KEY: 'x.key' } })?.kind).toBe('key');
  });

  test('a key’s signatures are entered in the public log where that is asked for', () => {
    expect(findSigner({ env: { COSIGN_KEY: 'x.key' }, publicLog: true })?.args).toContain('--tlog-upload=true');
  });
});
