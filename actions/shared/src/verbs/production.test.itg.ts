import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { leasePlace } from '../deliver/lease.ts';
import { EvidenceStore } from '../evidence/store.ts';
import { learnCommits, startGitHubFake, type FakeDeployment, type GitHubFake } from '../github/fake/index.ts';
import { localHost } from '../host/index.ts';
import { homeOf } from '../home/index.ts';
import { askStatus, askStop } from '../supervisor/client.ts';
import type { TestRepository } from '../testing/repository.ts';
import { startLiveStandIn, type LiveStandIn } from './testing/live-stand-in.ts';
import { testJob, type ActionEnd, type ActOptions, type TestJob } from './testing/action-process.ts';
import { gateEvidence, makeProductionBundle, QUICK_ROLLOUT } from './testing/production.ts';

jest.setTimeout(120_000);

const REPOSITORY = 'acme/trading';
const GITHUB_TOKEN = 'a-token-for-the-fake-of-github';

let alpaca: LiveStandIn;
let repository: TestRepository;
let github: GitHubFake;
let job: TestJob;
let first: string;
let second: string;
let unwatched: string;

beforeAll(async () => {
  alpaca = await startLiveStandIn();
  job = testJob({ workspace: '', sha: '0'.repeat(40), repository: REPOSITORY, env: alpaca.env });
  repository = makeProductionBundle(job.dir);
  first = repository.git('rev-parse', 'HEAD');
  repository.write('services/dashboard/src/note.ts', 'export const note = 2;');
  second = repository.commit('a second release');
  const { stages, ...rest } = QUICK_ROLLOUT;
  repository.write('config/rollout.production.json', JSON.stringify({ ...rest, stages: stages.slice(1) }));
  unwatched = repository.commit('orders at once');
  github = await startGitHubFake({ state: { repositories: { [REPOSITORY]: {} } } });
  const known = github.state.repositories[REPOSITORY];
  if (known !== undefined) learnCommits(known, repository.dir);
  Object.assign(job.env, { GITHUB_API_URL: github.url, GITHUB_WORKSPACE: repository.dir, GITHUB_SHA: first });
});
afterAll(async () => {
  await askStop(home(), 'the test is over');
  await github.close();
  await alpaca.close();
  job.remove();
  repository.remove();
});
beforeEach(() => say({}));

const home = () => homeOf('', join(job.dir, 'state', 'production'));
/** What the services say from now on. */
const say = (state: { breaker?: string; rejected?: number }): void =>
  writeFileSync(join(job.dir, 'state.json'), JSON.stringify(state));
const scopeOf = (sha: string): unknown =>
  (JSON.parse(readFileSync(join(job.dir, 'scopes.json'), 'utf8')) as Record<string, unknown>)[sha];
const deployments = (): FakeDeployment[] => github.state.repositories[REPOSITORY]?.deployments ?? [];
const words = ({ statuses }: FakeDeployment): string[] =>
  statuses.map(({ state, description }) => `${state}: ${(description ?? '').replace(/manifest sha256:\S+ /, '')}`);

const inputs = () => ({
  target: 'process',
  environment: 'production',
  'alpaca-api-key': alpaca.key,
  'alpaca-secret-key': alpaca.secret,
  'api-token': 'a-token-of-production',
  'github-token': GITHUB_TOKEN,
});
const act = async (
  verb: string,
  more: Readonly<Record<string, string>>,
  options: ActOptions = {},
): Promise<ActionEnd> => {
  const end = await job.act(verb, { ...inputs(), ...more }, options);
  const told = end.output.replaceAll(/^::add-mask::.*$/gm, '') + end.summary + JSON.stringify([end.outputs, end.state]);
  for (const secret of [alpaca.key, alpaca.secret, GITHUB_TOKEN, 'a-token-of-production'])
    expect(told).not.toContain(secret);
  return end;
};
const deploy = async (sha: string, options: ActOptions = {}): Promise<ActionEnd> =>
  act('deploy', { sha, ports: 'free', 'gate-evidence': await gateEvidence(repository, job.dir, sha) }, options);
