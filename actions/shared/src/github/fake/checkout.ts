import { execFileSync } from 'node:child_process';
import type { FakeRepository } from './state.ts';

const FIELD = '\u001F';
const RECORD = '\u001E';
const MAX_OUTPUT = 256 * 1024 * 1024;

/**
 * Takes the commits, branches and tags of a clone over. Authors are accounts named by their e-mail addresses' first
 * part, unless `accounts` names another (null: the address belongs to no account).
 */
export function learnCommits(
  repository: FakeRepository,
  folder: string,
  accounts: Readonly<Record<string, string | null>> = {},
): void {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', maxBuffer: MAX_OUTPUT });
  const login = (email: string): string | null => {
    const named = accounts[email];
    return named === undefined ? loginOf(email) : named;
  };
  const format = ['%H', '%P', '%ae', '%ce', '%cI', '%B'].join(FIELD);
  for (const record of git('log', '--all', `--format=${format}${RECORD}`).split(RECORD)) {
    const [sha = '', parents = '', author = '', committer = '', date = '', message = ''] = record
      .trimStart()
      .split(FIELD);
    if (sha === '' || repository.commits[sha] !== undefined) continue;
    repository.commits[sha] = {
      parents: parents.split(' ').filter(Boolean),
      message: message.trim(),
      author: login(author),
      committer: login(committer),
      date: new Date(date).toISOString().replace(/\.\d+Z$/, 'Z'),
    };
  }
  const refs = git(
    'for-each-ref',
    `--format=%(refname)${FIELD}%(objectname)${FIELD}%(*objectname)`,
    'refs/heads',
    'refs/tags',
  );
  for (const line of refs.split('\n')) {
    const [name = '', object = '', peeled = ''] = line.split(FIELD);
    if (name.startsWith('refs/heads/')) repository.branches[name.slice('refs/heads/'.length)] = object;
    if (name.startsWith('refs/tags/'))
      repository.tags[name.slice('refs/tags/'.length)] = peeled === '' ? object : peeled;
  }
}

const loginOf = (email: string): string =>
  email
    .replace(/@.*$/, '')
    .replace(/^\d+\+/, '')
    .replaceAll(/[^A-Za-z0-9-]+/g, '-') || 'somebody';
