import { Readable, Writable } from 'node:stream';
import type { Host, HostFiles } from '../../host/types.ts';
import type { Deployer } from './deployer.ts';
import type { SimTime } from './time.ts';

interface Inode {
  text: string;
  at: number;
}

/** A host's disk: what survives its deployers. */
export class Disk {
  readonly files = new Map<string, Inode>();

  text(path: string): string | undefined {
    return this.files.get(path)?.text;
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no ${path}`), { code: 'ENOENT' });
}

/** A host in memory, as one deployer sees it. Each operation happens at one moment, or, killed, not or half. */
export function simHost(disk: Disk, time: SimTime, deployer: Deployer): Host {
  const { files } = disk;
  const must = (path: string): Inode => {
    const found = files.get(path);
    if (found === undefined) throw missing(path);
    return found;
  };
  const op = <T>(label: string, path: string, act: () => T, torn?: () => void): Promise<T> =>
    deployer.operation(`${label} ${path}`, act, torn);
  const appended = (path: string, line: string): string => {
    const before = files.get(path)?.text ?? '';
    return `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${line}`;
  };
  const hostFiles: HostFiles = {
    read: (path) => op('read', path, () => files.get(path)?.text),
    write: (path, text) => op('write', path, () => void files.set(path, { text, at: time.now })),
    append: (path, line) =>
      op(
        'append',
        path,
        () => void files.set(path, { text: `${appended(path, line)}\n`, at: time.now }),
        () => void files.set(path, { text: appended(path, line.slice(0, line.length / 2)), at: time.now }),
      ),
    appendLines: (path, lines) => {
      const text = lines.join('\n');
      return op(
        'append',
        path,
        () => void files.set(path, { text: `${appended(path, text)}\n`, at: time.now }),
        () => void files.set(path, { text: appended(path, text.slice(0, text.length * 0.7)), at: time.now }),
      );
    },
    list: (dir) =>
      op('list', dir, () =>
        [...files.keys()]
          .filter((path) => path.startsWith(`${dir}/`))
          .map((path) => path.slice(dir.length + 1).split('/')[0] ?? '')
          .sort(),
      ),
    makeDir: (path) => op('makeDir', path, () => undefined),
    remove: (path) => op('remove', path, () => void files.delete(path)),
    rename: (from, to) =>
      op('rename', from, () => {
        files.set(to, must(from));
        files.delete(from);
      }),
    link: (from, to) =>
      op('link', from, () => {
        if (files.has(to)) throw Object.assign(new Error(`EEXIST: ${to}`), { code: 'EEXIST' });
        files.set(to, must(from));
      }),
    touch: (path) => op('touch', path, () => void (must(path).at = time.now)),
    modifiedAt: (path) => op('stat', path, () => files.get(path)?.at),
    openRead: (path) => op('openRead', path, () => Readable.from([must(path).text])),
    openWrite: (path) => {
      let text = '';
      return op(
        'openWrite',
        path,
        () =>
          new Writable({
            write: (chunk: Buffer, _encoding, done) => {
              text += chunk.toString();
              done();
            },
            final: (done) => {
              files.set(path, { text, at: time.now });
              done();
            },
          }),
      );
    },
    freeBytes: (path) => op('freeBytes', path, () => 1e12),
  };
  return {
    name: 'sim',
    run: (command, args) =>
      deployer.operation(`run ${command}`, () => {
        throw new Error(`this host runs nothing: ${[command, ...args].join(' ')}`);
      }),
    files: hostFiles,
    now: () => deployer.operation('now', () => time.now),
    home: () => Promise.resolve('/home/sim'),
    forward: (port) => Promise.resolve(port),
    close: () => Promise.resolve(),
  };
}
