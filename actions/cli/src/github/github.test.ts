import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  startGitHubFake,
  type FakeRepository,
  type GitHubFake,
  type GitHubFakeOptions,
} from '@papergate/delivery/github-fake';
import { buildProgram, runProgram } from '../program.ts';
import { testContext } from '../testing.ts';
import type { Item } from './types.ts';

const NAME = 'acme/trading';
const WORKFLOW = `
on: push
jobs:
  deliver:
    environment: { name: staging }
    steps:
      - run: echo
        env:
          KEY: \${{ secrets.ALPACA_PAPER_API_KEY }}
          HOST: \${{ vars.PAPERGATE_HOST }}
          SSH: \${{ secrets.STAGING_SSH_KEY }}
          OWN: \${{ secrets.GITHUB_TOKEN }}
  promote:
    environment: production
    steps: [{ run: 'true', env: { KEY: '\${{ secrets.ALPACA_LIVE_API_KEY }}' } }]
  report:
    steps: [{ run: 'true', env: { HOOK: '\${{ secrets.TEAM_HOOK }}' } }]
`;

let checkout = '';
let fake: GitHubFake | undefined;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'papergate-github-'));
  mkdirSync(join(checkout, '.github/workflows'), { recursive: true });
  mkdirSync(join(checkout, '.github/ISSUE_TEMPLATE'), { recursive: true });
  writeFileSync(join(checkout, '.github/workflows/a.yml'), WORKFLOW);
  writeFileSync(join(checkout, '.github/ISSUE_TEMPLATE/bug.yml'), 'name: Bug\nlabels: [bug]\n');
});
afterEach(async () => {
  rmSync(checkout, { recursive: true });
  const open = fake;
  fake = undefined;
  await open?.close();
});

async function start(
  repository: Partial<FakeRepository> = {},
  state: GitHubFakeOptions['state'] = {},
): Promise<FakeRepository> {
  const users = { dan: { id: 41 }, eve: { id: 42 } };
  fake = await startGitHubFake({
    state: {
      users,
      teams: { 'acme/traders': { id: 77, members: [] } },
      repositories: { [NAME]: repository },
      ...state,
    },
  });
  return fake.state.repositories[NAME] as FakeRepository;
}

interface Ran {
  out: string;
  err: string;
  code: number | undefined;
}
async function papergate(args: string[], env: Record<string, string | undefined> = {}): Promise<Ran> {
  const { context, out, err, exitCode } = testContext(join(checkout, '.papergate'), {
    repository: checkout,
    env: { GITHUB_API_URL: fake?.url, GITHUB_TOKEN: 't', GITHUB_REPOSITORY: NAME, ...env },
  });
  await runProgram(buildProgram(context, '0'), ['github', ...args], context);
  return { out: out.join('\n'), err: err.join('\n'), code: exitCode() };
}
async function items(): Promise<Item[]> {
  const { out } = await papergate(['check', '--json']);
  return (JSON.parse(out) as { items: Item[] }).items;
}
const writes = () => (fake?.requests ?? []).filter(({ method }) => method !== 'GET');
const APPLY = ['setup', '--apply', '--reviewer', 'dan', '--reviewer', 'acme/traders'];

/** What only a person can do. */
function byHand(repository: FakeRepository): void {
  const { production, staging } = repository.environments;
  production?.secrets.push('ALPACA_LIVE_API_KEY');
  staging?.secrets.push('ALPACA_PAPER_API_KEY');
  repository.secrets.push('TEAM_HOOK');
}

