import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { at, digest, NOW, REPOSITORY, repositoryWith, sha } from '../testing.ts';
import type { JsonObject } from './description/types.ts';
import {
  learnCommits,
  makeState,
  startGitHubFake,
  type FakeRepository,
  type GitHubFake,
  type GitHubFakeOptions,
} from './index.ts';
import { ROUTES } from './routes/index.ts';

let fake: GitHubFake | undefined;
afterEach(async () => {
  const open = fake;
  fake = undefined;
  await open?.close();
});

async function start(repository: Partial<FakeRepository> = {}, options: GitHubFakeOptions = {}): Promise<GitHubFake> {
  const { state, ...others } = options;
  const repositories = { [REPOSITORY]: repositoryWith(repository) };
  fake = await startGitHubFake({ clock: { now: () => NOW }, state: { repositories, ...state }, ...others });
  return fake;
}

interface Answer {
  status: number;
  body: JsonObject & JsonObject[];
  header(name: string): string | null;
}
/** @param request `GET /path` below the API's address; `{}` stands for the repository */
async function ask(request: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const [method = '', path = ''] = request.split(' ');
  const response = await fetch((fake?.url ?? '') + path.replace('{}', `/repos/${REPOSITORY}`), {
    method,
    headers: { authorization: 'Bearer t', ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Answer['body'],
    header: (name) => response.headers.get(name),
  };
}

/** What went against the description; taken out, so that the end of the test does not find it again. */
const violations = (): string[] => fake?.violations.splice(0) ?? [];

/** Something of everything. */
const FULL: Partial<FakeRepository> = {
  environments: {
    production: {
      id: 1,
      created_at: at(0),
      wait_timer: 1440,
      reviewers: [
        { type: 'User', name: 'dan' },
        { type: 'Team', name: 'traders' },
      ],
      prevent_self_review: true,
      can_admins_bypass: false,
      branch_policy: [{ id: 5, name: 'main', type: 'branch' }],
      secrets: ['ALPACA_LIVE_API_KEY'],
      variables: { PLACE: 'ssh://trade@example.com' },
    },
  },
  variables: { ONE: '1' },
  secrets: ['TWO'],
  pulls: [
    {
      number: 7,
      base: 'main',
      head: 'feature/one',
      head_sha: sha('d'),
      user: 'cleo',
      created_at: at(0),
      merged_at: at(5),
      merge_commit_sha: sha('c'),
      commits: [sha('d')],
      reviews: [{ user: 'dan', state: 'APPROVED', commit_id: sha('d'), submitted_at: at(1) }],
    },
  ],
  runs: [
    {
      id: 11,
      path: '.github/workflows/deploy-production.yml',
      event: 'workflow_dispatch',
      status: 'waiting',
      conclusion: null,
      head_sha: sha('c'),
      head_branch: 'main',
      actor: 'ben',
      created_at: at(0),
      artifacts: [
        { id: 3, name: 'evidence', size_in_bytes: 10, created_at: at(1), expires_at: at(9), digest: digest('9') },
      ],
      approvals: [{ environment: 'production', state: 'approved', user: 'dan', comment: 'good' }],
      pending: [{ environment: 'production', wait_timer_started_at: at(1) }],
    },
  ],
  rulesets: [
    {
      id: 8,
      name: 'main',
      target: 'branch',
      enforcement: 'active',
      bypass_actors: [],
      conditions: { ref_name: { include: ['~DEFAULT_BRANCH'], exclude: [] } },
      rules: [{ type: 'deletion' }],
    },
  ],
  branch_protection: { main: { allow_deletions: { enabled: false } } },
  labels: [{ name: 'drill', color: 'ededed', description: '' }],
};
const STATEMENT = Buffer.from(
  JSON.stringify({
    predicateType: 'https://slsa.dev/provenance/v1',
    subject: [{ name: 'a', digest: { sha256: 'f'.repeat(64) } }],
  }),
).toString('base64');

/** A good request of every route, in an order in which one can stand on another. */
const REQUESTS: [request: string, status: number, body?: JsonObject][] = [
  ['GET /rate_limit', 200],
  ['GET {}', 200],
  ['GET /user', 200],
  ['GET /users/dan', 200],
  ['GET /orgs/acme/teams/traders', 200],
  ['GET {}/actions/permissions/workflow', 200],
  [
    'PUT {}/actions/permissions/workflow',
    204,
    { default_workflow_permissions: 'read', can_approve_pull_request_reviews: false },
  ],
  ['GET {}/labels', 200],
  ['POST {}/labels', 201, { name: 'keys', color: 'ff0000', description: 'rotation' }],
  ['GET {}/branches', 200],
  ['GET {}/branches/feature/one', 200],
  ['GET {}/git/ref/heads/main', 200],
  ['POST {}/git/refs', 201, { ref: 'refs/tags/v1', sha: sha('b') }],
  ['PATCH {}/git/refs/tags/v1', 200, { sha: sha('c'), force: true }],
  [`GET {}/commits/${sha('c')}`, 200],
  [`GET {}/compare/${sha('a')}...main`, 200],
  [`GET {}/commits/${sha('c')}/pulls`, 200],
  ['GET {}/pulls/7', 200],
  ['GET {}/pulls/7/commits', 200],
  ['GET {}/pulls/7/reviews', 200],
  ['POST {}/check-runs', 201, { name: 'tests', head_sha: sha('c'), conclusion: 'success' }],
  [`GET {}/commits/${sha('c')}/check-runs`, 200],
  ['POST {}/deployments', 201, { ref: 'main', environment: 'staging', payload: { a: 1 }, required_contexts: [] }],
  ['GET {}/deployments?environment=staging', 200],
  ['GET {}/deployments/DEPLOYMENT', 200],
  ['POST {}/deployments/DEPLOYMENT/statuses', 201, { state: 'success', log_url: 'https://example.com/log' }],
  ['GET {}/deployments/DEPLOYMENT/statuses', 200],
  ['GET {}/environments', 200],
  ['GET {}/environments/production', 200],
  [
    'PUT {}/environments/canary%2Fone',
    200,
    {
      wait_timer: 5,
      reviewers: [{ type: 'User', id: 41 }],
      deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
    },
  ],
  ['POST {}/environments/production/deployment-branch-policies', 200, { name: 'release/*' }],
  ['GET {}/environments/production/deployment-branch-policies', 200],
  ['DELETE {}/environments/production/deployment-branch-policies/5', 204],
  ['GET {}/environments/production/secrets', 200],
  ['GET {}/environments/production/variables', 200],
  ['GET {}/actions/secrets', 200],
  ['GET {}/actions/variables', 200],
  ['GET {}/actions/runs/11', 200],
  ['GET {}/actions/workflows/deploy-production.yml/runs?status=waiting', 200],
  ['GET {}/actions/runs/11/artifacts', 200],
  ['GET {}/actions/artifacts/3', 200],
  ['GET {}/actions/runs/11/approvals', 200],
  ['GET {}/actions/runs/11/pending_deployments', 200],
  ['POST {}/actions/runs/11/pending_deployments', 200, { environment_ids: [1], state: 'approved', comment: 'go' }],
  [
    'POST {}/attestations',
    201,
    { bundle: { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', dsseEnvelope: { payload: STATEMENT } } },
  ],
  [`GET {}/attestations/${digest('f')}?predicate_type=provenance`, 200],
  ['GET {}/rulesets', 200],
  ['POST {}/rulesets', 201, { name: 'tags', target: 'tag', enforcement: 'active', rules: [{ type: 'deletion' }] }],
  ['GET {}/rulesets/8', 200],
  ['PUT {}/rulesets/8', 200, { name: 'main', target: 'branch', enforcement: 'active' }],
  ['GET {}/rules/branches/main', 200],
  ['GET {}/branches/main/protection', 200],
  ['POST {}/releases', 201, { tag_name: 'v1.0.0', body: 'What is new' }],
  ['GET {}/releases', 200],
  ['GET {}/releases/latest', 200],
  ['GET {}/releases/tags/v1.0.0', 200],
  ['PATCH {}/releases/RELEASE', 200, { draft: false }],
  ['POST {}/issues', 201, { title: 'Rotate the keys', labels: ['keys'] }],
  ['GET {}/issues?state=open', 200],
  ['POST {}/issues/2/comments', 201, { body: 'Still to do' }],
];

test('every route answers as GitHub describes it', async () => {
  const users = { dan: { id: 41 } };
  const state = { users, teams: { 'acme/traders': { id: 42, members: ['github-actions[bot]'] } } };
  const { state: is, requests } = await start(FULL, { state });
  for (const [request, status, body] of REQUESTS) {
    const { releases, deployments } = is.repositories[REPOSITORY] ?? { releases: [], deployments: [] };
    const made = request.replace('RELEASE', String(releases[0]?.id)).replace('DEPLOYMENT', String(deployments[0]?.id));
    const answer = await ask(made, body);
    expect([request, answer.status, violations()]).toEqual([request, status, []]);
  }
  const served = new Set(requests.map(({ route }) => route));
  expect(ROUTES.map(({ route }) => route).filter((route) => !served.has(route))).toEqual([]);
});

describe('what is not as GitHub describes it', () => {
  test.each<[string, unknown, string]>([
    ['GET {}/secrets', undefined, 'serves nothing there'],
    ['GET {}/deployments?enviroment=staging', undefined, 'query parameter enviroment is not described'],
    ['POST {}/deployments', { environment: 'staging' }, "must have required property 'ref'"],
    ['POST {}/deployments', undefined, 'the body is missing'],
    ['POST {}/deployments', { ref: 'main', images: {} }, 'body/images is not described'],
    ['POST {}/deployments', { ref: 7 }, 'body/ref must be string'],
    ['PUT {}/environments/x', { can_admin_bypass: false }, 'body/can_admin_bypass is not described'],
    ['POST {}/labels', { name: null }, 'body/name must be string'],
    ['GET {}/deployments/latest/statuses', undefined, 'parameter deployment_id must be integer'],
    ['DELETE {}/environments/x/deployment-branch-policies/1', { a: 1 }, 'a body is not described'],
  ])('%s %p fails the test that does it', async (request, body, words) => {
    await start();
    const { status } = await ask(request, body);
    expect(status).toBeGreaterThanOrEqual(404);
    const open = fake;
    fake = undefined;
    await expect(open?.close()).rejects.toThrow(words);
  });

  test('is found in answers too: state that GitHub could not have', async () => {
    await start({ labels: [{ name: 'x', color: 7 as unknown as string, description: '' }] });
    await ask('GET {}/labels');
    expect(violations()).toEqual([
      expect.stringContaining('answer to GET /repos/acme/trading/labels: answer/0/color must be string'),
    ]);
  });

  test('passes where nobody looks', async () => {
    const { close } = await start({}, { validate: false });
    expect((await ask('GET {}/deployments?enviroment=staging')).status).toBe(200);
    fake = undefined;
    await close();
  });
});

describe('as GitHub does', () => {
  test('pages come with links to the others, and keep the question', async () => {
    await start({
      labels: Array.from({ length: 65 }, (_, index) => ({ name: `l${index}`, color: 'ededed', description: '' })),
    });
    const second = await ask('GET {}/labels?per_page=30&page=2');
    expect(second.body).toHaveLength(30);
    expect(second.header('link')).toBe(
      ['prev', 'first', 'next', 'last']
        .map(
          (rel, index) =>
            `<${fake?.url}/repos/acme/trading/labels?per_page=30&page=${[1, 1, 3, 3][index]}>; rel="${rel}"`,
        )
        .join(', '),
    );
    expect((await ask('GET {}/labels?per_page=30&page=3')).body).toHaveLength(5);
    expect((await ask('GET {}/labels?per_page=100')).header('link')).toBeNull();
  });

  test('what did not change is answered 304 and costs nothing', async () => {
    await start();
    const first = await ask('GET {}/labels');
    const again = await ask('GET {}/labels', undefined, { 'if-none-match': first.header('etag') ?? '' });
    expect([again.status, again.header('x-ratelimit-remaining')]).toEqual([304, first.header('x-ratelimit-remaining')]);
  });

  test('requests are counted for each token, and again from the start in the next hour', async () => {
    let now = NOW;
    await start({}, { clock: { now: () => now }, state: { rate_limit: 2 } });
    expect((await ask('GET {}')).header('x-ratelimit-remaining')).toBe('1');
    expect((await ask('GET {}')).status).toBe(200);
    expect((await ask('GET {}')).status).toBe(403);
    expect((await ask('GET {}', undefined, { authorization: 'token other' })).status).toBe(200);
    now += 3_600_000;
    expect((await ask('GET {}')).status).toBe(200);
  });

  test.each([
    ['no token', {}, 401],
    ['an unknown one', { authorization: 'Bearer guessed' }, 401],
    ['one that may only read', { authorization: 'Bearer reads' }, 403],
    ['one that may write', { authorization: 'token writes' }, 201],
  ])('%p: %p', async (_, headers, status) => {
    const token = (permissions: Record<string, 'read' | 'write'>) => ({ login: 'dan', permissions });
    await start(
      {},
      { state: { tokens: { reads: token({ deployments: 'read' }), writes: token({ deployments: 'write' }) } } },
    );
    const body = { ref: 'main', required_contexts: [] };
    const response = await fetch(`${fake?.url}/repos/${REPOSITORY}/deployments`, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(status);
  });

  test('checks that are not green stop a deployment that asks for them', async () => {
    await start();
    await ask('POST {}/check-runs', { name: 'tests', head_sha: sha('c'), conclusion: 'failure' });
    expect((await ask('POST {}/deployments', { ref: 'main' })).status).toBe(409);
    expect((await ask('POST {}/deployments', { ref: 'main', required_contexts: [] })).status).toBe(201);
  });

  test('a success sets the earlier ones of its environment inactive, but none of production', async () => {
    await start();
    for (const environment of ['staging', 'staging', 'production', 'production']) {
      const { body } = await ask('POST {}/deployments', { ref: 'main', environment, required_contexts: [] });
      await ask(`POST {}/deployments/${JSON.stringify(body['id'])}/statuses`, { state: 'success' });
    }
    const states = fake?.state.repositories[REPOSITORY]?.deployments.map(({ statuses }) => statuses.at(-1)?.state);
    expect(states).toEqual(['inactive', 'success', 'success', 'success']);
  });

  test.each([
    ['who started the run', 'ben', true, 422],
    ['who started it where that is allowed', 'ben', false, 200],
    ['a reviewer', 'dan', true, 200],
    ['somebody else', 'mallory', true, 422],
  ])('%s reviews: %p', async (_, login, preventSelf, status) => {
    const environments = structuredClone(FULL.environments ?? {});
    const { production } = environments;
    if (production !== undefined)
      Object.assign(production, {
        reviewers: ['ben', 'dan'].map((name) => ({ type: 'User', name })),
        prevent_self_review: preventSelf,
      });
    await start({ ...FULL, environments }, { state: { tokens: { t: { login, permissions: 'all' } } } });
    const word = { environment_ids: [1], state: 'approved', comment: '' };
    expect((await ask('POST {}/actions/runs/11/pending_deployments', word)).status).toBe(status);
  });
});

test('commits, branches and tags are taken over from a clone, also those that come later', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'papergate-fake-'));
  const git = (...args: string[]): string =>
    execFileSync(
      'git',
      ['-C', folder, '-c', 'user.name=Ana', '-c', 'user.email=12+ana@users.noreply.github.com', ...args],
      { encoding: 'utf8' },
    ).trim();
  try {
    git('init', '-q', '-b', 'main');
    const commit = (name: string): string => {
      writeFileSync(join(folder, name), name);
      git('add', '.');
      git('commit', '-q', '-m', `Add ${name}\n\nWith a body`);
      return git('rev-parse', 'HEAD');
    };
    const first = commit('one');
    git('tag', '-a', 'v1', '-m', 'v1');
    const state = makeState({ repositories: { [REPOSITORY]: {} } });
    const { close } = await start(
      {},
      {
        state,
        learn: (is, name) =>
          learnCommits(is.repositories[name] ?? (state.repositories[REPOSITORY] as FakeRepository), folder),
      },
    );
    const second = commit('two');
    const { body } = await ask(`GET {}/compare/${first}...main`);
    expect(body).toMatchObject({ status: 'ahead', ahead_by: 1, commits: [{ sha: second, author: { login: 'ana' } }] });
    expect((await ask('GET {}/git/ref/tags/v1')).body).toMatchObject({ object: { sha: first } });
    fake = undefined;
    await close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
