import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import { packageOfCheckout } from './packages.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'papergate-packages-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const install = (name: string, source: string): void => {
  mkdirSync(join(folder, 'node_modules', name), { recursive: true });
  writeFileSync(join(folder, 'node_modules', name, 'index.js'), source);
};
const load = (name: string): unknown => packageOfCheckout(name, join(folder, 'dist', 'index.cjs'));

describe('a package that is in no bundle', () => {
  test('comes from beside the action', () => {
    install('demo-beside', 'module.exports = 7;');
    expect(load('demo-beside')).toBe(7);
  });

  test('comes from the checkout that the job works on', () => {
    expect(load('yaml')).toHaveProperty('parse');
  });

  test('says what to do where it is nowhere', () => {
    expect(() => load('no-such-package')).toThrow(ExternalError);
    expect(() => load('no-such-package')).toThrow(/no-such-package, which this action takes from the checkout/);
  });

  test('that breaks is not taken for one that is missing', () => {
    install('demo-broken', "throw new TypeError('broken inside');");
    expect(() => load('demo-broken')).toThrow('broken inside');
  });
});
