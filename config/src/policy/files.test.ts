import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LIVE, PAPER, SECRET, STAGING_ENV, staging } from './cases/fixtures.ts';
import { assertCredentials, checkCredentials } from './check.ts';
import { collectScanFiles, readSecretFiles } from './files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-policy-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(path: string, content: string | Buffer): string {
  const full = join(dir, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
}
const paths = (files: readonly { path: string }[]): string[] => files.map(({ path }) => path);

describe('the files that are searched for keys', () => {
  test('are configuration, compose, .env, workflows, manifests, scripts and sources, with paths from the root', () => {
    const wanted = [
      '.env',
      '.env.staging',
      '.github/workflows/ci.yml',
      '.npmrc',
      'Dockerfile',
      'compose/compose.yaml',
      'config/risk_limits.toml',
      'config/system.staging.json',
      'k8s/secret.yaml',
      'run.sh',
      'src/a.ts',
    ];
    for (const path of [
      ...wanted,
      'logo.png',
      'data.zip',
      'node_modules/a/b.json',
      '.git/config',
      '.papergate/state.json',
      'dist/a.js',
    ]) {
      write(path, 'x');
    }
    expect(paths(collectScanFiles(dir)).sort()).toEqual(wanted.sort());
  });

  test('carry their content, UTF-16 with a byte-order mark included', () => {
    write('a.json', `{"k":1}`);
    write('b.ini', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`k=${LIVE}`, 'utf16le')]));
    write('c.ini', Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(`k=${LIVE}`, 'utf16le').swap16()]));
    const files = collectScanFiles(dir);
    expect(files.map(({ content }) => content)).toEqual(['{"k":1}', `k=${LIVE}`, `k=${LIVE}`]);
  });

  test('are found by the policy when one of them holds a live key, with file and line', () => {
    write('deep/down/.env.local', `A=1\nB=${LIVE}\n`);
    const { findings } = checkCredentials(staging({}, { files: collectScanFiles(dir) }));
    expect(findings.map(({ rule, where }) => [rule, where])).toEqual([['smuggled-file', 'deep/down/.env.local:2']]);
  });

  test('that are too large come back with the reason, and the policy then blocks', () => {
    write('a.json', 'x'.repeat(2000));
    const files = collectScanFiles(dir, { maxFileBytes: 1000 });
    expect(files).toEqual([{ path: 'a.json', content: '', problem: 'larger than 1000 bytes' }]);
    expect(checkCredentials(staging({}, { files })).findings.map(({ rule }) => rule)).toEqual(['scan-incomplete']);
  });

  test('are not searched without end: too many or too much in all is a reason to block', () => {
    for (let i = 0; i < 5; i++) write(`${i}.json`, 'x'.repeat(100));
    expect(collectScanFiles(dir, { maxFiles: 3 }).at(-1)).toEqual({
      path: '.',
      content: '',
      problem: 'more than 3 files',
    });
    expect(collectScanFiles(dir, { maxTotalBytes: 250 }).at(-1)).toEqual({
      path: '.',
      content: '',
      problem: 'more than 250 bytes in all',
    });
  });

  test('are no links, so that a link in a circle or out of the folder leads nowhere', () => {
    write('a.json', '{}');
    symlinkSync(dir, join(dir, 'circle'));
    symlinkSync('/etc', join(dir, 'outside.json'));
    expect(paths(collectScanFiles(dir))).toEqual(['a.json']);
  });

  test('of a folder that does not exist are a reason to block', () => {
    const files = collectScanFiles(join(dir, 'absent'));
    expect(files).toHaveLength(1);
    expect(files[0]?.problem).toContain('ENOENT');
  });
});

describe('credentials in files', () => {
  const environment = 'staging' as const;
  const env = () => ({
    ...STAGING_ENV,
    ALPACA_API_KEY: undefined,
    ALPACA_SECRET_KEY: undefined,
    ALPACA_API_KEY_FILE: write('key', `${PAPER}\n`),
    ALPACA_SECRET_KEY_FILE: write('secret', SECRET),
  });

  test('are read by the check that every service makes at its start', () => {
    expect(assertCredentials({ environment, env: env() }).ok).toBe(true);
  });

  test('are refused when they hold a live key', () => {
    const bad = { ...env(), ALPACA_API_KEY_FILE: write('live', LIVE) };
    expect(() => assertCredentials({ environment, env: bad })).toThrow(/\[key-live\]/);
  });

  test('are read for whatever variable ends in _FILE: a live key there is found too', () => {
    const other = { ...env(), OTHER_FILE: write('other', `x ${LIVE}`) };
    expect(() => assertCredentials({ environment, env: other })).toThrow(/\[smuggled-file\]/);
  });

  test('are refused when the file is absent, a folder or a pipe', () => {
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [join(dir, 'absent'), dir, pipe]) {
      expect(() => assertCredentials({ environment, env: { ...env(), ALPACA_API_KEY_FILE: path } })).toThrow(
        /\[secret-file\]/,
      );
    }
  });

  test('of names that are not ours may be absent', () => {
    expect(readSecretFiles({ SSL_CERT_FILE: join(dir, 'absent'), EMPTY_FILE: '' })).toEqual([]);
    expect(readSecretFiles({ API_TOKEN_FILE: join(dir, 'absent') })[0]?.problem).toContain('ENOENT');
  });
});

describe('the refusal', () => {
  test('is the caller’s mistake, exit 2, and lists every finding with its rule', () => {
    const refuse = () =>
      assertCredentials({ environment: 'staging', env: { ...STAGING_ENV, DRY_RUN: 'no', ALPACA_API_KEY: LIVE } });
    expect(refuse).toThrow(expect.objectContaining({ code: 'CREDENTIALS_REFUSED', exitCode: 2 }));
    expect(refuse).toThrow(/2 findings\)\n {2}\[key-live\] .*\n {2}\[dry-run\] /);
  });
});
