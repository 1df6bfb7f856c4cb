import { Secret, type EnvSource } from '@papergate/config';
import type { Checkpoint } from '../../database/types.ts';
import type { Evidence } from '../../evidence/index.ts';
import { passingEvidence } from '../../gate/testing.ts';
import {
  startGitHubFake,
  type FakeCommit,
  type FakeEnvironment,
  type FakePull,
  type FakeRepository,
  type FakeRun,
  type GitHubFake,
} from '../../github/fake/index.ts';
import { openGitHub } from '../../github/open.ts';
import type { Manifest } from '../../release/manifest.ts';
import { defaultGateConfig, type GateConfig } from '../config.ts';
import { decideProduction, type ProductionDecision, type RuleSet } from '../decide.ts';
import { gitHubTime } from '../github.ts';
import { RULES } from '../rules/index.ts';
import type { GateContext, GateFiles, Moment, OnCall } from '../types.ts';
import type { Waiver } from '../waivers.ts';
import { bom, checkpointOf } from './documents.ts';
import { loadData } from './load.ts';
import { WatchedBundle } from './prometheus.ts';
import { ago, commit, deploymentOf, LAST, NOW, RELEASE, REPOSITORY, RUN_ID, WORKFLOW } from './releases.ts';
import { startSigstore, type TestSigstore } from './sigstore.ts';

/** What scanners, people and earlier jobs left in files; each can be changed, or be an error that is thrown. */
export interface WorldFiles {
  evidence: Evidence[];
  baseline: { manifestDigest: string; evidence: readonly unknown[] };
  dependencyAudit: unknown;
  imageAudits: Map<string, unknown>;
  decisionRecords: Map<string, string>;
  tags: Record<string, string>;
  checkpoints: { checkpoints: Checkpoint[]; broken: string[] };
  onCall: OnCall[];
  criticalAlerts: string[];
  trustedRoot: string;
}

export { bom, checkpointOf, vulnerability } from './documents.ts';
export * from './releases.ts';

const ENV: EnvSource = {};

/** A release with which all is well, and everything around it that the gate looks at. */
export interface World {
  now: number;
  /** The clock of whoever runs the gate. */
  moment: Moment;
  act: boolean;
  version: string | undefined;
  config: GateConfig;
  manifest: Manifest;
  repository: FakeRepository;
  production: FakeEnvironment;
  pull: FakePull;
  run: FakeRun;
  bundle: WatchedBundle;
  files: WorldFiles;
  sigstore: TestSigstore;
  /** What goes wrong on the way to GitHub. */
  fault?: Parameters<GitHubFake['fault']>[0];
  /** A file that cannot be read. */
  unreadable?: { file: keyof GateFiles; error: Error };
}

let shared: Promise<{ sigstore: TestSigstore; bundles: Map<string, Record<string, unknown>> }> | undefined;

/** Keys and bundles are made once for all worlds: they take longer than a whole decision. */
async function attested() {
  shared ??= (async () => {
    const sigstore = await startSigstore();
    const bundles = new Map<string, Record<string, unknown>>();
    for (const [service, { digest: own }] of Object.entries(RELEASE.images ?? {})) {
      if (service in RELEASE.services) bundles.set(own, await sigstore.attest(build(own)));
    }
    return { sigstore, bundles };
  })();
  return shared;
}

export const build = (of: string) => ({
  digest: of,
  repository: `https://github.com/${REPOSITORY}`,
  workflow: WORKFLOW,
  ref: 'refs/heads/main',
  commit: RELEASE.commit,
});

