import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const LEASE = fileURLToPath(new URL('index.ts', import.meta.url));

// Each process takes the place again and again, writes when it has it and when it lets go, and every third time
// dies while it holds it.
const RIVAL = `
  import { appendFileSync } from 'node:fs';
  import { acquireLease } from ${JSON.stringify(LEASE)};
  const [dir, log, rounds] = process.argv.slice(1);
  let done = 0;
  while (done < Number(rounds)) {
    try {
      const lease = await acquireLease({ dir, command: 'rival' });
      appendFileSync(log, 'in ' + process.pid + '\\n');
      await new Promise((resolve) => setTimeout(resolve, 2));
      appendFileSync(log, 'out ' + process.pid + '\\n');
      done += 1;
      if (process.pid % 3 === 0) process.kill(process.pid, 'SIGKILL');
      await lease.release();
    } catch (error) {
      if (error.code !== 'PLACE_TAKEN') throw error;
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }`;

test('real processes that fight for a place, some of which die with it, hold it one after the other', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-rivals-'));
  const log = join(dir, 'log');
  appendFileSync(log, '');
  try {
    const rivals = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module-typescript', '-e', RIVAL, join(dir, 'lease'), log, '10'], {
        stdio: ['ignore', 'ignore', 'inherit'],
        cwd: fileURLToPath(new URL('.', import.meta.url)),
      }),
    );
    await Promise.all(rivals.map((rival) => once(rival, 'exit')));
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(12);
    for (let at = 0; at < lines.length; at += 2) {
      const pid = lines[at]?.split(' ')[1];
      expect([lines[at], lines[at + 1]]).toEqual([`in ${pid}`, `out ${pid}`]);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
