/**
 * In place of actions/checkout: the commit comes out of the run's own repository and not from the network. Inputs `ref`,
 * `fetch-depth` and `path` mean what they mean there; a shallow checkout is shallow, so that a job that needs the history
 * fails here as it would on GitHub. Other repositories cannot be had.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { input, output, say, surroundings } from './surroundings.ts';

const { origin, checkouts, repository, workspace, sha } = surroundings(process.env);

const wanted = input('repository');
if (wanted !== '' && wanted !== repository) {
  throw new Error(`checkout of ${wanted}: a run on this machine has only ${repository}`);
}
const depth = Number(input('fetch-depth') || '1');
const ref = input('ref') || sha;

// act takes a job's workspace away when the job is over; what a job started may still run from it.
const place = mkdtempSync(join(checkouts, `${process.env['GITHUB_JOB'] ?? 'job'}-`));
const git = (...args: string[]): string =>
  execFileSync('git', ['-C', place, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
git('init', '-q');
git('remote', 'add', 'origin', `file://${origin}`);
const shallow = depth > 0 ? [`--depth=${depth}`] : ['+refs/heads/*:refs/remotes/origin/*', '--tags'];
git('fetch', '-q', 'origin', ...(depth > 0 ? [...shallow, ref] : shallow));
git('checkout', '-q', '--detach', depth > 0 ? 'FETCH_HEAD' : commitOf(ref));

const path = input('path');
const target = path === '' ? workspace : join(workspace, path);
rmSync(target, { recursive: true, force: true });
mkdirSync(join(target, '..'), { recursive: true });
symlinkSync(place, target);
output('commit', git('rev-parse', 'HEAD'));
output('ref', ref);
say(`checked out ${git('log', '-1', '--format=%h %s')}`);

function commitOf(name: string): string {
  for (const candidate of [name, `refs/remotes/origin/${name.replace(/^refs\/heads\//, '')}`]) {
    try {
      return git('rev-parse', '--verify', '-q', `${candidate}^{commit}`);
    } catch {
      // Not under this name; the next one, or none at all.
    }
  }
  throw new Error(`checkout: there is no commit ${name} in the repository of this run`);
}
