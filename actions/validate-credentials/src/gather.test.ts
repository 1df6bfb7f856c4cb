import { describe, expect, test } from '@jest/globals';
import { PAPER, SECRET } from '@papergate/config/testing';
import { readInputs } from '@papergate/delivery';
import { gather } from './gather.ts';
import { INPUTS } from './inputs.ts';

const inputs = (given: Record<string, string> = {}) =>
  readInputs(
    INPUTS,
    Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    process.cwd(),
  );

describe('what is judged', () => {
  test('is the environment of the job, the inputs under the names of the policy, and all secrets', () => {
    const all = inputs({
      'alpaca-api-key': ` ${PAPER}`,
      'grafana-password': 'g',
      'alpaca-base-url': 'https://x',
      secrets: '{"OTHER":"o"}',
    });
    const { env, objections } = gather(all, { PATH: '/bin' });
    expect(env).toEqual({
      PATH: '/bin',
      // As it was given: a blank before it is something to tell.
      ALPACA_API_KEY: ` ${PAPER}`,
      GRAFANA_PASSWORD: 'g',
      ALPACA_BASE_URL: 'https://x',
      OTHER: 'o',
    });
    expect(objections).toEqual([]);
  });

  test('is an objection where one name says two things, and both are searched', () => {
    const { env, objections } = gather(inputs({ 'api-token': 'one', secrets: '{"API_TOKEN":"two","ALSO":"same"}' }), {
      API_TOKEN: 'three',
      ALSO: 'same',
    });
    expect(new Set(Object.values(env))).toEqual(new Set(['one', 'two', 'three', 'same']));
    expect(objections.map(({ rule, where }) => [rule, where])).toEqual([
      ['said-twice', 'API_TOKEN'],
      ['said-twice', 'API_TOKEN'],
    ]);
    expect(JSON.stringify(objections)).not.toMatch(/one"|"two|three/);
  });

  test.each([
    ['staging', 'ALPACA_PAPER_API_KEY', 'ALPACA_PAPER_API_SECRET'],
    ['development', 'ALPACA_PAPER_API_KEY', 'ALPACA_PAPER_API_SECRET'],
    ['production', 'ALPACA_LIVE_API_KEY', 'ALPACA_LIVE_API_SECRET'],
  ])('takes the key of %s from the secrets of its name, where it is given nowhere else', (environment, key, secret) => {
    const secrets = JSON.stringify({ [key]: PAPER, [secret]: SECRET });
    expect(gather(inputs({ environment, secrets }), {}).env).toMatchObject({
      ALPACA_API_KEY: PAPER,
      ALPACA_SECRET_KEY: SECRET,
    });
    const given = gather(inputs({ environment, secrets }), { ALPACA_API_KEY_FILE: '/run/key', ALPACA_SECRET_KEY: 's' });
    expect(given.env['ALPACA_API_KEY']).toBeUndefined();
    expect(given.env['ALPACA_SECRET_KEY']).toBe('s');
  });
});
