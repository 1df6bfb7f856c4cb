import { expect, test } from '@jest/globals';
import { parseChallenges } from './challenge.ts';

test('a challenge is taken apart into its scheme and parameters, whatever their case and quoting', () => {
  expect(
    parseChallenges('BEARER Realm="https://ghcr.io/token", service=ghcr.io,scope="repository:a/b:pull,push"'),
  ).toEqual([
    {
      scheme: 'bearer',
      parameters: { realm: 'https://ghcr.io/token', service: 'ghcr.io', scope: 'repository:a/b:pull,push' },
    },
  ]);
});

test('several challenges in one header stay apart', () => {
  expect(parseChallenges('Basic realm="a \\"b\\"", Bearer realm="https://x/t",error="invalid_token"')).toEqual([
    { scheme: 'basic', parameters: { realm: 'a "b"' } },
    { scheme: 'bearer', parameters: { realm: 'https://x/t', error: 'invalid_token' } },
  ]);
});

test.each([null, '', ' , ', '"', 'Basic'])('%j gives what can be read and no error', (header) => {
  expect(parseChallenges(header)).toEqual(header === 'Basic' ? [{ scheme: 'basic', parameters: {} }] : []);
});
