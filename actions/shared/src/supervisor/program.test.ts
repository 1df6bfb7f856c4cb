import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { supervisorProgram } from './program.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'papergate-program-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = 'actions/shared/src/supervisor/main.ts';
function lay(of: string, packages: boolean): string {
  const path = join(folder, of, PROGRAM);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  if (packages) {
    const config = join(folder, of, 'node_modules', '@papergate', 'config');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'package.json'), '{"name": "@papergate/config", "exports": {".": "./index.ts"}}');
    writeFileSync(join(config, 'index.ts'), '');
  }
  return path;
}

describe('a supervisor is started from', () => {
  test('beside this code, where the packages are', () => {
    const [beside, other] = [lay('action', true), lay('checkout', true)];
    expect(supervisorProgram(beside, join(folder, 'checkout'))).toBe(beside);
    expect(supervisorProgram(undefined, join(folder, 'nowhere'))).toBe(join(import.meta.dirname, 'main.ts'));
    expect(other).not.toBe(beside);
  });

  test('the checkout, where an action was downloaded without packages', () => {
    const [beside, other] = [lay('action', false), lay('checkout', true)];
    expect(supervisorProgram(beside, join(folder, 'checkout'))).toBe(other);
  });

  test.each([
    ['has no packages either', true],
    ['is another kind of repository', false],
  ])('nowhere, where the checkout %s, and that is said', (_title, isTemplate) => {
    const beside = lay('action', false);
    if (isTemplate) lay('checkout', false);
    expect(() => supervisorProgram(beside, join(folder, 'checkout'))).toThrow(
      expect.objectContaining({ code: 'SUPERVISOR_UNAVAILABLE', exitCode: 3 }),
    );
  });
});
