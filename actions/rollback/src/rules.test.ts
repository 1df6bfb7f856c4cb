import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeploymentStatus, GitHubDeployment, Manifest } from '@papergate/delivery';
import { defaultBranch, demandOnBranch } from './branch.ts';
import { demandSame, healthyDeployment, neverHealthy, wasHealthy } from './healthy.ts';

const SHA = 'a'.repeat(40);
const signal = new AbortController().signal;

const statuses = (...newestFirst: string[]): DeploymentStatus[] =>
  newestFirst.map((state, index) => ({ id: 100 - index, state }) as DeploymentStatus);
const deployment = (change: Partial<GitHubDeployment> = {}): GitHubDeployment =>
  ({
    id: 1,
    sha: SHA,
    at: 'then',
    manifestDigest: 'sha256:1',
    statuses: statuses('success'),
    ...change,
  }) as GitHubDeployment;

describe('a deployment was healthy', () => {
  test.each([
    [['success', 'in_progress'], true],
    [['inactive', 'success', 'in_progress'], true],
    [['failure', 'success'], false],
    [['inactive', 'failure', 'success'], false],
    [['success', 'failure'], true],
    [['error'], false],
    [['in_progress'], false],
    [['inactive'], false],
    [[], false],
  ])('%j: %s', (newestFirst, healthy) => {
    expect(wasHealthy({ statuses: statuses(...newestFirst) })).toBe(healthy);
  });

  test('where it is of this very commit and names its manifest', async () => {
    const api = (...found: GitHubDeployment[]) => ({ listDeployments: () => Promise.resolve(found) });
    const asked = { environment: 'staging', sha: SHA };
    const good = deployment({ id: 2 });
    expect(await healthyDeployment(api(deployment({ manifestDigest: null }), good), asked)).toBe(good);
    expect(await healthyDeployment(api(deployment({ sha: 'b'.repeat(40) })), asked)).toBeUndefined();
    expect(await healthyDeployment(api(deployment({ statuses: statuses('failure') })), asked)).toBeUndefined();
    expect(await healthyDeployment(api(), asked)).toBeUndefined();
    expect(await healthyDeployment(undefined, asked)).toBeUndefined();
  });

  test('and what lies at the registry now has to be what it delivered', () => {
    expect(() => demandSame({ digest: 'sha256:1' } as Manifest, deployment())).not.toThrow();
    expect(() => demandSame({ digest: 'sha256:2' } as Manifest, deployment())).toThrow(
      expect.objectContaining({ code: 'RELEASE_REPLACED', exitCode: 1 }),
    );
  });

  test('who was never, is told what was', () => {
    const good = { manifest: { commit: 'b'.repeat(40) } as Manifest, delivered_at: 'yesterday' };
    const { message } = neverHealthy(SHA, [good as Parameters<typeof neverHealthy>[1][number]], 'staging');
    expect(message).toContain(`${'b'.repeat(40)} (yesterday)`);
    expect(neverHealthy(SHA, [], 'staging').message).toContain('good are: none');
  });
});

describe('the branch that releases come from', () => {
  let dir: string;
  let head: string;
  let warnings: string[];
  beforeEach(() => {
    warnings = [];
    dir = mkdtempSync(join(tmpdir(), 'papergate-branch-'));
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', dir, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
        encoding: 'utf8',
      }).trim();
    git('init', '-q', '-b', 'main');
    git('commit', '-q', '--allow-empty', '-m', 'first');
    head = git('rev-parse', 'HEAD');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const ask = (isAncestor?: () => Promise<boolean>, sha = head): Promise<void> =>
    demandOnBranch({
      sha,
      branch: 'main',
      api: isAncestor === undefined ? undefined : { isAncestor },
      repository: dir,
      log: { info: () => {}, warning: (text) => void warnings.push(text) },
      signal,
    });

  test('is the one that is named, else that of the event, else main', () => {
    const event = { repository: { default_branch: 'trunk' } };
    expect(defaultBranch('master', { event })).toBe('master');
    expect(defaultBranch(undefined, { event })).toBe('trunk');
    expect(defaultBranch(undefined, { event: {} })).toBe('main');
    expect(defaultBranch(undefined, { event: { repository: { default_branch: 7 } } })).toBe('main');
  });

  test('is GitHub’s to tell, whatever the clone says', async () => {
    await expect(ask(() => Promise.resolve(true), 'd'.repeat(40))).resolves.toBeUndefined();
    await expect(ask(() => Promise.resolve(false))).rejects.toMatchObject({ code: 'NOT_ON_BRANCH', exitCode: 1 });
  });

  test('is the clone’s to tell where there is no GitHub to ask, or it does not answer', async () => {
    await expect(ask()).resolves.toBeUndefined();
    await expect(ask(() => Promise.reject(new Error('away')))).resolves.toBeUndefined();
    expect(warnings.join()).toContain('away');
    await expect(ask(() => Promise.reject(new Error('away')), 'd'.repeat(40))).rejects.toMatchObject({
      code: 'UNKNOWN_COMMIT',
    });
  });
});
