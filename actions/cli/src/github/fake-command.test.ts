import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { waitFor } from '@papergate/delivery';
import type { FakeState } from '@papergate/delivery/github-fake';
import { buildProgram, runProgram } from '../program.ts';
import { testContext, type TestContext } from '../testing.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'papergate-fake-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the command while `use` works with its address; ends it as Ctrl-C does. */
async function running(args: string[], use: (url: string) => Promise<void>): Promise<TestContext> {
  const made = testContext(join(folder, 'home'));
  const ended = runProgram(buildProgram(made.context, '0'), ['github', 'fake', ...args], made.context);
  try {
    const listens = waitFor(() => made.out.length > 0, { timeoutMs: 20_000, signal: made.context.interrupts.stop });
    await Promise.race([listens, ended]);
    await use(made.out[0] ?? '');
  } finally {
    made.interrupt();
  }
  await ended;
  return made;
}
const ask = async (url: string, init?: RequestInit): Promise<number> =>
  (await fetch(url, { headers: { authorization: 'Bearer t' }, ...init })).status;
const label = { method: 'POST', body: JSON.stringify({ name: 'one' }), headers: { authorization: 'Bearer t' } };

test('it keeps its state in a file, from one start to the next', async () => {
  const file = join(folder, 'state.json');
  const labels = '/repos/acme/trading/labels';
  const first = await running(['--state', file], async (url) => expect(await ask(url + labels, label)).toBe(201));
  expect(first.exitCode()).toBe(0);
  const state = JSON.parse(readFileSync(file, 'utf8')) as FakeState;
  expect(state.repositories['acme/trading']?.labels).toMatchObject([{ name: 'one' }]);
  await running(['--state', file], async (url) => expect(await ask(url + labels, label)).toBe(422));
});

test('it knows the commits of a clone', async () => {
  const head = execFileSync('git', ['-C', ROOT, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  await running(['--checkout', ROOT, '--repository', 'acme/other'], async (url) => {
    expect(await ask(`${url}/repos/acme/other/commits/${head}`)).toBe(200);
    expect(await ask(`${url}/repos/acme/other/commits/${'0'.repeat(40)}`)).toBe(422);
  });
});

test('with --validate it ends with 1 where a request was not as GitHub describes it, and says which', async () => {
  const { exitCode, err } = await running(['--validate'], async (url) => {
    await ask(`${url}/repos/acme/trading/deployments?enviroment=staging`);
  });
  expect(exitCode()).toBe(1);
  expect(err.join('\n')).toContain('query parameter enviroment is not described');
});

test('a state that is no JSON is refused by name', async () => {
  const file = join(folder, 'state.json');
  writeFileSync(file, '{');
  const refused = running(['--state', file], () => Promise.resolve());
  await expect(refused).rejects.toMatchObject({
    code: 'FAKE_STATE_UNREADABLE',
    message: expect.stringContaining(file),
  });
});
