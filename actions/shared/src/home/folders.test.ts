import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkReportFolder } from '../ship/run-store.ts';
import { makeFolder } from './index.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'papergate-folders-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a folder that a run needs', () => {
  test('is made with all that is missing above it, and kept where it is there', () => {
    const path = join(root, 'a', 'b', 'c');
    makeFolder(path, 0o700);
    makeFolder(path, 0o755);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test('cannot lie under a file', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolder(join(root, 'file'))).toThrow('is a file');
    expect(() => makeFolder(join(root, 'file', 'below'))).toThrow();
  });

  // mkdir's own `recursive` would spin there for ever.
  (existsSync('/proc/self') ? test : test.skip)('is refused at once where the file system makes none', () => {
    expect(() => checkReportFolder('/proc/papergate/report')).toThrow(
      expect.objectContaining({ code: 'REPORT_FOLDER', exitCode: 2 }),
    );
  });
});
