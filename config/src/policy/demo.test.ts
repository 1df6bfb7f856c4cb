import { describe, expect, test } from '@jest/globals';
import { makeText, STAGING_ENV } from './cases/fixtures.ts';
import { checkCredentials } from './check.ts';
import { demoPaperCredentials } from './demo.ts';

const seeded = (seed: number) => {
  const draws = makeText(seed, 4000, '0123456789abcdef').match(/.{8}/g) ?? [];
  return () => Number.parseInt(draws.shift() ?? '0', 16) / 2 ** 32;
};

describe('demo credentials', () => {
  test('pass the policy', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { key, secret } = demoPaperCredentials(seeded(seed));
      const env = { ...STAGING_ENV, ALPACA_API_KEY: key.reveal(), ALPACA_SECRET_KEY: secret.reveal() };
      expect(checkCredentials({ environment: 'staging', env }).findings).toEqual([]);
    }
  });

  test('are the same for the same randomness and others for other', () => {
    const shown = (seed: number) => demoPaperCredentials(seeded(seed)).key.reveal();
    expect(shown(7)).toBe(shown(7));
    expect(shown(7)).not.toBe(shown(8));
    expect(demoPaperCredentials().key.reveal()).not.toBe(demoPaperCredentials().key.reveal());
  });

  test('do not print', () => {
    const made = demoPaperCredentials();
    expect(`${JSON.stringify(made)} ${String(made.key)}`).toBe('{"key":"[redacted]","secret":"[redacted]"} [redacted]');
  });

  test('are not made of a broken source of randomness', () => {
    expect(() => demoPaperCredentials(() => 0)).toThrow(/randomness/);
  });
});
