import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { endProcess } from './end.ts';
import { commandOf, identify, isRunning, startOf } from './facts.ts';
import { run } from './run.ts';
import { waitFor } from './wait.ts';

describe('facts of processes', () => {
  test('this process runs, has a start and a command', () => {
    const self = identify(process.pid);
    expect(self?.started).toBeTruthy();
    expect(self !== undefined && isRunning(self)).toBe(true);
    expect(commandOf(process.pid)).toMatch(/node|jest/);
  });

  test('a number that was given to another process since is not the one that was meant', () => {
    expect(isRunning({ pid: process.pid, started: 'another time' })).toBe(false);
  });

  test.each([0, -1, Number.NaN, 2 ** 30])('%p is no process', (pid) => {
    expect(startOf(pid)).toBeUndefined();
  });

  test('a process that has ended does not run, even before its parent has looked', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    const id = identify(child.pid ?? -1);
    await once(child, 'exit');
    expect(id !== undefined && isRunning(id)).toBe(false);
  });
});

describe('ending a process', () => {
  const begin = async (code: string) => {
    const child = spawn(process.execPath, ['-e', `${code}; setInterval(() => {}, 1000); console.log(1)`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    return identify(child.pid ?? -1) ?? { pid: -1, started: '' };
  };

  test('asks first', async () => {
    expect(await endProcess(await begin(''), { patienceMs: 10_000 })).toBe('ended');
  });

  test('kills what does not listen', async () => {
    expect(await endProcess(await begin(`process.on('SIGTERM', () => {})`), { patienceMs: 100 })).toBe('killed');
  });

  test('leaves a stranger with the same number alone', async () => {
    const id = await begin('');
    expect(await endProcess({ ...id, started: 'another time' }, { patienceMs: 100 })).toBe('gone');
    expect(isRunning(id)).toBe(true);
    await endProcess(id, { patienceMs: 10_000 });
  });
});

test('waiting gives up at its time and at its signal, and passes the value on', async () => {
  expect(await waitFor(() => 7, { timeoutMs: 0 })).toBe(7);
  expect(await waitFor(() => undefined, { timeoutMs: 1, everyMs: 1 })).toBeUndefined();
  expect(await waitFor(() => false, { timeoutMs: 60_000, everyMs: 1, signal: AbortSignal.abort() })).toBeUndefined();
});

test('a run gives code and words, and throws where there is no such program', async () => {
  expect(await run(process.execPath, ['-e', 'console.log(1); console.error(2); process.exit(3)'])).toEqual({
    code: 3,
    signal: null,
    stdout: '1\n',
    stderr: '2\n',
  });
  await expect(run('no-such-program-here', [])).rejects.toMatchObject({ code: 'ENOENT' });
});