const onceInShare = (then: (kill: (signal: NodeJS.Signals) => void) => void): ActOptions => {
  let done = false;
  return {
    onOutput: (text, kill) => {
      if (done || !/share \(AAPL\), watched[^]*looks/.test(text)) return;
      done = true;
      then(kill);
    },
  };
};

/** What somebody gets who wants to deliver now. */
async function takePlace(): Promise<string> {
  const host = localHost({ env: job.env });
  const place = { kind: 'process' as const, environment: 'production' as const, project: 'process', host };
  try {
    const lease = await leasePlace({ ...place, dir: join(home().dir, 'places', 'process') }, 'somebody else');
    await lease.release();
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await host.close();
  }
}

describe('production stays closed', () => {
  test.each<[string, string, () => Promise<Record<string, string>>, Record<string, string>?]>([
    [
      'RUN_UNDER_ACT',
      'to act',
      async () => ({ 'gate-evidence': await gateEvidence(repository, job.dir, first) }),
      { ACT: 'true' },
    ],
    ['GATE_EVIDENCE_MISSING', 'without its gate', () => Promise.resolve({})],
    [
      'GATE_EVIDENCE_FOREIGN',
      'behind the gate of another commit',
      async () => ({ 'gate-evidence': await gateEvidence(repository, job.dir, second) }),
    ],
    [
      'GATE_EVIDENCE_FOREIGN',
      'behind the gate of another build',
      async () => ({
        'gate-evidence': await gateEvidence(repository, job.dir, first, {
          manifest_digest: `sha256:${'0'.repeat(64)}`,
        }),
      }),
    ],
    [
      'GATE_EVIDENCE_STALE',
      'behind the gate of yesterday',
      async () => ({
        'gate-evidence': await gateEvidence(repository, job.dir, first, { approved_at: '2026-01-05T12:00:00Z' }),
      }),
    ],
    [
      'CREDENTIALS_REFUSED',
      'behind a gate that said no',
      async () => ({ 'gate-evidence': await gateEvidence(repository, job.dir, first, { approved: false }) }),
    ],
    [
      'CREDENTIALS_REFUSED',
      'to another key than the live one',
      async () => ({ 'gate-evidence': await gateEvidence(repository, job.dir, first), 'alpaca-api-key': paper() }),
    ],
    [
      'INPUT_INVALID',
      'to what is taken down with the job',
      async () => ({ 'gate-evidence': await gateEvidence(repository, job.dir, first), keep: 'false' }),
    ],
    [
      'CONFIG_INVALID',
      'to a release that would trade at once',
      async () => ({ sha: unwatched, 'gate-evidence': await gateEvidence(repository, job.dir, unwatched) }),
    ],
  ])('%s: %s', async (reason, _what, more, env = {}) => {
    const end = await act('deploy', { sha: first, ports: 'free', ...(await more()) }, { env });
    expect(end.outputs['reason-code']).toBe(reason);
    expect(end.code).toBe(1);
    expect(await askStatus(home())).toBeUndefined();
    expect(deployments()).toEqual([]);
    expect(existsSync(join(job.dir, 'scopes.json'))).toBe(false);
  });
  const paper = (): string => `${String.fromCodePoint(80, 75)}${'Q7ZL2M9X'.repeat(3)}`.slice(0, 20);
});