describe('setup', () => {
  test('prints what is and what would be, and changes nothing', async () => {
    await start();
    const { out, code } = await papergate(['setup', '--reviewer', 'dan']);
    expect(code).toBe(0);
    expect(out).toMatch(/environment production\n(.*\n)*.*wait timer +0 minutes → 1440 minutes/);
    expect(out).toMatch(/required reviewers +nobody → dan/);
    expect(out).toContain('gh secret set ALPACA_PAPER_API_KEY --env staging');
    expect(out).toContain('where GitHub does not take it: Settings → Environments → production');
    expect(writes()).toEqual([]);
  });

  test('with --apply sets what the API sets, and only that', async () => {
    const repository = await start();
    const { code, err } = await papergate(APPLY);
    expect(code).toBe(0);
    expect(err.split('\n')).toEqual([
      '✔ environment staging',
      '✔ environment production',
      '✔ ruleset "papergate: main"',
      '✔ GITHUB_TOKEN by default',
      '✔ label bug',
    ]);
    expect(repository.environments['production']).toMatchObject({
      wait_timer: 1440,
      prevent_self_review: true,
      can_admins_bypass: false,
      reviewers: [
        { type: 'User', name: 'dan' },
        { type: 'Team', name: 'traders' },
      ],
      branch_policy: [{ name: 'main', type: 'branch' }],
    });
    expect(repository.environments['staging']).toMatchObject({
      wait_timer: 0,
      reviewers: [],
      branch_policy: [{ name: 'main' }],
    });
    expect(repository.rulesets).toMatchObject([
      { enforcement: 'active', bypass_actors: [], conditions: { ref_name: { include: ['refs/heads/main'] } } },
    ]);
    expect(repository.workflow_token).toEqual({
      default_workflow_permissions: 'read',
      can_approve_pull_request_reviews: false,
    });
  });

  test('a second time has nothing to do, also without naming the reviewers', async () => {
    await start();
    await papergate(APPLY);
    const before = writes().length;
    expect((await papergate(APPLY)).code).toBe(0);
    expect((await papergate(['setup', '--apply'])).code).toBe(0);
    expect(writes()).toHaveLength(before);
  });

  test('mends what was changed since, and leaves what is stricter', async () => {
    const repository = await start();
    await papergate(APPLY);
    const { production } = repository.environments;
    Object.assign(production ?? {}, {
      wait_timer: 2880,
      prevent_self_review: false,
      branch_policy: [
        { id: 1, name: 'main', type: 'branch' },
        { id: 2, name: 'feature/*', type: 'branch' },
        { id: 3, name: 'main', type: 'tag' },
      ],
    });
    await papergate(['setup', '--apply']);
    expect(repository.environments['production']).toMatchObject({
      wait_timer: 2880,
      prevent_self_review: true,
      branch_policy: [{ id: 1, name: 'main', type: 'branch' }],
    });
    expect(repository.environments['production']?.reviewers).toHaveLength(2);
  });

  test('goes on after what GitHub refuses, says so, and exits 1', async () => {
    const repository = await start({ without_protection: true });
    const { code, err } = await papergate(APPLY);
    expect(code).toBe(1);
    expect(err).toMatch(/✖ environment production: GITHUB_REFUSED: .*billing plan/);
    expect(err).toContain('✔ environment staging');
    expect(err).toContain('✔ label bug');
    expect(repository.rulesets).toHaveLength(1);
  });

  test('says where to click, and exits 1, where the server does not let administrators’ bypass be set', async () => {
    const repository = await start({ without_bypass_setting: true });
    const { code, out } = await papergate(APPLY);
    expect(code).toBe(1);
    expect(repository.environments['production']).toMatchObject({ wait_timer: 1440, can_admins_bypass: true });
    expect(out).toMatch(/bypass by administrators +allowed → not allowed\n.*Settings → Environments → production/);
    Object.assign(repository.environments['production'] ?? {}, { can_admins_bypass: false });
    expect((await papergate(['setup', '--apply'])).code).toBe(0);
  });

  test('does not let administrators go round the rules again when it changes something else', async () => {
    const repository = await start();
    await papergate(APPLY);
    Object.assign(repository.environments['staging'] ?? {}, { can_admins_bypass: false, branch_policy: null });
    await papergate(['setup', '--apply']);
    expect(repository.environments['staging']).toMatchObject({
      can_admins_bypass: false,
      branch_policy: [{ name: 'main' }],
    });
  });

  test('ends where GitHub cannot be reached for any step', async () => {
    await start();
    fake?.fault({
      kind: 'status',
      status: 401,
      route: 'PUT /repos/{owner}/{repo}/environments/{environment_name}',
      times: 9,
    });
    await expect(papergate(APPLY)).rejects.toMatchObject({ code: 'GITHUB_UNAUTHORIZED' });
  });

  test.each([
    [['setup', '--reviewer', 'nobody-of-that-name'], 'GITHUB_REVIEWER_UNKNOWN'],
    [['setup', ...Array.from({ length: 7 }, (_, index) => `--reviewer=r${index}`)], 'GITHUB_REVIEWERS_TOO_MANY'],
    [['setup', '--repository', 'trading'], 'GITHUB_REPOSITORY_INVALID'],
  ])('refuses %p: %s', async (args, code) => {
    await start();
    await expect(papergate(args)).rejects.toMatchObject({ code, exitCode: 2 });
    expect(writes()).toEqual([]);
  });
});