export async function makeWorld(): Promise<World> {
  const { sigstore, bundles } = await attested();
  const pull: FakePull = {
    number: 7,
    base: 'main',
    head: 'faster',
    head_sha: commit('d'),
    user: 'writer',
    created_at: ago(100),
    merged_at: ago(80),
    merge_commit_sha: RELEASE.commit,
    commits: [commit('d')],
    reviews: [
      { user: 'reviewer', state: 'APPROVED', commit_id: commit('d'), submitted_at: ago(81), association: 'MEMBER' },
    ],
  };
  const run: FakeRun = {
    id: RUN_ID,
    path: '.github/workflows/deploy-production.yml',
    event: 'workflow_dispatch',
    status: 'in_progress',
    conclusion: null,
    head_sha: RELEASE.commit,
    head_branch: 'main',
    actor: 'writer',
    created_at: ago(26),
    artifacts: [],
    approvals: [{ environment: 'production', state: 'approved', user: 'operator', comment: '' }],
    pending: [],
  };
  const production: FakeEnvironment = {
    id: 30,
    created_at: ago(1000),
    wait_timer: 1440,
    reviewers: [{ type: 'User', name: 'operator' }],
    prevent_self_review: true,
    can_admins_bypass: false,
    branch_policy: [{ id: 31, name: 'main', type: 'branch' }],
    secrets: [],
    variables: {},
  };
  const written = (author: string, message: string, parents: string[] = []) => ({
    parents,
    message,
    author,
    date: ago(90),
  });
  const repository = {
    commits: {
      [commit('a')]: written('writer', 'Before'),
      [commit('d')]: written('writer', 'Make it faster', [commit('a')]),
      [RELEASE.commit]: written('writer', 'Make it faster (#7)', [commit('a')]),
    },
    branches: { main: RELEASE.commit },
    deployments: [
      deploymentOf(LAST, { id: 100, hoursAgo: 900, environment: 'production' }),
      deploymentOf(LAST, { id: 101, hoursAgo: 900 }),
      deploymentOf(RELEASE, { id: 110, hoursAgo: 60 }),
      // The workflow was started at a later commit than the one that it delivers.
      {
        ...deploymentOf(RELEASE, {
          id: 120,
          hoursAgo: 25,
          environment: 'production',
          state: 'none',
          run: RUN_ID,
          payload: false,
        }),
        sha: commit('f'),
      },
    ],
    environments: { production },
    pulls: [pull],
    runs: [run],
    attestations: [...bundles].map(([subject, bundle], index) => ({
      id: 40 + index,
      subject_digest: subject,
      predicate_type: 'https://slsa.dev/provenance/v1',
      bundle,
    })),
  };
  const services = ['execution-engine', 'market-data'];
  const alerts = ['ServiceDown', 'BreakerHalted'];
  const world = {
    now: NOW,
    moment: 'after-approval' as const,
    act: false,
    version: undefined,
    config: defaultGateConfig(),
    manifest: RELEASE,
    repository: repository as unknown as FakeRepository,
    production,
    pull,
    run,
    files: makeFiles(alerts, sigstore.trustedRoot),
    sigstore,
  };
  return Object.assign(world, { bundle: new WatchedBundle(services, alerts, () => world.now) });
}

function makeFiles(criticalAlerts: string[], trustedRoot: string): WorldFiles {
  const evidenceOf = (manifest: Manifest, hoursAgo: number, seed: number): Evidence[] =>
    passingEvidence().map((item) => ({
      ...item,
      manifest_digest: manifest.digest,
      commit: manifest.commit,
      started_at: ago(hoursAgo),
      finished_at: ago(hoursAgo - 0.1),
      ...(item.stage === 'load' ? { data: loadData({ seed }) } : {}),
    }));
  const restored = { id: '20260610-100000-0a0b0c', at: ago(2) };
  return {
    evidence: evidenceOf(RELEASE, 60, 1),
    baseline: { manifestDigest: LAST.digest, evidence: evidenceOf(LAST, 900, 2) },
    dependencyAudit: {
      schema: 1,
      taken_at: ago(1),
      lockfile_digest: RELEASE.lockfile_digest,
      report: {
        auditReportVersion: 2,
        vulnerabilities: { minor: { severity: 'low' } },
        metadata: {
          vulnerabilities: { info: 0, low: 1, moderate: 0, high: 0, critical: 0, total: 1 },
          dependencies: { total: 321 },
        },
      },
    },
    imageAudits: new Map(
      Object.entries(RELEASE.images ?? {}).map(([name, image]) => [`${name}.cdx.json`, bom(image.digest)]),
    ),
    decisionRecords: new Map([
      ['0001-source.md', '# Source\n\nStatus: superseded\n\nRelease aaaaaaaaaaaa.\n'],
      ['0012-release.md', `# Release\n\nStatus: accepted\n\nCommit ${RELEASE.commit} goes to production.\n`],
    ]),
    tags: { 'v1.4.0': RELEASE.commit },
    checkpoints: { checkpoints: [checkpointOf(restored)], broken: [] },
    onCall: [{ who: 'operator', from: ago(8), until: ago(-8) }],
    criticalAlerts,
    trustedRoot,
  };
}

