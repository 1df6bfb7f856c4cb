import { afterEach, describe, expect, test } from '@jest/globals';
import type { FakeEnvironment, FakeRepository, FakeRun, GivenState } from './fake/index.ts';
import { at, digest, openPair, REPOSITORY, sha, type Pair } from './testing.ts';

let pair: Pair | undefined;
afterEach(async () => {
  const open = pair;
  pair = undefined;
  await open?.close();
});
const open = async (change: Partial<FakeRepository> = {}, state: GivenState = {}) =>
  (pair = await openPair(change, { fake: { state } })).github;
const repository = (): FakeRepository => pair?.fake.state.repositories[REPOSITORY] as FakeRepository;

const environment = (change: Partial<FakeEnvironment> = {}): FakeEnvironment => ({
  id: 3,
  created_at: at(0),
  wait_timer: 0,
  reviewers: [],
  prevent_self_review: false,
  branch_policy: null,
  secrets: [],
  variables: {},
  ...change,
});

describe('an environment', () => {
  test('is read with all its rules', async () => {
    const guarded = environment({
      wait_timer: 1440,
      prevent_self_review: true,
      can_admins_bypass: false,
      reviewers: [
        { type: 'User', name: 'dan' },
        { type: 'Team', name: 'traders' },
      ],
      branch_policy: [
        { id: 1, name: 'main', type: 'branch' },
        { id: 2, name: 'v*', type: 'tag' },
      ],
    });
    const github = await open(
      { environments: { production: guarded } },
      { users: { dan: { id: 41 } }, teams: { 'acme/traders': { id: 42, members: [] } } },
    );
    expect(await github.environment('production')).toEqual({
      name: 'production',
      waitTimerMinutes: 1440,
      preventSelfReview: true,
      canAdminsBypass: false,
      reviewers: [
        { type: 'User', id: 41, name: 'dan' },
        { type: 'Team', id: 42, name: 'traders' },
      ],
      branchPolicy: [
        { name: 'main', type: 'branch' },
        { name: 'v*', type: 'tag' },
      ],
      otherRules: [],
    });
  });

  test('without rules says so, and null where GitHub does not tell who may go round them', async () => {
    const github = await open({ environments: { bare: environment() } });
    expect(await github.environment('bare')).toMatchObject({
      waitTimerMinutes: 0,
      reviewers: [],
      preventSelfReview: false,
      canAdminsBypass: null,
      branchPolicy: 'all',
    });
  });

  test('that protected branches may be deployed to says so', async () => {
    const github = await open({ environments: { bare: environment({ branch_policy: 'protected' }) } });
    expect((await github.environment('bare'))?.branchPolicy).toBe('protected');
  });

  test('that is not there is undefined, one that may not be read is an error', async () => {
    const github = await open({});
    expect(await github.environment('production')).toBeUndefined();
    pair?.fake.fault({ kind: 'status', status: 403 });
    await expect(github.environment('production')).rejects.toMatchObject({ code: 'GITHUB_FORBIDDEN' });
  });

  test('has a name of any letters', async () => {
    const github = await open({});
    await github.putEnvironment('canary / one', {
      waitTimerMinutes: 0,
      reviewers: [],
      preventSelfReview: false,
      branchPolicy: 'all',
    });
    expect(await github.environmentNames()).toEqual(['canary / one']);
    expect((await github.environment('canary / one'))?.name).toBe('canary / one');
  });

  test('is set with exactly the branches that are wanted, and a second time without a change', async () => {
    const policies: FakeEnvironment['branch_policy'] = [
      { id: 1, name: 'main', type: 'tag' },
      { id: 2, name: 'old', type: 'branch' },
    ];
    const github = await open({ environments: { production: environment({ branch_policy: policies }) } });
    const wanted = {
      waitTimerMinutes: 5,
      reviewers: [],
      preventSelfReview: false,
      branchPolicy: [{ name: 'main', type: 'branch' as const }],
    };
    await github.putEnvironment('production', wanted);
    expect(repository().environments['production']?.branch_policy).toMatchObject([{ name: 'main', type: 'branch' }]);
    pair?.fake.requests.splice(0);
    await github.putEnvironment('production', wanted);
    expect(pair?.fake.requests.map(({ method }) => method)).toEqual(['PUT', 'GET']);
  });

  test('tells the names of its secrets and variables over all pages, and no values', async () => {
    const names = Array.from({ length: 70 }, (_, index) => `S${String(index).padStart(2, '0')}`);
    const github = await open({
      environments: { production: environment({ secrets: names, variables: { ONE: 'value' } }) },
    });
    expect(await github.secretNames('production')).toEqual(names);
    expect(await github.variableNames('production')).toEqual(['ONE']);
  });
});