describe('check', () => {
  test('exits 0 once setup has run and the rest was done by hand', async () => {
    const repository = await start();
    await papergate(APPLY);
    expect((await papergate(['check'])).code).toBe(1);
    byHand(repository);
    const { code, out } = await papergate(['check']);
    expect(out).toContain('nothing is missing');
    expect(code).toBe(0);
  });

  interface Case {
    name: string;
    spoil(repository: FakeRepository): void;
    what: string;
    state: Item['state'];
  }
  const production = ({ environments }: FakeRepository) =>
    environments['production'] as FakeRepository['environments'][string];
  const cases: Case[] = [
    { name: 'no production', spoil: (one) => delete one.environments['production'], what: 'environment', state: 'set' },
    { name: 'a short timer', spoil: (one) => (production(one).wait_timer = 1439), what: 'wait timer', state: 'set' },
    {
      name: 'self-review',
      spoil: (one) => (production(one).prevent_self_review = false),
      what: 'self-review',
      state: 'set',
    },
    {
      name: 'no reviewer',
      spoil: (one) => (production(one).reviewers = []),
      what: 'required reviewers',
      state: 'by-hand',
    },
    {
      name: 'bypass',
      spoil: (one) => (production(one).can_admins_bypass = true),
      what: 'bypass by administrators',
      state: 'set',
    },
    {
      name: 'bypass not told',
      spoil: (one) => (production(one).can_admins_bypass = undefined),
      what: 'bypass by administrators',
      state: 'set',
    },
    { name: 'every branch', spoil: (one) => (production(one).branch_policy = null), what: 'branches', state: 'set' },
    {
      name: 'protected branches',
      spoil: (one) => (production(one).branch_policy = 'protected'),
      what: 'branches',
      state: 'set',
    },
    {
      name: 'one branch more',
      spoil: (one) => (production(one).branch_policy = ['main', 'x'].map((name, id) => ({ id, name, type: 'branch' }))),
      what: 'branches',
      state: 'set',
    },
    { name: 'no ruleset', spoil: (one) => (one.rulesets = []), what: 'rules', state: 'set' },
    {
      name: 'a ruleset that is off',
      spoil: (one) => (one.rulesets[0] = { ...(one.rulesets[0] as (typeof one.rulesets)[0]), enforcement: 'evaluate' }),
      what: 'rules',
      state: 'set',
    },
    {
      name: 'somebody who goes round',
      spoil: (one) =>
        one.rulesets[0]?.bypass_actors.push({ actor_id: 5, actor_type: 'RepositoryRole', bypass_mode: 'always' }),
      what: 'rules',
      state: 'set',
    },
    { name: 'no check asked for', spoil: (one) => one.rulesets[0]?.rules.pop(), what: 'rules', state: 'set' },
    {
      name: 'a token that writes',
      spoil: (one) => (one.workflow_token.default_workflow_permissions = 'write'),
      what: 'GITHUB_TOKEN by default',
      state: 'set',
    },
    {
      name: 'no key',
      spoil: (one) => (one.environments['staging'] as FakeRepository['environments'][string]).secrets.pop(),
      what: 'secret ALPACA_PAPER_API_KEY',
      state: 'by-hand',
    },
    { name: 'a secret of the team', spoil: (one) => (one.secrets = []), what: 'secret TEAM_HOOK', state: 'by-hand' },
    {
      name: 'a host without its key',
      spoil: (one) => (one.variables = { PAPERGATE_HOST: 'ssh://x@y' }),
      what: 'secret STAGING_SSH_KEY',
      state: 'by-hand',
    },
    { name: 'a label', spoil: (one) => (one.labels = []), what: 'labels', state: 'set' },
    {
      name: 'another default branch',
      spoil: (one) => (one.default_branch = 'trunk'),
      what: 'default branch',
      state: 'by-hand',
    },
  ];

  test.each(cases)('finds $name', async ({ spoil, what, state }) => {
    const repository = await start();
    await papergate(APPLY);
    byHand(repository);
    spoil(repository);
    const found = (await items()).filter((item) => item.what === what).map((item) => item.state);
    expect(found).toContain(state);
    expect((await papergate(['check'])).code).toBe(1);
  });

  test('finds a live key where staging could read it, and says how to be rid of it', async () => {
    const repository = await start();
    repository.secrets.push('ALPACA_LIVE_SECRET');
    await papergate(APPLY);
    expect((await items()).find(({ what }) => what === 'secret ALPACA_LIVE_SECRET')).toMatchObject({
      of: 'repository',
      state: 'by-hand',
      fix: expect.stringContaining('gh secret delete ALPACA_LIVE_SECRET'),
    });
  });

  test('takes rules of an organization for what they are', async () => {
    const repository = await start();
    await papergate(APPLY);
    const [own] = repository.rulesets;
    repository.parent_rules = (own?.rules ?? []).map((rule) => ({
      ...rule,
      ruleset_source_type: 'Organization',
      ruleset_source: 'acme',
      ruleset_id: 1,
    }));
    repository.rulesets = [];
    expect((await items()).find(({ what }) => what === 'rules')).toMatchObject({ state: 'ok' });
  });

  test('takes the protection of a branch for what it is, the older kind of rules, unless administrators are let off', async () => {
    const repository = await start({ branches: { main: 'a'.repeat(40) } });
    await papergate(APPLY);
    const rulesOf = async () => (await items()).find(({ what }) => what === 'rules');
    repository.rulesets = [];
    expect(await rulesOf()).toMatchObject({ state: 'set', is: expect.stringContaining('pull request') });
    const protection = {
      enforce_admins: { url: 'https://api.github.com/', enabled: true },
      required_pull_request_reviews: {
        required_approving_review_count: 1,
        dismiss_stale_reviews: true,
        require_code_owner_reviews: true,
        require_last_push_approval: true,
      },
      required_status_checks: { strict: true, contexts: ['green'], checks: [{ context: 'green', app_id: 15_368 }] },
      required_conversation_resolution: { enabled: true },
      allow_force_pushes: { enabled: false },
      allow_deletions: { enabled: false },
    };
    repository.branch_protection['main'] = protection;
    expect(await rulesOf()).toMatchObject({ state: 'ok', is: 'all there' });
    protection.required_status_checks.checks = [{ context: 'lint', app_id: 15_368 }];
    expect(await rulesOf()).toMatchObject({ state: 'set', is: 'missing: required status checks' });
    protection.enforce_admins.enabled = false;
    expect((await rulesOf())?.is).toContain('deletion');
  });

  test('a token that sees too little is told what it lacks: what is not seen is not there', async () => {
    const tokens = { weak: { login: 'dan', permissions: { actions: 'read' as const } } };
    await start({}, { tokens });
    const { out, code } = await papergate(['check', '--json'], { GITHUB_TOKEN: undefined, GH_TOKEN: 'weak' });
    const { items: all } = JSON.parse(out) as { items: Item[] };
    expect(code).toBe(1);
    expect(all.filter(({ state }) => state === 'unknown').map(({ what }) => what)).toEqual(
      expect.arrayContaining(['GITHUB_TOKEN by default', 'labels', 'secret TEAM_HOOK']),
    );
    expect(all.find(({ what }) => what === 'labels')?.fix).toContain('it takes the permission issues=read');
  });
});

