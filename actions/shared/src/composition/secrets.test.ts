import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkCredentials, makeAccessToken, Secret, type Environment } from '@papergate/config';
import { resolveSecrets, SECRETS } from './secrets.ts';

const system = { database: { host: '127.0.0.1', port: 5433, name: 'trades', user: 'owner', pool_size: 1 } };
const key = `${String.fromCharCode(80, 75)}A1B2C3D4E5F6G7H8I9`;
const secret = ['s3', 'Cr', 'tOf', 'F0rtyCharacters', 'AndLettersOnly12345x'].join('').slice(0, 40);
const token = 'token-of-the-callers-own';

function resolve(
  environment: Environment,
  env: Record<string, string> = {},
  existing: Record<string, string> = {},
  monitoring = false,
) {
  let made = 0;
  const secrets = resolveSecrets({
    environment,
    env,
    existing: new Map(Object.entries(existing).map(([name, value]) => [name, new Secret(value)])),
    system,
    monitoring,
    random: () => `random-text-number-${(made += 1)}`,
  });
  return Object.fromEntries([...secrets].map(([name, value]) => [name, value.reveal()]));
}
const STAGING = { ALPACA_PAPER_API_KEY: key, ALPACA_PAPER_API_SECRET: secret, API_TOKEN: token };