test('an environment without protection is made also where the plan has none, one with is refused', async () => {
  const github = await open({ without_protection: true });
  const bare = {
    waitTimerMinutes: 0,
    reviewers: [],
    preventSelfReview: false,
    branchPolicy: [{ name: 'main', type: 'branch' as const }],
  };
  await github.putEnvironment('staging', bare);
  expect((await github.environment('staging'))?.branchPolicy).toEqual([{ name: 'main', type: 'branch' }]);
  for (const change of [
    { waitTimerMinutes: 1 },
    { preventSelfReview: true },
    { reviewers: [{ type: 'User' as const, id: 1 }] },
  ]) {
    await expect(github.putEnvironment('production', { ...bare, ...change })).rejects.toMatchObject({
      code: 'GITHUB_REFUSED',
    });
  }
});

test.each([
  [{}, false],
  [{ without_bypass_setting: true }, true],
])('on %p an environment is made, whether its bypass can be set or not', async (server, bypass) => {
  const github = await open(server);
  const wanted = { waitTimerMinutes: 5, reviewers: [], preventSelfReview: true, branchPolicy: 'all' as const };
  await github.putEnvironment('production', { ...wanted, canAdminsBypass: false });
  expect(await github.environment('production')).toMatchObject({ waitTimerMinutes: 5, canAdminsBypass: bypass });
});

describe('a run', () => {
  const run: FakeRun = {
    id: 11,
    attempt: 2,
    path: '.github/workflows/deploy-production.yml',
    event: 'workflow_dispatch',
    status: 'waiting',
    conclusion: null,
    head_sha: sha('c'),
    head_branch: 'main',
    actor: 'ben',
    triggering_actor: 'cleo',
    created_at: at(0),
    artifacts: [
      { id: 1, name: 'evidence', size_in_bytes: 10, created_at: at(1), expires_at: at(9), digest: digest('9') },
      { id: 2, name: 'other', size_in_bytes: 10, created_at: at(1), expires_at: at(9), expired: true },
    ],
    approvals: [{ environment: 'production', state: 'rejected', user: 'dan', comment: 'not today' }],
    pending: [{ environment: 'production', wait_timer_started_at: at(1) }],
  };
  const ofRun = () => open({ runs: [run], environments: { production: environment({ wait_timer: 30 }) } });

  test('says what it ran, for whom and who began this attempt', async () => {
    const github = await ofRun();
    expect(await github.run(11)).toMatchObject({
      attempt: 2,
      path: run.path,
      sha: sha('c'),
      branch: 'main',
      actor: { login: 'ben' },
      startedBy: { login: 'cleo' },
      conclusion: null,
    });
    await expect(github.run(12)).rejects.toMatchObject({ code: 'GITHUB_NOT_FOUND' });
  });

  test('says who let it through, and what it waits for', async () => {
    const github = await ofRun();
    expect(await github.approvals(11)).toMatchObject([
      { environments: ['production'], state: 'rejected', by: { login: 'dan' }, comment: 'not today' },
    ]);
    expect(await github.pendingDeployments(11)).toEqual([
      { environment: 'production', waitTimerMinutes: 30, waitStartedAt: at(1), canApprove: false },
    ]);
  });

  test('lists what it left, by name too', async () => {
    const github = await ofRun();
    expect(await github.artifacts(11)).toMatchObject([
      { name: 'evidence', digest: digest('9'), isExpired: false },
      { name: 'other', digest: null, isExpired: true },
    ]);
    expect(await github.artifacts(11, 'evidence')).toHaveLength(1);
  });
});

describe('attestations', () => {
  const of = (subject: string, type: string, id = 1) => ({
    id,
    subject_digest: subject,
    predicate_type: type,
    bundle: { mediaType: `m${id}` },
  });

  test('are those of the subject, of a type where it is given, over all pages', async () => {
    const many = Array.from({ length: 130 }, (_, index) => of(digest('1'), 'https://slsa.dev/provenance/v1', index));
    const github = await open({ attestations: [...many, of(digest('1'), 'other'), of(digest('2'), 'other')] });
    expect(await github.attestations(digest('1'))).toHaveLength(131);
    expect(await github.attestations(digest('1'), { predicateType: 'other' })).toEqual([{ mediaType: 'm1' }]);
    expect(await github.attestations(digest('3'))).toEqual([]);
  });

  test('are not asked for by a name, and an answer that is missing is no empty list', async () => {
    const github = await open({});
    await expect(github.attestations('latest')).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    pair?.fake.fault({ kind: 'status', status: 403 });
    await expect(github.attestations(digest('1'))).rejects.toMatchObject({ code: 'GITHUB_FORBIDDEN' });
  });
});

