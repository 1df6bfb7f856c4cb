import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { hashToken, parseAccessTokens, Secret } from '@papergate/config';
import { buildProgram, runProgram } from '../program.ts';
import { testContext } from '../testing.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-token-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function token(...args: string[]): Promise<{ out: string; err: string }> {
  const made = testContext(dir);
  await runProgram(buildProgram(made.context, '1'), ['token', ...args], made.context);
  return { out: made.out.join('\n'), err: made.err.join('\n') };
}

test('a token alone is on stdout, and its entry beside it', async () => {
  const { out, err } = await token('--name', 'alice', '--role', 'trader', '--days', '30', '--requests-per-second', '7');
  expect(out).toMatch(/^pgt_[\w-]{43}$/);
  const entry = err.split('\n').at(-1) ?? '';
  const [read] = parseAccessTokens(new Secret(`[${entry}]`));
  expect(read).toMatchObject({ name: 'alice', role: 'trader', sha256: hashToken(out), requests_per_second: 7 });
  const days = (Date.parse(read?.expires_at ?? '') - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(29.9);
  expect(days).toBeLessThanOrEqual(30);
  expect(err).not.toContain(out);
});

test('entries are gathered in a file that only its owner reads, and never the tokens', async () => {
  const file = join(dir, 'tokens.json');
  const first = await token('--name', 'alice', '--role', 'trader', '--into', file);
  const second = JSON.parse((await token('--name', 'bob', '--role', 'viewer', '--into', file, '--json')).out);
  const text = readFileSync(file, 'utf8');
  expect(parseAccessTokens(new Secret(text)).map(({ name }) => name)).toEqual(['alice', 'bob']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const secret of [first.out, second.token]) expect(text).not.toContain(secret);
  await expect(token('--name', 'bob', '--role', 'viewer', '--into', file)).rejects.toThrow(/entry 3 has the name of/);
  expect(readFileSync(file, 'utf8')).toBe(text);
  expect(readdirSync(dir)).toEqual(['tokens.json']);
});

test('a file that is no list stays as it is', async () => {
  const file = join(dir, 'tokens.json');
  writeFileSync(file, 'hello');
  await expect(token('--name', 'a', '--role', 'viewer', '--into', file)).rejects.toThrow('ACCESS_TOKENS is no JSON');
  expect(readFileSync(file, 'utf8')).toBe('hello');
  await expect(token('--name', 'A', '--role', 'viewer')).rejects.toThrow('a name that is a text of 1 characters');
  await expect(token('--name', 'a', '--role', 'root')).rejects.toThrow('allowed: viewer, trader, operator');
});
