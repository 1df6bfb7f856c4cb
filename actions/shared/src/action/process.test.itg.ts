import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { runDist, type DistResult, type DistRun } from './testing/run-dist.ts';

const bundle = fileURLToPath(new URL('testing/demo-action.ts', import.meta.url));
const run = (act: string, over: Partial<DistRun> = {}): Promise<DistResult> =>
  runDist({ bundle, workspace: tmpdir(), ...over, inputs: { act, ...over.inputs } });

describe('an action in a process of its own', () => {
  test('writes outputs, state and summary where the runner reads them, and runs again after the job', async () => {
    const { code, outputs, state, summary, annotations, stderr } = await run('pass');
    expect([code, annotations, stderr]).toEqual([0, [], '']);
    expect(Object.fromEntries(outputs)).toEqual({ text: 'two\nlines', verdict: 'pass', 'reason-code': '' });
    expect(summary).toBe('### Done\n\n');
    const after = await run('pass', { state });
    expect(after.stdout).toContain('after the job: /some/where');
    expect([after.code, after.outputs.size, after.summary]).toEqual([0, 0, '']);
  });

  test('hands no input down to what it starts', async () => {
    const { stdout } = await run('children', { inputs: { token: 'correct horse' } });
    expect(stdout).toContain('inputs of children: 0');
    expect(stdout).toContain('token in env: false');
  });

  test('says all of it before it ends, and ends whatever is still open', async () => {
    expect((await run('long')).stdout).toContain('x'.repeat(2_000_000));
    expect((await run('hang')).code).toBe(0);
  });

  test.each([
    ['throw-later', 'LATER'],
    ['reject-later', 'LOST'],
  ])('fails the job by what nobody waited for: %s', async (act, reason) => {
    const { code, outputs, annotations, stderr } = await run(act);
    expect([code, outputs.get('verdict'), outputs.get('reason-code'), stderr]).toEqual([1, 'failed', reason, '']);
    expect(annotations.length).toBe(1);
  });

  test('cleans up when the job is cancelled, and fails it', async () => {
    const { code, outputs, stdout } = await run('wait', { cancelAt: 'waiting' });
    expect([code, outputs.get('reason-code')]).toEqual([1, 'ACTION_CANCELLED']);
    expect(stdout).toContain('cleaned up');
  });

  test('fails the job where its outputs cannot be written', async () => {
    const { code, annotations } = await run('pass', { env: { GITHUB_OUTPUT: '/nowhere/output' } });
    expect(code).toBe(1);
    expect(annotations[0]?.text).toContain('Missing file at path: /nowhere/output');
  });
});