/** GitHub as the world has it, over HTTP. */
export async function startGitHub(world: World): Promise<GitHubFake> {
  const people = ['writer', 'reviewer', 'operator', 'stranger', 'helper', 'colleague'];
  const fake = await startGitHubFake({
    clock: { now: () => world.now },
    state: {
      users: Object.fromEntries(people.map((name, index) => [name, { id: 500 + index }])),
      repositories: { [REPOSITORY]: world.repository },
    },
  });
  if (world.fault !== undefined) fake.fault({ times: 1_000_000, ...world.fault });
  return fake;
}

/** Puts a merged pull request between the release that runs in production and the new one; `reviewer` has approved it. */
export function mergeBefore(world: World, number: number, author: string, approver: string | undefined): FakePull {
  const [own, merge] = [String(1000 + number).padStart(40, 'e'), String(2000 + number).padStart(40, 'e')];
  const { commits, pulls } = world.repository;
  const newest = commits[RELEASE.commit] as FakeCommit;
  commits[own] = { parents: [...newest.parents], message: `Change ${number}`, author, date: ago(95) };
  const buttons = { author, committer: 'web-flow', date: ago(94), verified: true };
  commits[merge] = { parents: [...newest.parents, own], message: `Merge pull request #${number}`, ...buttons };
  newest.parents = [merge];
  const approval = { state: 'APPROVED', commit_id: own, submitted_at: ago(94.5), association: 'MEMBER' };
  const pull: FakePull = {
    number,
    base: 'main',
    head: `change-${number}`,
    head_sha: own,
    user: author,
    created_at: ago(96),
    merged_at: ago(94),
    merge_commit_sha: merge,
    commits: [own],
    reviews: approver === undefined ? [] : [{ user: approver, ...approval }],
  };
  pulls.push(pull);
  return pull;
}

/** Lets the gate decide about a world, over HTTP against the fake, as it would be on GitHub. */
export async function decideIn(
  world: World,
  { waivers = [], rules = RULES }: { waivers?: Waiver[]; rules?: RuleSet } = {},
): Promise<ProductionDecision> {
  let skipped = 0;
  const clock = {
    now: () => world.now + skipped,
    sleep: (ms: number) => {
      skipped += ms;
      return Promise.resolve();
    },
  };
  const fake = await startGitHub(world);
  const token = new Secret('token-of-a-test');
  const github = openGitHub({
    apiUrl: fake.url,
    token,
    repository: REPOSITORY,
    clock,
    random: () => 0,
    timeoutMs: 500,
  });
  try {
    const context: GateContext = {
      manifest: world.manifest,
      repository: REPOSITORY,
      serverUrl: 'https://github.com',
      runId: RUN_ID,
      moment: world.moment,
      act: world.act,
      version: world.version,
      config: world.config,
      now: () => gitHubTime({ apiUrl: fake.url, token, env: ENV }),
      github,
      prometheus: () => world.bundle.reader(),
      files: filesOf(world),
    };
    return await decideProduction(context, waivers, rules);
  } finally {
    await github.close();
    await fake.close();
  }
}

function filesOf({ files, unreadable }: World): GateFiles {
  const give =
    <T>(name: keyof GateFiles, value: T) =>
    (): Promise<T> =>
      unreadable?.file === name ? Promise.reject(unreadable.error) : Promise.resolve(value);
  return {
    evidence: give('evidence', files.evidence),
    baseline: give('baseline', files.baseline),
    dependencyAudit: give('dependencyAudit', files.dependencyAudit),
    imageAudits: give('imageAudits', files.imageAudits),
    decisionRecords: give('decisionRecords', files.decisionRecords),
    commitOfTag: (tag) => give('commitOfTag', files.tags[tag])(),
    checkpoints: give('checkpoints', files.checkpoints),
    onCall: give('onCall', files.onCall),
    criticalAlerts: give('criticalAlerts', files.criticalAlerts),
    trustedRoot: give('trustedRoot', files.trustedRoot),
  };
}
