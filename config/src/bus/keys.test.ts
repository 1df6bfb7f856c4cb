import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { PapergateError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { busKeyFiles, parseBusKeys } from './keys.ts';
import { BUS_CLIENTS, BUS_SERVICES, busPeersOf } from './links.ts';
import { fromZ85, toZ85 } from './z85.ts';

const seed = new Secret(randomBytes(32).toString('base64url'));
const files = busKeyFiles(seed);
const textOf = (service: 'market-data' | 'signal-bridge' = 'market-data'): string => files.get(service)?.reveal() ?? '';
const changed = (changes: Record<string, unknown>): Secret =>
  new Secret(JSON.stringify({ ...(JSON.parse(textOf()) as object), ...changes }));
const secretOf = (text: string): string => (JSON.parse(text) as { secret: string }).secret;

describe('Z85', () => {
  test('is that of RFC 32', () => {
    expect(toZ85(Buffer.from('864fd26fb559f75b', 'hex'))).toBe('HelloWorld');
    expect(fromZ85('HelloWorld')?.toString('hex')).toBe('864fd26fb559f75b');
  });

  test('gives back any 32 bytes', () => {
    for (let turn = 0; turn < 50; turn += 1) {
      const bytes = randomBytes(32);
      expect(fromZ85(toZ85(bytes))).toEqual(bytes);
    }
  });

  test.each(['Hell', 'Hello World', '#####', 'Hé110'])('refuses %j', (text) => {
    expect(fromZ85(text)).toBeUndefined();
  });
});

describe('the keys of the bus', () => {
  test('are the same for the same seed and others for another', () => {
    const again = busKeyFiles(new Secret(seed.reveal()));
    expect([...again].map(([name, text]) => [name, text.reveal()])).toEqual(
      [...files].map(([name, text]) => [name, text.reveal()]),
    );
    const other = busKeyFiles(new Secret(randomBytes(32).toString('base64url')));
    expect(other.get('market-data')?.reveal()).not.toBe(textOf());
  });

  test('go to every service of the bus, each its own secret key and nobody else’s', () => {
    expect([...files.keys()].toSorted()).toEqual([...BUS_SERVICES].toSorted());
    expect(BUS_SERVICES).not.toContain('dashboard');
    const secrets = [...files.values()].map((text) => secretOf(text.reveal()));
    expect(new Set(secrets).size).toBe(files.size);
    for (const text of files.values()) {
      expect(secrets.filter((secret) => text.reveal().includes(JSON.stringify(secret).slice(1, -1)))).toHaveLength(1);
    }
    expect(secrets.some((secret) => fromZ85(secret)?.toString('base64url') === seed.reveal())).toBe(false);
  });

  test('name both ends of every connection', () => {
    for (const [server, clients] of Object.entries(BUS_CLIENTS)) {
      for (const client of clients) {
        expect(busPeersOf(client)).toContain(server);
        const [ofServer, ofClient] = [server as 'market-data', client].map((name) =>
          parseBusKeys(files.get(name) ?? new Secret(''), name, 'here'),
        );
        expect(ofClient?.peers.get(server as 'market-data')).toBe(ofServer?.publicKey);
        expect(ofServer?.peers.get(client)).toBe(ofClient?.publicKey);
      }
    }
    expect(parseBusKeys(new Secret(textOf('signal-bridge')), 'signal-bridge', 'here').peers.has('risk-manager')).toBe(
      false,
    );
  });

  test('are not printed', () => {
    const keys = parseBusKeys(new Secret(textOf()), 'market-data', 'here');
    expect(`${JSON.stringify(keys)} ${String(keys.secretKey)}`).not.toContain(secretOf(textOf()));
  });

  test.each<[string, Secret]>([
    ['the file is no JSON', new Secret(textOf().slice(0, 60))],
    ['the file is no JSON object', new Secret('[]')],
    ['they are not those of market-data', new Secret(textOf('signal-bridge'))],
    ['"public" is no key', changed({ public: 'short' })],
    ['"secret" is no key', changed({ secret: ' '.repeat(40) })],
    ['"public" does not belong to "secret"', changed({ secret: secretOf(textOf('signal-bridge')) })],
    ['"peers" is no object', changed({ peers: [] })],
    ['"peers" has no key of 40 characters of Z85 for paper-exchange', changed({ peers: {} })],
  ])('are refused where %s, and nothing of them is quoted', (what, text) => {
    let refused: PapergateError | undefined;
    try {
      parseBusKeys(text, 'market-data', '/run/keys');
    } catch (error) {
      refused = error as PapergateError;
    }
    expect(refused).toMatchObject({ code: 'BUS_KEY_INVALID', exitCode: 2 });
    expect(refused?.message).toContain(what);
    expect(refused?.message).toContain('/run/keys');
    expect(refused?.message).not.toContain(secretOf(textOf()).slice(0, 8));
  });

  test.each(['', 'short', `${'a'.repeat(42)} `])('are not made of the seed %j', (bad) => {
    expect(() => busKeyFiles(new Secret(bad))).toThrow(
      expect.objectContaining({ code: 'BUS_SEED_INVALID', exitCode: 2 }),
    );
  });
});