describe('the secrets of a place', () => {
  test('are all made in development, pass the policy, and are kept from then on', () => {
    const first = resolve('development');
    expect(Object.keys(first).toSorted()).toEqual(
      SECRETS.filter(({ monitoring }) => !monitoring)
        .map(({ name }) => name)
        .toSorted(),
    );
    const env = {
      ...first,
      ENVIRONMENT: 'development',
      DRY_RUN: 'true',
      ALPACA_PAPER: 'true',
      ALPACA_BASE_URL: 'http://paper-exchange:5600',
    };
    expect(checkCredentials({ environment: 'development', env }).findings).toEqual([]);
    expect(first['API_TOKEN']).not.toBe(first['POSTGRES_PASSWORD']);
    expect(first['POSTGRES_PASSWORD']).not.toBe(first['DATABASE_PASSWORD']);
    expect(resolve('development', {}, first)).toEqual(first);
  });

  test('in development are demo keys whatever the caller has, and a pair', () => {
    const made = resolve('development', { ALPACA_API_KEY: key, ALPACA_SECRET_KEY: secret });
    expect(made['ALPACA_API_KEY']).toMatch(/^PK[A-Z0-9]{18}$/);
    expect(made['ALPACA_API_KEY']).not.toBe(key);
    const anew = resolve('development', {}, { ALPACA_API_KEY: key });
    expect(anew['ALPACA_API_KEY']).not.toBe(key);
  });

  test('in staging are the caller’s, under the names of the bundle or of GitHub, or in files', () => {
    expect(resolve('staging', STAGING)).toMatchObject({
      ALPACA_API_KEY: key,
      ALPACA_SECRET_KEY: secret,
      API_TOKEN: token,
    });
    const dir = mkdtempSync(join(tmpdir(), 'papergate-secrets-'));
    try {
      writeFileSync(join(dir, 'token'), `${token}\n`);
      const { API_TOKEN: _gone, ...others } = STAGING;
      expect(resolve('staging', { ...others, API_TOKEN_FILE: join(dir, 'token') })['API_TOKEN']).toBe(token);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('that the caller brings anew win over the place’s, so that keys and token can be rotated', () => {
    const first = resolve('staging', STAGING);
    const rotated = resolve('staging', { API_TOKEN: 'another-token-for-all' }, first);
    expect(rotated).toEqual({ ...first, API_TOKEN: 'another-token-for-all' });
  });

  test('hold a list of who else has a token: nobody, unless the caller brings one, which is kept from then on', () => {
    const first = resolve('staging', STAGING);
    expect(first['ACCESS_TOKENS']).toBe('[]');
    const list = JSON.stringify([makeAccessToken({ name: 'alice', role: 'viewer' }).entry]);
    const given = resolve('staging', { ACCESS_TOKENS: list }, first);
    expect(given).toEqual({ ...first, ACCESS_TOKENS: list });
    // A secret that is not set comes as an empty text.
    expect(resolve('staging', { ACCESS_TOKENS: '' }, given)['ACCESS_TOKENS']).toBe(list);
    expect(resolve('staging', { ACCESS_TOKENS: '[]' }, given)['ACCESS_TOKENS']).toBe('[]');
    const bare = 'a-token-where-its-hash-belongs';
    const wrong = JSON.stringify([{ name: 'bob', role: 'viewer', sha256: bare }]);
    expect(() => resolve('staging', { ACCESS_TOKENS: wrong }, first)).toThrow(
      /"bob", has a sha256 that is a text of 30/,
    );
  });

  test('of the database stay what the database knows, whatever the caller has later', () => {
    const first = resolve('staging', { ...STAGING, STAGING_DB_PASSWORD: 'first-word' });
    expect(first['DATABASE_PASSWORD']).toBe('first-word');
    const later = resolve('staging', { ...STAGING, STAGING_DB_PASSWORD: 'second-word' }, first);
    expect(later['DATABASE_PASSWORD']).toBe('first-word');
    expect(later['POSTGRES_PASSWORD']).toBe(first['POSTGRES_PASSWORD']);
  });

  test('hold the database’s address as containers reach it, the password encoded', () => {
    const { DATABASE_URL: url } = resolve('staging', { ...STAGING, DATABASE_PASSWORD: 'a/b@c:d e?' });
    expect(url).toBe('postgres://owner:a%2Fb%40c%3Ad%20e%3F@postgres:5432/trades');
    expect(new URL(url ?? '').hostname).toBe('postgres');
  });

  test('of the monitoring exist only with it; Prometheus gets the services’ token', () => {
    expect(resolve('staging', STAGING)).not.toHaveProperty('GRAFANA_PASSWORD');
    const with_ = resolve('staging', { ...STAGING, GRAFANA_PASSWORD: 'g' }, {}, true);
    expect(with_).toMatchObject({ PROMETHEUS_TOKEN: token, GRAFANA_PASSWORD: 'g' });
  });

  test('that are missing outside development are named, all of them', () => {
    expect(() => resolve('staging')).toThrow(
      'ALPACA_API_KEY, ALPACA_SECRET_KEY, API_TOKEN are missing; staging needs them',
    );
    expect(() => resolve('production', { ALPACA_API_KEY: 'a', ALPACA_SECRET_KEY: 'b', API_TOKEN: '' })).toThrow(
      'API_TOKEN is missing; production needs it',
    );
  });

  test('of staging are none of production, whatever they are called', () => {
    expect(() => resolve('production', STAGING)).toThrow('ALPACA_API_KEY, ALPACA_SECRET_KEY are missing');
    const live = { ALPACA_API_KEY: 'a', ALPACA_SECRET_KEY: 'b', API_TOKEN: token };
    const made = resolve('production', { ...live, STAGING_DB_PASSWORD: 'of-staging' });
    expect(made['DATABASE_PASSWORD']).not.toBe('of-staging');
  });

  test.each(['too-short', 'a token with blanks in it', 'a-token-with-a-\u00e9-in-it'])(
    'the token %j is refused, unnamed',
    (bad) => {
      expect(() => resolve('staging', { ...STAGING, API_TOKEN: bad })).toThrow(/API_TOKEN is shorter than 16/);
      try {
        resolve('staging', { ...STAGING, API_TOKEN: bad });
      } catch (error) {
        expect(String(error)).not.toContain(bad);
      }
    },
  );

  test('have one reader each, and no name twice', () => {
    const names = SECRETS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { reader } of SECRETS) expect(reader).toBeGreaterThan(0);
  });
});
