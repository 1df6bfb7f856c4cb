import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { liesOnBranch } from './ancestry.ts';

let dir: string;
let first: string;
let second: string;
let aside: string;
const git = (where: string, ...args: string[]): string =>
  execFileSync('git', ['-C', where, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-ancestry-'));
  git(dir, 'init', '-q', '-b', 'main', 'origin');
  const origin = join(dir, 'origin');
  const commit = (message: string): string => {
    git(origin, 'commit', '-q', '--allow-empty', '-m', message);
    return git(origin, 'rev-parse', 'HEAD');
  };
  first = commit('first');
  git(origin, 'checkout', '-q', '-b', 'aside');
  aside = commit('aside');
  git(origin, 'checkout', '-q', 'main');
  second = commit('second');
  git(dir, 'clone', '-q', `file://${origin}`, 'clone');
  git(dir, 'clone', '-q', '--depth', '1', `file://${origin}`, 'shallow');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('whether a commit lies on a branch', () => {
  test('is known from the whole history, by what the remote says of the branch', async () => {
    const clone = join(dir, 'clone');
    expect(await liesOnBranch(clone, first, 'main')).toBe(true);
    expect(await liesOnBranch(clone, second, 'main')).toBe(true);
    expect(await liesOnBranch(clone, aside, 'main')).toBe(false);
    expect(await liesOnBranch(clone, second, 'aside')).toBe(false);
    // A local branch of the name is not what others have.
    git(clone, 'branch', '-f', 'aside', second);
    expect(await liesOnBranch(clone, second, 'aside')).toBe(false);
    git(clone, 'branch', 'mine', second);
    expect(await liesOnBranch(clone, first, 'mine')).toBe(true);
  });

  test('is not guessed where the history is cut off, or the branch or commit is none', async () => {
    const [clone, shallow] = [join(dir, 'clone'), join(dir, 'shallow')];
    await expect(liesOnBranch(shallow, second, 'main')).rejects.toMatchObject({ code: 'HISTORY_SHALLOW', exitCode: 2 });
    await expect(liesOnBranch(clone, second, 'trunk')).rejects.toMatchObject({ code: 'BRANCH_UNKNOWN', exitCode: 2 });
    await expect(liesOnBranch(clone, second, '--all')).rejects.toMatchObject({ code: 'BRANCH_UNKNOWN' });
    await expect(liesOnBranch(clone, 'd'.repeat(40), 'main')).rejects.toMatchObject({ code: 'UNKNOWN_COMMIT' });
    await expect(liesOnBranch(dir, second, 'main')).rejects.toMatchObject({ code: 'NOT_A_CHECKOUT' });
  });
});