describe('rules of a branch', () => {
  const wanted = {
    name: 'ours',
    enforcement: 'active' as const,
    include: ['refs/heads/main'],
    exclude: [],
    rules: [{ type: 'deletion' }],
  };

  test('are made once, then replaced, and hold for that branch only', async () => {
    const github = await open({});
    await github.putRuleset(wanted);
    repository().rulesets[0]?.bypass_actors.push({ actor_id: 5, actor_type: 'RepositoryRole', bypass_mode: 'always' });
    expect((await github.ruleset('ours'))?.bypass).toEqual([{ type: 'RepositoryRole', id: 5, mode: 'always' }]);
    await github.putRuleset({ ...wanted, rules: [{ type: 'non_fast_forward' }] });
    expect(repository().rulesets).toHaveLength(1);
    expect(await github.ruleset('ours')).toMatchObject({
      include: ['refs/heads/main'],
      rules: [{ type: 'non_fast_forward' }],
      bypass: [],
    });
    expect((await github.branchRules('main')).map(({ type }) => type)).toEqual(['non_fast_forward']);
    expect(await github.branchRules('feature/one')).toEqual([]);
  });

  test('are made once, although the answer gets lost', async () => {
    const github = await open({});
    pair?.fake.fault({ kind: 'answer-lost', route: 'POST /repos/{owner}/{repo}/rulesets' });
    await expect(github.putRuleset(wanted)).rejects.toMatchObject({ code: 'GITHUB_UNREACHABLE' });
    await github.putRuleset(wanted);
    expect(repository().rulesets).toHaveLength(1);
  });
});

describe('protection of a branch', () => {
  const APP = {
    id: 1,
    name: 'bot',
    node_id: '',
    owner: { login: 'acme', id: 2 },
    description: null,
    external_url: 'https://example.com',
    html_url: 'https://github.com/apps/bot',
    created_at: '2026-01-05T12:00:00Z',
    updated_at: '2026-01-05T12:00:00Z',
    permissions: {},
    events: [],
  };
  const PROTECTED = {
    enforce_admins: { url: 'https://api.github.com/protection/enforce_admins', enabled: true },
    required_pull_request_reviews: {
      required_approving_review_count: 2,
      dismiss_stale_reviews: true,
      require_code_owner_reviews: true,
      require_last_push_approval: true,
    },
    required_status_checks: { strict: true, contexts: ['green'], checks: [{ context: 'green', app_id: 15_368 }] },
    required_conversation_resolution: { enabled: true },
    allow_force_pushes: { enabled: false },
    allow_deletions: { enabled: false },
  };
  const rules = async (change: object = {}) => {
    // As JSON: what is undefined is not there.
    const main = JSON.parse(JSON.stringify({ ...PROTECTED, ...change })) as typeof PROTECTED;
    const github = await open({ branch_protection: { main } });
    return await github.branchProtection('main');
  };

  test('is told in the words of rulesets', async () => {
    expect(await rules()).toEqual([
      { type: 'deletion' },
      { type: 'non_fast_forward' },
      {
        type: 'pull_request',
        parameters: {
          required_approving_review_count: 2,
          dismiss_stale_reviews_on_push: true,
          require_code_owner_review: true,
          require_last_push_approval: true,
          required_review_thread_resolution: true,
        },
      },
      {
        type: 'required_status_checks',
        parameters: {
          strict_required_status_checks_policy: true,
          required_status_checks: [{ context: 'green', integration_id: 15_368 }],
        },
      },
    ]);
  });

  const only = { required_pull_request_reviews: undefined, required_status_checks: undefined };
  test.each<[string, object, string[]]>([
    ['binds nobody where administrators are let off', { enforce_admins: { url: '', enabled: false } }, []],
    ['may let force pushes and deletions be', { ...only, allow_force_pushes: { enabled: true } }, ['deletion']],
    [
      'asks for no pull request of those who may do without',
      {
        required_status_checks: undefined,
        required_pull_request_reviews: {
          ...PROTECTED.required_pull_request_reviews,
          bypass_pull_request_allowances: { users: [], teams: [], apps: [{ ...APP }] },
        },
      },
      ['deletion', 'non_fast_forward'],
    ],
  ])('%s', async (_title, change, types) => {
    expect((await rules(change)).map(({ type }) => type)).toEqual(types);
  });

  test('is none where GitHub says so, which is another thing than not seeing it', async () => {
    const github = await open({});
    expect(await github.branchProtection('main')).toEqual([]);
    await expect(github.branchProtection('nowhere')).rejects.toMatchObject({ code: 'GITHUB_NOT_FOUND' });
  });
});
