import { text } from 'node:stream/consumers';
import { Transform, type Readable } from 'node:stream';
import { Secret } from '@papergate/config';
import { localHost } from '../../host/index.ts';
import { checkpoint } from '../checkpoint.ts';
import { restore } from '../restore.ts';
import type { CheckpointStore } from '../types.ts';

/** What a test tells a process that it is going to kill; over stdin, since it holds passwords. */
export interface CareTask {
  act: 'checkpoint' | 'restore';
  url: string;
  adminUrl: string;
  dir: string;
  id?: string;
  operation?: string;
  /** Stops for good, and prints `there`, when it has come so far. */
  stallAt: 'writing' | 'reading' | 'restoring' | 'comparing' | 'swapping';
}

const task = JSON.parse(await text(process.stdin)) as CareTask;
const there = (): Promise<never> => {
  process.stdout.write('there\n');
  return new Promise(() => setInterval(() => undefined, 1_000));
};

// Lets some bytes through and no more.
const stalling = (bytes: number): Transform => {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen <= bytes) done(null, chunk);
      else void there();
    },
  });
};

const host = localHost({ env: { PATH: process.env['PATH'] } });
let reads = 0;
const store: CheckpointStore = {
  dir: task.dir,
  files: {
    ...host.files,
    async openWrite(path, mode) {
      const file = await host.files.openWrite(path, mode);
      if (task.stallAt !== 'writing') return file;
      const slow = stalling(2_000);
      slow.pipe(file);
      return slow;
    },
    async openRead(path): Promise<Readable> {
      reads += 1;
      const file = await host.files.openRead(path);
      // The first reading is for the digest, the second for the restore.
      const stalls = (task.stallAt === 'reading' && reads === 1) || (task.stallAt === 'restoring' && reads === 2);
      return stalls ? file.pipe(stalling(0)) : file;
    },
  },
};
const database = {
  url: new Secret(task.url),
  adminUrl: new Secret(task.adminUrl),
  close: async () => {},
};
const onProgress = (message: string): void => {
  if (task.stallAt === 'comparing' && message === 'comparing') stopAll();
  // Not held up: the kill comes while the names are changed, or just before, or just after.
  if (task.stallAt === 'swapping' && message === 'putting it in place') process.stdout.write('there\n');
};
const stopAll = (): void => {
  process.stdout.write('there\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};
if (task.act === 'checkpoint') {
  await checkpoint({ database, store, commit: 'c'.repeat(40), manifestDigest: 'm', reason: 'killed', onProgress });
} else {
  const { id = '', operation = '' } = task;
  await restore({ database, store, id, operation, confirmed: true, onProgress });
}
