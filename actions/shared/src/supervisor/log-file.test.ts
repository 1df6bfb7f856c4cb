import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lastLines, logSize, openLog, readableLine, rotateLog } from './log-file.ts';
import { redact } from './redact.ts';

let dir: string;
let log: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-log-'));
  log = join(dir, 'x.log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('logs', () => {
  test('a rotation keeps three old files, and a writer that has the file open goes on in the new one', async () => {
    const file = openLog(log);
    const writer = spawn(process.execPath, ['-e', `process.stdin.on('data', (text) => process.stdout.write(text))`], {
      stdio: ['pipe', file, 'ignore'],
    });
    closeSync(file);
    for (const text of ['first\n', 'second\n', 'third\n', 'fourth\n', 'fifth\n']) {
      writer.stdin?.write(text);
      const until = performance.now() + 10_000;
      while (logSize(log) < text.length && performance.now() < until)
        await new Promise((resolve) => setTimeout(resolve, 5));
      expect(rotateLog(log, text.length)).toBe(false);
      expect(rotateLog(log, text.length - 1)).toBe(true);
    }
    const exited = once(writer, 'exit');
    writer.stdin?.end();
    await exited;
    expect(readFileSync(log, 'utf8')).toBe('');
    expect([1, 2, 3].map((age) => readFileSync(`${log}.${age}`, 'utf8'))).toEqual(['fifth\n', 'fourth\n', 'third\n']);
  });

  test('the last lines are those of the process that began at a byte, and none are asked for none', () => {
    writeFileSync(log, 'of the one before\n');
    const from = logSize(log);
    appendFileSync(log, 'a\n\nb\nc\n');
    expect(lastLines(log, 10, from)).toEqual(['a', 'b', 'c']);
    expect(lastLines(log, 2, from)).toEqual(['b', 'c']);
    expect(lastLines(log, 0)).toEqual([]);
    expect(lastLines(join(dir, 'none'), 5)).toEqual([]);
  });

  test('after a rotation in between everything that is left is shown', () => {
    writeFileSync(log, 'young\n');
    expect(lastLines(log, 5, 10_000)).toEqual(['young']);
  });

  test.each([
    ['{"level":50,"time":"T","msg":"it broke","err":{"message":"no room"}}', 'T error it broke: no room'],
    ['{"level":30,"msg":"fine"}', 'info fine'],
    ['{"n":1}', '{"n":1}'],
    ['plain', 'plain'],
    ['', ''],
  ])('%s is read as %s', (line, text) => expect(readableLine(line)).toBe(text));
});

describe('redaction', () => {
  const key = (kind: string): string => `${kind}K${'7Q'.repeat(9)}`;
  test.each([
    [`key ${key('P')} here`, 'key [redacted] here'],
    [`key ${key('A')} here`, 'key [redacted] here'],
    ['postgres://user:pass@host/x', 'postgres://user:[redacted]@host/x'],
    ['Authorization: Bearer abcdefghijkl', 'Authorization: Bearer [redacted]'],
    ['"api_token":"abcdefghijkl"', '"api_token":"[redacted]"'],
    ['the secret is my-own-words', 'the secret is [redacted]'],
    ['nothing to hide: commit 0123456789abcdef', 'nothing to hide: commit 0123456789abcdef'],
  ])('%s', (text, clean) => expect(redact(text, ['my-own-words', ''])).toBe(clean));
});
