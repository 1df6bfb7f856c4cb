import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LIVE, PAPER, SECRET } from '@papergate/config/testing';
import { runDist, type DistResult } from '@papergate/delivery';
import { makeCheckout } from './testing/checkout.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const downloaded = mkdtempSync(join(tmpdir(), 'papergate-action-'));
const other = makeCheckout({ 'README.md': '# A team with services of its own\n' });
afterAll(() => {
  rmSync(downloaded, { recursive: true, force: true });
  other.remove();
});

/** What GitHub does for `uses: OWNER/papergate/actions/validate-credentials@…`: the commit's files, and nothing else. */
beforeAll(() => {
  const archive = execFileSync('git', ['archive', '--format=tar', 'HEAD'], { cwd: root, maxBuffer: 256 * 1024 * 1024 });
  execFileSync('tar', ['-x', '-C', downloaded], { input: archive });
});

const NAMED = { name: 'ALPACA_LIVE_API_KEY', created_at: '2026-01-05T12:00:00Z', updated_at: '2026-01-05T12:00:00Z' };

const use = (inputs: Record<string, string>, env: Record<string, string> = {}): Promise<DistResult> =>
  runDist({
    env,
    bundle: join(downloaded, 'actions', 'validate-credentials', 'dist', 'index.cjs'),
    workspace: other.dir,
    inputs: { probe: 'false', 'alpaca-api-key': PAPER, 'alpaca-secret-key': SECRET, ...inputs },
  });

describe('the action alone, as another repository uses it', () => {
  test('is all there without a single package installed', () => {
    expect(existsSync(join(downloaded, 'node_modules'))).toBe(false);
    expect(existsSync(join(downloaded, 'actions', 'validate-credentials', 'action.yml'))).toBe(true);
  });

  test('passes what is as it should be', async () => {
    const { code, outputs, stderr } = await use({ secrets: JSON.stringify({ ALPACA_PAPER_API_KEY: PAPER }) });
    expect([code, outputs.get('verdict'), stderr]).toEqual([0, 'pass', '']);
    expect(Number(outputs.get('checked'))).toBeGreaterThan(30);
  });

  test('blocks a live key', async () => {
    const { code, outputs } = await use({ 'alpaca-api-key': LIVE });
    expect([code, outputs.get('reason-code')]).toEqual([1, 'KEY_LIVE']);
  });

  test.each<[string, number, object, string]>([
    ['may not read them', 403, { message: 'Resource not accessible by integration' }, 'SECRET_NAMES_UNREADABLE'],
    ['names a live key', 200, { total_count: 1, secrets: [NAMED] }, 'FOREIGN_SECRET'],
  ])('asks GitHub for the names of secrets, and blocks where the token %s', async (_title, status, body, code) => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const inputs = { 'github-token': 't'.repeat(20), 'require-secret-names': 'true' };
      const { outputs, said } = await use(inputs, { GITHUB_API_URL: url });
      expect(outputs.get('reason-code')).toBe(code);
      expect(said).not.toContain(inputs['github-token']);
      expect(asked.map((path) => path?.split('?')[0])).toEqual([
        '/repos/someone/something/environments/staging/secrets',
        '/repos/someone/something/actions/secrets',
      ]);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
