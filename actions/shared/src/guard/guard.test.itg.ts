import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, jest, test } from '@jest/globals';
import { identify, isRunning, type ProcessId } from '../process/facts.ts';
import { waitFor } from '../process/wait.ts';

jest.setTimeout(30_000);

const OWNER = `
  import { spawn } from 'node:child_process';
  import { Guard } from ${JSON.stringify(fileURLToPath(new URL('index.ts', import.meta.url)))};
  import { identify } from ${JSON.stringify(fileURLToPath(new URL('../process/facts.ts', import.meta.url)))};
  const guard = new Guard({ patienceMs: 300 });
  const ids = ['', "process.on('SIGTERM', () => {});", ''].map((prelude) => {
    const child = spawn(process.execPath, ['-e', prelude + 'setInterval(() => {}, 1000); console.log(1)'], { stdio: ['ignore', 'pipe', 'ignore'] });
    return new Promise((resolve) => child.stdout.once('data', () => resolve(identify(child.pid))));
  });
  const all = await Promise.all(ids);
  for (const id of all) guard.add(id);
  guard.drop(all[2].pid);
  console.log(JSON.stringify({ all, guard: guard.pid }));
  if (process.argv[1] === 'close') { await guard.close(); process.exit(0); }
  setInterval(() => {}, 1000);`;

async function own(how: 'close' | 'stay') {
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', OWNER, how], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  const [text] = (await once(owner.stdout, 'data')) as [Buffer];
  const { all, guard } = JSON.parse(text.toString()) as { all: [ProcessId, ProcessId, ProcessId]; guard: number };
  return { owner, all, guard: identify(guard) };
}

test('when its owner is killed outright, the guard ends what it was given, also what does not listen, and leaves what was dropped', async () => {
  const { owner, all, guard } = await own('stay');
  owner.kill('SIGKILL');
  const [polite, stubborn, dropped] = all;
  expect(await waitFor(() => !isRunning(polite) && !isRunning(stubborn), { timeoutMs: 10_000 })).toBe(true);
  expect(isRunning(dropped)).toBe(true);
  process.kill(dropped.pid, 'SIGKILL');
  expect(await waitFor(() => guard === undefined || !isRunning(guard), { timeoutMs: 10_000 })).toBe(true);
});

test('closing the guard ends what it still has', async () => {
  const { owner, all } = await own('close');
  await once(owner, 'exit');
  expect(all.map(isRunning)).toEqual([false, false, true]);
  process.kill(all[2].pid, 'SIGKILL');
});