describe('a production', () => {
  test('with no release before it stays without order flow where its roll-out fails, and says so', async () => {
    const end = await deploy(
      first,
      onceInShare(() => say({ breaker: 'HALTED' })),
    );
    expect(end.outputs).toMatchObject({ 'reason-code': 'ROLLOUT_WATCH', outcome: 'closed', sha: first });
    expect(end.output).toContain('trading state: HALTED, allowed: ACTIVE');
    expect(end.summary).toContain('there is no release before it: it goes on running without order flow');
    expect(scopeOf(first)).toMatchObject({ stage: 'undone', symbols: [] });
    expect((await askStatus(home()))?.commit).toBe(first);
    expect(deployments().at(-1)?.statuses.at(-1)?.state).toBe('failure');
  });

  test('is let at the market in steps that GitHub knows of, with its evidence', async () => {
    const end = await deploy(first);
    expect(end.outputs).toMatchObject({ verdict: 'pass', outcome: 'unchanged' });
    expect(JSON.parse(end.outputs['rollout'] ?? '')).toEqual({ status: 'complete', reached: 'all', failed: null });
    expect(scopeOf(first)).toMatchObject({ stage: 'all', symbols: 'all', until: null });
    const proven = EvidenceStore.read(end.outputs['evidence'] ?? '').digest();
    expect(words(deployments().at(-1)!)).toEqual([
      expect.stringMatching(/^in_progress: deploy by run/),
      'in_progress: roll-out 1/3: no-order-flow (no orders)',
      'in_progress: roll-out 2/3: share (AAPL)',
      'in_progress: roll-out 3/3: all (all symbols)',
      `in_progress: evidence ${proven}`,
      expect.stringMatching(/^success: unchanged, all orders go out/),
    ]);
  });

  test('is nobody else’s while it is let at the market, and anybody’s afterwards', async () => {
    say({ breaker: 'ACTIVE' });
    let meanwhile: Promise<string> | undefined;
    const end = await deploy(
      second,
      onceInShare(() => {
        meanwhile = takePlace();
      }),
    );
    expect(end.outputs).toMatchObject({ verdict: 'pass', outcome: 'delivered' });
    expect(await meanwhile).toBe('PLACE_TAKEN');
    expect(await takePlace()).toBe('taken');
    expect((await act('rollback', { sha: first, reason: 'for the next test' })).outputs['verdict']).toBe('pass');
  });

  test('that was rolled out before is only looked at', async () => {
    const end = await deploy(first);
    expect(end.summary).toContain('it was rolled out before, to all orders');
    expect(end.output).not.toContain('roll-out 1/3');
  });

  test('is undone where its job is cancelled: no more orders, and the release before runs with its own', async () => {
    const end = await deploy(
      second,
      onceInShare((kill) => kill('SIGINT')),
    );
    expect(end.outputs).toMatchObject({ 'reason-code': 'ACTION_CANCELLED', outcome: 'undone', sha: first });
    expect(scopeOf(second)).toMatchObject({ stage: 'undone', symbols: [] });
    expect(scopeOf(first)).toMatchObject({ stage: 'all', symbols: 'all' });
    expect((await askStatus(home()))?.commit).toBe(first);
    const [failed, back] = deployments().slice(-2);
    expect([failed?.sha, failed?.statuses.at(-1)?.state]).toEqual([second, 'failure']);
    expect([back?.sha, back?.task, back?.statuses.at(-1)?.state]).toEqual([first, 'rollback', 'success']);
  });

  test('is rolled back by hand without a gate of its own, and never under act', async () => {
    expect((await deploy(second)).outputs['outcome']).toBe('delivered');
    const back = { sha: first, reason: 'prices were wrong' };
    const under = await act('rollback', back, { env: { ACT: 'true' } });
    expect(under.outputs['reason-code']).toBe('RUN_UNDER_ACT');
    const end = await act('rollback', back);
    expect(end.outputs).toMatchObject({ verdict: 'pass', sha: first, 'previous-sha': second });
    expect(end.output).toContain(`${first.slice(0, 12)} runs, with all orders`);
  });

  test('is never made a staging of, whatever the inputs say', async () => {
    const end = await act('deploy', { sha: first, environment: 'staging', home: join(job.dir, 'state', 'production') });
    expect(end.outputs['reason-code']).toBe('OTHER_ENVIRONMENT');
    expect((await askStatus(home()))?.environment).toBe('production');
  });
});
