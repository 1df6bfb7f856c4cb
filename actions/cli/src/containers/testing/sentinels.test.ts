import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { waitFor } from '@papergate/delivery';
import { ArgumentsWatch, holds, leaks, sentinel } from './sentinels.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-leaks-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const secret = sentinel('it');

test.each([
  ['as it is', (text: string) => text],
  ['in a URL', (text: string) => `postgres://user:${encodeURIComponent(text)}@host`],
  ['in base64', (text: string) => Buffer.from(text).toString('base64')],
  ['in hex', (text: string) => Buffer.from(text).toString('hex')],
])('a secret is found %s', (_how, wrap) => {
  expect(holds(`before ${wrap(secret)} after`, secret)).toBe(true);
  expect(holds(`before ${wrap('something else of this length')} after`, secret)).toBe(false);
});

test('files that hold a secret are named, and those that may are not', () => {
  writeFileSync(join(dir, 'bad.log'), `it is ${secret}`);
  writeFileSync(join(dir, 'good.log'), 'it is [redacted]');
  writeFileSync(join(dir, 'allowed'), secret);
  expect(leaks(dir, { it: secret }, (path) => path.endsWith('allowed'))).toEqual([
    { path: join(dir, 'bad.log'), secret: 'it' },
  ]);
});

test('a secret in the arguments of any process is seen', async () => {
  const watch = new ArgumentsWatch({ it: secret });
  const child = spawn('sh', ['-c', 'read line', secret], { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    expect(await waitFor(() => watch.found.size > 0, { timeoutMs: 10_000 })).toBe(true);
    expect([...watch.found][0]).toMatch(/^it in: sh -c/);
  } finally {
    watch.stop();
    child.stdin.end();
    await once(child, 'exit');
  }
});
