import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { providePackages } from '@papergate/delivery';

export const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url)).replace(/\/$/, '');

/** A clone of this repository, as it is in this folder now, with packages, in which a test commits what it likes. */
export interface Clone {
  dir: string;
  head: string;
  git(...args: string[]): string;
  /** Writes files (undefined: removes) and commits them on top of `parent`; gives the commit. */
  commit(message: string, files?: Readonly<Record<string, string | undefined>>, parent?: string): string;
  /** A file of the commit that the clone began with. */
  read(path: string): string;
  remove(): void;
}

export async function cloneRepository(): Promise<Clone> {
  const folder = mkdtempSync(join(tmpdir(), 'papergate-clone-'));
  const dir = join(folder, 'papergate');
  execFileSync('git', ['clone', '-q', ROOT, dir], { stdio: ['ignore', 'ignore', 'pipe'] });
  // What is committed decides which packages are wanted; what is installed here serves them where it can.
  await providePackages(ROOT, dir);
  const installed = join(dir, 'node_modules');
  cpSync(join(ROOT, 'node_modules', '.package-lock.json'), join(installed, '.package-lock.json'));
  if (!existsSync(join(installed, '.bin'))) symlinkSync(join(ROOT, 'node_modules', '.bin'), join(installed, '.bin'));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', dir, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 26,
    }).trim();
  git('remote', 'remove', 'origin');
  copyChanges(dir);
  git('add', '-A');
  git('commit', '-q', '--allow-empty', '-m', 'the working tree');
  const head = git('rev-parse', 'HEAD');
  return {
    dir,
    head,
    git,
    commit: (message, files = {}, parent = head) => {
      git('checkout', '-q', '--detach', parent);
      for (const [path, text] of Object.entries(files)) {
        const place = join(dir, path);
        if (text === undefined) rmSync(place);
        else {
          mkdirSync(dirname(place), { recursive: true });
          writeFileSync(place, text);
        }
      }
      git('add', '-A');
      git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
    read: (path) =>
      execFileSync('git', ['-C', dir, 'show', `${head}:${path}`], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What was not committed here yet is what somebody wants to see tested. */
function copyChanges(dir: string): void {
  const list = (...args: string[]): string[] =>
    execFileSync('git', ['-C', ROOT, 'ls-files', '-z', '--exclude-standard', ...args], { encoding: 'utf8' })
      .split('\0')
      .filter((path) => path !== '');
  for (const path of list('--modified', '--others')) {
    if (!existsSync(join(ROOT, path))) continue;
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    cpSync(join(ROOT, path), join(dir, path));
  }
  for (const path of list('--deleted')) rmSync(join(dir, path), { force: true });
}
