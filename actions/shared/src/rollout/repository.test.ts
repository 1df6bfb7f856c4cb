import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { checkCredentials, collectScanFiles, POLICY_RULES } from '@papergate/config';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const OF_FILES: readonly string[] = ['smuggled-file', 'smuggled-config', 'foreign-name-in-file', 'scan-incomplete'];
const RULES = POLICY_RULES.filter(({ id }) => OF_FILES.includes(id));

/** A test with a key in it, however it is put together, would keep every release out of production. */
test('no file of the repository holds what the policy of any environment refuses', () => {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-scan-'));
  try {
    // What is committed is delivered; what is about to be is looked at already.
    const listed = execFileSync('git', ['-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard']);
    for (const path of listed.toString().split('\0')) {
      if (path !== '' && existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(dir, path));
    }
    const files = collectScanFiles(dir);
    expect(files.length).toBeGreaterThan(500);
    // Development has the rules of staging here, and each scan takes its seconds.
    for (const environment of ['staging', 'production'] as const) {
      const { findings } = checkCredentials({ environment, env: {}, files }, RULES);
      expect(findings.map(({ where, message }) => `${environment}, ${where}: ${message}`)).toEqual([]);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