describe('which repository, and by which token', () => {
  test.each([
    ['no token', [], { GITHUB_TOKEN: '', GH_TOKEN: '' }, 'GITHUB_TOKEN_MISSING'],
    ['a repository that is not there', ['--repository', 'acme/other'], {}, 'GITHUB_NOT_FOUND'],
    ['no repository at all', [], { GITHUB_REPOSITORY: '' }, 'GITHUB_REPOSITORY_UNKNOWN'],
    ['another server', [], { GITHUB_API_URL: 'http://github.example.com' }, 'GITHUB_URL_INVALID'],
  ])('%s', async (_, args, env, code) => {
    await start();
    await expect(papergate(['check', ...args], env)).rejects.toMatchObject({ code, exitCode: 2 });
  });
});

describe('a workflow that cannot be read', () => {
  test.each([
    ['jobs: [', 'no workflow that can be read'],
    ['just text', 'it holds no jobs'],
  ])('%p is named', async (text, why) => {
    await start();
    writeFileSync(join(checkout, '.github/workflows/b.yml'), text);
    await expect(papergate(['check'])).rejects.toMatchObject({
      code: 'WORKFLOW_UNREADABLE',
      message: expect.stringMatching(new RegExp(`b\\.yml.*${why}`, 'is')),
    });
  });
});
