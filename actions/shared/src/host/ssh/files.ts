import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path/posix';
import { PassThrough, Writable, type Readable } from 'node:stream';
import { messageOf, PapergateError } from '@papergate/config';
import { fileError, systemError } from '../errors.ts';
import { hostPath, wholeLines } from '../path.ts';
import { asError, settle } from '../settle.ts';
import type { HostFiles, HostResult, HostRun } from '../types.ts';
import * as scripts from './scripts.ts';

type Run = (command: string, args: readonly string[], options?: HostRun) => Promise<HostResult>;

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** The file operations of a place, each one script for the shell there. */
export function sshFiles(host: string, run: Run): HostFiles {
  const script = async (
    what: string,
    text: string,
    args: readonly string[],
    options: HostRun = {},
  ): Promise<HostResult> => {
    const result = await run('sh', ['-c', scripts.PRELUDE + text, 'sh', ...args], options);
    if (result.code === scripts.MISSING) throw systemError('ENOENT', `${host}: ${what}`);
    if (result.code === scripts.EXISTS) throw systemError('EEXIST', `${host}: ${what}`);
    if (result.code !== 0) throw fileError(host, what, result.stderr.trim().split('\n').at(-1) ?? '');
    return result;
  };
  const orUndefined = async (act: Promise<HostResult>): Promise<string | undefined> => {
    try {
      return (await act).stdout;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };

  const openWrite = async (path: string, mode: number): Promise<Writable> => {
    const draft = `${path}.${randomUUID().slice(0, 8)}.part`;
    const what = `write ${path}`;
    await script(what, scripts.MAKE_ABOVE, [path]);
    const pipe = new PassThrough();
    let bytes = 0;
    let complete = false;
    const taken = script(what, scripts.TAKE, [draft], { stdin: pipe });
    // What could not be written is told by the script over there; the pipe only knows that it was closed.
    const told = async (reason: unknown): Promise<Error> => {
      const [first] = await Promise.allSettled([taken]);
      if (first.status === 'rejected') return asError(first.reason);
      return reason instanceof PapergateError ? reason : fileError(host, what, messageOf(reason), reason);
    };
    const send = async (chunk: Buffer): Promise<void> => {
      bytes += chunk.length;
      try {
        await new Promise<void>((resolve, reject) => {
          pipe.write(chunk, (reason) => (reason == null ? resolve() : reject(reason)));
        });
      } catch (error) {
        throw await told(error);
      }
    };
    const put = async (): Promise<void> => {
      pipe.end();
      try {
        await taken;
        await script(what, scripts.PUT, [draft, path, octal(mode), String(bytes)]);
      } catch (error) {
        throw await told(error);
      }
      complete = true;
    };
    const drop = async (): Promise<void> => {
      if (complete) return;
      pipe.destroy(new Error('given up'));
      await Promise.allSettled([taken]);
      await script(what, scripts.REMOVE, [draft]).catch(() => undefined);
    };
    // Whoever writes learns of it at the next chunk, or at the end.
    taken.catch((error: unknown) => pipe.destroy(asError(error)));
    pipe.on('error', () => undefined);
    return new Writable({
      write: (chunk: Buffer, _encoding, finish) => settle(send(chunk), finish),
      final: (finish) => settle(put(), finish),
      destroy: (reason, finish) => settle(drop(), () => finish(reason)),
    });
  };

  const openRead = async (path: string): Promise<Readable> => {
    const what = `read ${path}`;
    await script(what, scripts.IS_FILE, [path]);
    const stream = new PassThrough();
    script(what, scripts.READ, [path], { stdout: stream }).catch((error: unknown) => stream.destroy(asError(error)));
    return stream;
  };

  const appendAll = async (path: string, lines: readonly string[]): Promise<void> => {
    wholeLines(lines);
    if (lines.length === 0) return;
    const text = `${lines.join('\n')}\n`;
    await script(`write ${path}`, scripts.APPEND, [path, String(Buffer.byteLength(text))], { stdin: text });
  };

  const files: Required<HostFiles> = {
    read: (path) => orUndefined(script(`read ${path}`, scripts.READ, [path])),
    write: async (path, text, mode = 0o600) => {
      const draft = `${path}.${randomUUID().slice(0, 8)}.part`;
      const bytes = String(Buffer.byteLength(text));
      await script(`write ${path}`, scripts.WRITE, [draft, path, octal(mode), bytes], { stdin: text });
    },
    append: (path, line) => appendAll(path, [line]),
    appendLines: (path, lines) => appendAll(path, lines),
    list: async (dir) => {
      const names = await orUndefined(script(`read ${dir}`, scripts.LIST, [dir]));
      return (names ?? '')
        .split('\0')
        .filter((name) => name !== '')
        .sort();
    },
    makeDir: async (dir, mode = 0o700) => {
      await script(`make ${dir}`, scripts.MAKE_DIR, [dir, octal(mode)]);
    },
    remove: async (path) => {
      await script(`remove ${path}`, scripts.REMOVE, [path]);
    },
    rename: async (from, to) => {
      await script(`rename ${from}`, scripts.RENAME, [from, hostPath(to), dirname(hostPath(to))]);
    },
    link: async (from, to) => {
      await script(`link ${from}`, scripts.LINK, [from, hostPath(to), dirname(hostPath(to))]);
    },
    touch: async (path) => {
      await script(`touch ${path}`, scripts.TOUCH, [path]);
    },
    modifiedAt: async (path) => {
      const text = await orUndefined(script(`look at ${path}`, scripts.MODIFIED, [path]));
      return text === undefined ? undefined : Number(text.trim().replace(',', '.')) * 1000;
    },
    openRead,
    openWrite: (path, mode = 0o600) => openWrite(path, mode),
    freeBytes: async (path) => {
      const { stdout } = await script(`look at ${path}`, scripts.FREE, [path]);
      const kibibytes = /\s\d+\s+\d+\s+(-?\d+)\s+[\d-]+%?\s/.exec(stdout.trim().split('\n').at(-1) ?? '')?.[1];
      if (kibibytes === undefined) throw fileError(host, `look at ${path}`, `df said "${stdout.trim()}"`);
      return Math.max(0, Number(kibibytes)) * 1024;
    },
  };
  return checked(files);
}

/** Every path is looked at before anything is sent. */
function checked(files: Required<HostFiles>): HostFiles {
  return {
    read: async (path) => files.read(hostPath(path)),
    write: async (path, text, mode) => files.write(hostPath(path), text, mode),
    append: async (path, line) => files.append(hostPath(path), line),
    appendLines: async (path, lines) => files.appendLines(hostPath(path), lines),
    list: async (dir) => files.list(hostPath(dir)),
    makeDir: async (dir, mode) => files.makeDir(hostPath(dir), mode),
    remove: async (path) => files.remove(hostPath(path)),
    rename: async (from, to) => files.rename(hostPath(from), hostPath(to)),
    link: async (from, to) => files.link(hostPath(from), hostPath(to)),
    touch: async (path) => files.touch(hostPath(path)),
    modifiedAt: async (path) => files.modifiedAt(hostPath(path)),
    openRead: async (path) => files.openRead(hostPath(path)),
    openWrite: async (path, mode) => files.openWrite(hostPath(path), mode),
    freeBytes: async (path) => files.freeBytes(hostPath(path)),
  };
}
