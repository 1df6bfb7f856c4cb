import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ExternalError } from '@papergate/config';
import { identify, isRunning, type ProcessId } from '../process/facts.ts';

export interface LockOptions {
  /** Called once when somebody else holds it. */
  onWait: (pid: number) => void;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
}

/**
 * Runs `work` while holding a lock file. The file names its holder by process and start time, so that the lock of
 * a process that died is taken over and that of a living one is waited for.
 * @throws ExternalError TOOL_LOCKED when the holder does not finish in time
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions): Promise<T> {
  await acquire(path, options);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, { onWait, signal, timeoutMs = 900_000 }: LockOptions): Promise<void> {
  const end = performance.now() + timeoutMs;
  let told = false;
  for (;;) {
    signal?.throwIfAborted();
    if (await create(path)) return;
    const holder = await holderOf(path);
    if (holder === 'gone') continue;
    if (holder !== 'unreadable' && !isRunning(holder)) {
      await removeDead(path);
      continue;
    }
    const pid = holder === 'unreadable' ? 0 : holder.pid;
    if (!told) onWait(pid);
    told = true;
    if (performance.now() > end) {
      throw new ExternalError({
        code: 'TOOL_LOCKED',
        message: `another install (pid ${pid}) holds ${path} and does not finish`,
        fix: 'end that process, or remove the file if it has nothing to do with this project',
      });
    }
    await delay(200);
  }
}

/** Moves a dead holder's lock away, and back where somebody living took it over in the meantime. */
async function removeDead(path: string): Promise<void> {
  const aside = `${path}.${process.pid}.dead`;
  await rename(path, aside).catch(() => undefined);
  const holder = await holderOf(aside);
  if (holder !== 'gone' && holder !== 'unreadable' && isRunning(holder)) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function create(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(JSON.stringify(identify(process.pid)));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** `unreadable`: just made and not yet written, or not ours; both are left alone until the time is over. */
async function holderOf(path: string): Promise<ProcessId | 'gone' | 'unreadable'> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as ProcessId | undefined;
    return typeof value?.pid === 'number' && typeof value.started === 'string' ? value : 'unreadable';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'unreadable';
  }
}
