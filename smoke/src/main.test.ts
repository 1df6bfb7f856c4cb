import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { at, json } from './testing/broken.ts';
import { startBundleDouble, type BundleDouble } from './testing/double.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

function run(args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'] } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const flags = ({ targets }: BundleDouble) => [
  ...Object.entries(targets.services).flatMap(([name, url]) => [`--${name}`, url]),
  '--exchange',
  String(targets.exchange),
  '--timeout',
  '2',
];

describe('the command', () => {
  test('exits 0 where all is well, with a line for each check', async () => {
    const bundle = await startBundleDouble();
    const { code, stdout } = await run(flags(bundle));
    await bundle.close();
    expect(stdout).toMatch(/✔ order: in the database {2}\d+ ms/);
    expect(stdout.trim().split('\n').at(-1)).toMatch(/^all \d+ checks passed$/);
    expect(code).toBe(0);
  });

  test('exits 1 where a check failed, and says what was expected and found', async () => {
    const bundle = await startBundleDouble({ answer: at('dashboard', '/', json({}, 500)) });
    const { code, stdout } = await run(flags(bundle));
    await bundle.close();
    expect(stdout).toMatch(/✖ dashboard: page {2}\d+ ms\n +expected: 200 and an HTML page.*\n +found: +500/);
    expect(stdout).toMatch(/1 of \d+ checks failed: dashboard: page/);
    expect(code).toBe(1);
  });

  test('speaks JSON lines when asked', async () => {
    const bundle = await startBundleDouble();
    const { code, stdout } = await run([...flags(bundle), '--json']);
    await bundle.close();
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.slice(0, -1).every(({ type, status }) => type === 'check' && status === 'passed')).toBe(true);
    expect(lines.at(-1)).toMatchObject({ type: 'summary', reached: true, checks: lines.length - 1 });
    expect(code).toBe(0);
  });

  test('exits 2 on wrong usage, without a stack', async () => {
    const { code, stderr } = await run(['--orchestrator', 'nowhere']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^SMOKE_USAGE: .*\n {2}fix: /);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('exits 3 where no service can be reached', async () => {
    const bundle = await startBundleDouble();
    const args = flags(bundle);
    await bundle.close();
    const { code, stdout } = await run(args);
    expect(code).toBe(3);
    expect(stdout).toMatch(/no service could be reached: .*ECONNREFUSED/);
  });

  test('takes the token from a file and never prints it', async () => {
    const token = 'a-token-of-this-test';
    const dir = mkdtempSync(join(tmpdir(), 'papergate-smoke-test-'));
    writeFileSync(join(dir, 'token'), token);
    const bundle = await startBundleDouble({ token });
    const { code, stdout, stderr } = await run([...flags(bundle), '--token-file', join(dir, 'token')]);
    await bundle.close();
    rmSync(dir, { recursive: true });
    expect(`${stdout}${stderr}`).not.toContain(token);
    expect(code).toBe(0);
  });
});
