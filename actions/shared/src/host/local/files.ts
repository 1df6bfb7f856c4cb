import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, link, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { Writable, type Readable } from 'node:stream';
import { errorCode, messageOf } from '@papergate/config';
import { fileError } from '../errors.ts';
import { hostPath, wholeLines } from '../path.ts';
import { settle } from '../settle.ts';
import type { HostFiles, HostResult } from '../types.ts';

const NAME = 'this machine';

/** What callers act on goes through as it is. */
async function told<T>(what: string, acted: readonly string[], act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (acted.includes(errorCode(error) ?? '')) throw error;
    throw fileError(NAME, what, messageOf(error), error);
  }
}

async function orUndefined<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const besides = (path: string): string => `${path}.${randomUUID().slice(0, 8)}.part`;

async function makeAbove(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await makeAbove(path);
  const draft = besides(path);
  try {
    const handle = await open(draft, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncPath(dirname(path));
}

async function append(path: string, lines: readonly string[]): Promise<void> {
  await makeAbove(path);
  const handle = await open(path, 'a+', 0o600);
  try {
    const { size } = await handle.stat();
    const last =
      size === 0 ? undefined : (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString('latin1');
    await handle.appendFile(`${last === undefined || last === '\n' ? '' : '\n'}${lines.join('\n')}\n`);
    await handle.sync();
    if (size === 0) await syncPath(dirname(path));
  } finally {
    await handle.close();
  }
}

/** Lets a file come to its place only when all of it is on disk; what was cut off leaves nothing. */
async function openWrite(path: string, mode: number): Promise<Writable> {
  await makeAbove(path);
  const draft = besides(path);
  const file = createWriteStream(draft, { flags: 'wx', mode, flush: true });
  await new Promise<void>((resolve, reject) => {
    file.once('open', () => resolve());
    file.once('error', reject);
  });
  const drop = async (): Promise<void> => {
    file.destroy();
    await rm(draft, { force: true });
  };
  const ended = finished(file);
  ended.catch(() => undefined);
  const put = async (): Promise<void> => {
    file.end();
    await ended;
    await chmod(draft, mode);
    await rename(draft, path);
    await syncPath(dirname(path));
  };
  const failed = (reason: unknown): Error => fileError(NAME, `write ${path}`, messageOf(reason), reason);
  return new Writable({
    write: (chunk: Buffer, encoding, finish) => {
      file.write(chunk, encoding, (reason) => finish(reason == null ? null : failed(reason)));
    },
    final: (finish) => settle(put(), finish, failed),
    destroy: (reason, finish) => settle(drop(), () => finish(reason)),
  });
}

async function openRead(path: string): Promise<Readable> {
  const stream = createReadStream(path);
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', reject);
  });
  return stream;
}

/** Of the nearest folder that is there. */
async function freeBytes(path: string): Promise<number> {
  for (let at = path; ; at = dirname(at)) {
    const found = await orUndefined(() => statfs(at));
    if (found !== undefined) return found.bavail * found.bsize;
    if (at === '/') return 0;
  }
}

/** @param touch sets a file's time by the system's clock, not by that of this process, which may be another in tests */
export function localFiles(touch: (path: string) => Promise<HostResult>): HostFiles {
  const on = async <T>(what: string, given: string, act: (path: string) => Promise<T>): Promise<T> => {
    const path = hostPath(given);
    const acted = what === 'link' ? ['ENOENT', 'EEXIST'] : ['rename', 'touch', 'open'].includes(what) ? ['ENOENT'] : [];
    return told(`${what} ${path}`, acted, () => act(path));
  };
  const appendAll = async (given: string, lines: readonly string[]): Promise<void> => {
    wholeLines(lines);
    if (lines.length > 0) await on('write', given, (path) => append(path, lines));
  };
  return {
    read: (given) => on('read', given, (path) => orUndefined(() => readFile(path, 'utf8'))),
    write: (given, text, mode = 0o600) => on('write', given, (path) => write(path, text, mode)),
    append: async (given, line) => appendAll(given, [line]),
    appendLines: async (given, lines) => appendAll(given, lines),
    list: async (given) => {
      const names = await on('read', given, (path) => orUndefined(() => readdir(path)));
      return (names ?? []).sort();
    },
    makeDir: (given, mode = 0o700) =>
      on('make', given, async (path) => {
        await makeAbove(path);
        await mkdir(path, { recursive: true, mode });
        await chmod(path, mode);
      }),
    remove: (given) => on('remove', given, (path) => rm(path, { recursive: true, force: true })),
    rename: (given, to) =>
      on('rename', given, async (path) => {
        await rename(path, hostPath(to));
        await syncPath(dirname(hostPath(to)));
      }),
    link: (given, to) =>
      on('link', given, async (path) => {
        await link(path, hostPath(to));
        await syncPath(dirname(hostPath(to)));
      }),
    touch: (given) =>
      on('touch', given, async (path) => {
        await stat(path);
        const { code, stderr } = await touch(path);
        if (code !== 0) throw new Error(stderr.trim());
      }),
    modifiedAt: (given) => on('look at', given, async (path) => (await orUndefined(() => stat(path)))?.mtimeMs),
    openRead: (given) => on('open', given, openRead),
    openWrite: (given, mode = 0o600) => on('write', given, (path) => openWrite(path, mode)),
    freeBytes: (given) => on('look at', given, freeBytes),
  };
}
