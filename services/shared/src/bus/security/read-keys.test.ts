import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { busKeyFiles, Secret } from '@papergate/config';
import { readBusKeys } from './read-keys.ts';

let dir: string;
let path: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-bus-'));
  path = join(dir, 'market-data.json');
  const files = busKeyFiles(new Secret(randomBytes(32).toString('base64url')));
  writeFileSync(path, files.get('market-data')?.reveal() ?? '', { mode: 0o600 });
});
afterAll(() => rmSync(dir, { recursive: true }));

const refused = (code: string) => expect.objectContaining({ code, exitCode: 2 });

describe('the keys of a service', () => {
  test('are read from the file that BUS_KEY_FILE names, in every environment', () => {
    for (const environment of ['development', 'staging', 'production'] as const) {
      expect(readBusKeys('market-data', { environment, busKeyFile: path })?.service).toBe('market-data');
    }
  });

  test('may be absent in development alone, and of who has no socket', () => {
    expect(readBusKeys('market-data', { environment: 'development' })).toBeUndefined();
    expect(readBusKeys('dashboard', { environment: 'production' })).toBeUndefined();
    for (const environment of ['staging', 'production'] as const) {
      expect(() => readBusKeys('market-data', { environment })).toThrow(refused('BUS_KEY_MISSING'));
    }
  });

  test('are refused where they are another’s, not there, or no file', () => {
    const read = (busKeyFile: string) => () => readBusKeys('risk-manager', { environment: 'development', busKeyFile });
    expect(read(path)).toThrow(refused('BUS_KEY_INVALID'));
    expect(read(`${path}.gone`)).toThrow(refused('BUS_KEY_UNREADABLE'));
    expect(read(dir)).toThrow(refused('BUS_KEY_UNREADABLE'));
  });

  test.each([0o640, 0o604, 0o622])('are refused where their file is for others too (%o)', (mode) => {
    chmodSync(path, mode);
    try {
      expect(() => readBusKeys('market-data', { environment: 'staging', busKeyFile: path })).toThrow(
        refused('BUS_KEY_UNSAFE'),
      );
    } finally {
      chmodSync(path, 0o600);
    }
  });
});
