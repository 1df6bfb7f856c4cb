import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readBoolean, readEnvironmentName, readRuntimeEnv, readSecret } from './env.ts';
import { LIVE, PAPER, SECRET, system } from './policy/cases/fixtures.ts';

describe('the environment', () => {
  test('is development where nothing is said, and one of three names', () => {
    expect(readEnvironmentName({})).toBe('development');
    expect(readEnvironmentName({ ENVIRONMENT: 'production' })).toBe('production');
    expect(() => readEnvironmentName({ ENVIRONMENT: 'prod' })).toThrow(
      /ENVIRONMENT is "prod", allowed: development, staging, production/,
    );
    expect(() => readEnvironmentName({ ENVIRONMENT: '' })).toThrow(/ENVIRONMENT is ""/);
  });

  test('has booleans that are exactly true or false', () => {
    expect(readBoolean({}, 'DRY_RUN', true)).toBe(true);
    expect(readBoolean({ DRY_RUN: 'false' }, 'DRY_RUN', true)).toBe(false);
    for (const wrong of ['', '0', '1', 'TRUE', 'yes', ' true']) {
      expect(() => readBoolean({ DRY_RUN: wrong }, 'DRY_RUN', true)).toThrow(/allowed: true, false/);
    }
  });

  test('does not repeat a credential that went into the wrong variable', () => {
    for (const read of [
      () => readBoolean({ DRY_RUN: LIVE }, 'DRY_RUN', true),
      () => readEnvironmentName({ ENVIRONMENT: LIVE }),
    ]) {
      expect(read).toThrow(/is a text of 20 characters/);
    }
  });

  test('has secrets in variables or in files, not in both', () => {
    const dir = mkdtempSync(join(tmpdir(), 'papergate-env-'));
    try {
      const path = join(dir, 'secret');
      writeFileSync(path, `${SECRET}\n`);
      expect(readSecret({ A: 'x' }, 'A')?.reveal()).toBe('x');
      expect(readSecret({ A_FILE: path }, 'A')?.reveal()).toBe(SECRET);
      expect(readSecret({}, 'A')).toBeUndefined();
      expect(() => readSecret({ A: 'x', A_FILE: path }, 'A')).toThrow(/A and A_FILE are both set/);
      expect(() => readSecret({ A_FILE: join(dir, 'absent') }, 'A')).toThrow(/A_FILE does not exist/);
      expect(() => readSecret({ A_FILE: dir }, 'A')).toThrow(/A_FILE is a folder/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('is completed from the system configuration, and prints no secret', () => {
    const runtime = readRuntimeEnv({ ALPACA_API_KEY: PAPER, ALPACA_SECRET_KEY: SECRET }, system());
    expect(runtime).toMatchObject({
      environment: 'staging',
      dryRun: true,
      alpacaPaper: true,
      alpacaBaseUrl: 'https://paper-api.alpaca.markets',
      apiToken: undefined,
      logLevel: 'info',
      releaseSha: 'unreleased',
    });
    expect(runtime.databaseUrl.reveal()).toBe('postgres://papergate@127.0.0.1:9/papergate');
    const text = JSON.stringify(runtime);
    for (const part of [PAPER, SECRET, 'postgres:']) expect(text).not.toContain(part);
  });

  test('binds another address than the configured host only where LISTEN_HOST names an IPv4 address', () => {
    expect(readRuntimeEnv({}, system())).not.toHaveProperty('listenHost');
    expect(readRuntimeEnv({ LISTEN_HOST: '0.0.0.0' }, system()).listenHost).toBe('0.0.0.0');
    for (const wrong of ['', 'localhost', '0', '*', '::', '127.0.0.1:80', '256.0.0.1', 'http://127.0.0.1']) {
      expect(() => readRuntimeEnv({ LISTEN_HOST: wrong }, system())).toThrow(
        /LISTEN_HOST is .* allowed: an IPv4 address/,
      );
    }
  });

  test('has a log level that exists', () => {
    expect(readRuntimeEnv({ LOG_LEVEL: 'debug' }, system()).logLevel).toBe('debug');
    expect(() => readRuntimeEnv({ LOG_LEVEL: 'verbose' }, system())).toThrow(/LOG_LEVEL is "verbose", allowed: fatal/);
  });
});
