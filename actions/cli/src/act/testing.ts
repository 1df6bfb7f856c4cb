import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import type { EnvSource } from '@papergate/config';
import { startGitHub, type LocalGitHub } from './github.ts';
import { runWorkflow } from './run.ts';
import { stopStaging } from './staging.ts';
import type { ActOutcome, ActRequest } from './types.ts';

/** The checkout that these tests are of. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');
export const NAME = 'local/papergate';

/** Runs of this repository's own workflows, one after the other, over one home; two commits to go between. */
export interface Series {
  /** The repository. */
  dir: string;
  home: string;
  /** HEAD of the checkout, and one that adds a version 0.9.0 to the changelog and what was asked for, tagged. */
  first: string;
  second: string;
  github: LocalGitHub;
  git(...args: string[]): string;
  run(request: Omit<ActRequest, 'repository'>): Promise<ActOutcome>;
  close(): Promise<void>;
}

/** @param change what the second commit changes besides, in files by their paths */
export async function startSeries(
  act: string,
  env: EnvSource,
  variables: Record<string, string>,
  change: Readonly<Record<string, (text: string) => string>> = {},
): Promise<Series> {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-workflows-'));
  const home = mkdtempSync(join(tmpdir(), 'papergate-workflows-home-'));
  // PostgreSQL does not run as root; its user has to pass through.
  chmodSync(home, 0o711);
  execFileSync('git', ['clone', '-q', '--shared', ROOT, dir], { stdio: 'pipe' });
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', dir, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  git('checkout', '-q', '-B', 'main');
  git('remote', 'remove', 'origin');
  const first = git('rev-parse', 'HEAD');
  const changelog = join(dir, 'CHANGELOG.md');
  const text = readFileSync(changelog, 'utf8').replace('## [Unreleased]', '## [Unreleased]\n\n## [0.9.0]\n\n- To try.');
  writeFileSync(changelog, text);
  for (const [path, changed] of Object.entries(change)) {
    writeFileSync(join(dir, path), changed(readFileSync(join(dir, path), 'utf8')));
  }
  git('commit', '-q', '-a', '-m', 'the second commit');
  git('tag', 'v0.9.0');
  const github = await startGitHub({ repository: dir, name: NAME, home, secretNames: [] });
  return {
    dir,
    home,
    first,
    second: git('rev-parse', 'HEAD'),
    github,
    git,
    run: (request) =>
      runWorkflow({ repository: dir, packages: ROOT, variables, ...request }, { env, home, github: github.fake, act }),
    close: async () => {
      await stopStaging({ home, env });
      await github.close();
      for (const folder of [dir, home]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const results = ({ jobs }: ActOutcome): Record<string, string> =>
  Object.fromEntries(jobs.map(({ id, result }) => [id, result]));
export const words = ({ lines }: ActOutcome): string => lines.map(({ text }) => text).join('\n');

const SHOWN = 60;

/** Jobs with their results, as wanted; what a job that went otherwise said last is in the message of a test that fails. */
export function expectJobs(outcome: ActOutcome, wanted: Record<string, string>): void {
  const found = results(outcome);
  const said = outcome.jobs
    .filter(({ id, result }) => wanted[id] !== result)
    .map(({ id }) => outcome.lines.filter(({ job }) => job === id).slice(-SHOWN))
    .flatMap((lines) => lines.map(({ job, text }) => `${job}: ${text}`));
  try {
    expect(found).toEqual(expect.objectContaining(wanted));
  } catch (error) {
    throw new Error(`jobs: ${JSON.stringify(found)}\n${said.join('\n')}`, { cause: error });
  }
}
