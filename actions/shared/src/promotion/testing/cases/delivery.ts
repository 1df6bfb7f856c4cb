import type { RuleName } from '../../types.ts';
import type { BadCase } from '../cases.ts';
import { ago, commit, deploymentOf, digest, HOUR, LAST, makeManifest, RELEASE, RUN_ID } from '../world.ts';

const OTHER = makeManifest('b', '9');
/** The manifest of the same commit, built a second time to other images. */
const REBUILT = makeManifest('c', '9');
const ALL_OF_GITHUB: RuleName[] = ['staging-proof', 'load-regression', 'soak', 'wait-timer', 'approvers'];

/** What runs in staging, for how long, and what GitHub does not tell of it. */
export const DELIVERY_CASES: BadCase[] = [
  {
    title: 'nothing was ever delivered to staging',
    rule: 'staging-proof',
    code: 'STAGING_NEVER_DELIVERED',
    also: ['soak', 'wait-timer'],
    spoil: ({ repository }) =>
      void (repository.deployments = repository.deployments.filter(({ environment }) => environment === 'production')),
  },
  {
    title: 'a newer commit runs in staging',
    rule: 'staging-proof',
    code: 'STAGING_OTHER_COMMIT',
    also: ['soak', 'wait-timer'],
    spoil: ({ repository }) => void repository.deployments.push(deploymentOf(OTHER, { id: 130, hoursAgo: 1 })),
  },
  {
    title: 'staging runs other images of the same commit',
    rule: 'staging-proof',
    code: 'STAGING_OTHER_DIGEST',
    also: ['soak', 'wait-timer'],
    spoil: ({ repository }) => void repository.deployments.push(deploymentOf(REBUILT, { id: 130, hoursAgo: 55 })),
  },
  {
    title: 'the deployment names other digests than the manifest that it names',
    rule: 'staging-proof',
    code: 'STAGING_OTHER_DIGEST',
    spoil({ repository }) {
      const { payload } = repository.deployments.find(({ id }) => id === 110)!;
      Object.assign((payload as { images: object }).images, { 'market-data': digest('e') });
    },
  },
  {
    title: 'the deployment to staging failed',
    rule: 'staging-proof',
    code: 'STAGING_NOT_ACTIVE',
    also: ['soak', 'wait-timer'],
    spoil({ repository }) {
      repository.deployments[2] = deploymentOf(RELEASE, { id: 110, hoursAgo: 60, state: 'failure' });
    },
  },
  {
    title: 'something without a name went to staging later',
    rule: 'staging-proof',
    code: 'STAGING_NOT_ACTIVE',
    also: ['soak', 'wait-timer'],
    spoil: ({ repository }) =>
      void repository.deployments.push(deploymentOf(OTHER, { id: 130, hoursAgo: 1, payload: false })),
  },
  {
    title: 'staging has begun to run it and not ended',
    rule: 'soak',
    code: 'SOAK_NOT_BEGUN',
    also: ['staging-proof', 'wait-timer'],
    spoil({ repository }) {
      repository.deployments[2] = deploymentOf(RELEASE, { id: 110, hoursAgo: 60, state: 'none' });
    },
  },
  {
    title: 'staging has run it for a minute less than 48 hours',
    rule: 'soak',
    code: 'SOAK_TOO_SHORT',
    spoil({ repository }) {
      repository.deployments[2] = deploymentOf(RELEASE, { id: 110, hoursAgo: 48 - 1 / 60 });
    },
  },
  {
    title: 'another release was in staging for a while, and failed there',
    rule: 'soak',
    code: 'SOAK_TOO_SHORT',
    spoil: ({ repository }) =>
      void repository.deployments.splice(
        3,
        0,
        deploymentOf(OTHER, { id: 112, hoursAgo: 50, state: 'failure' }),
        deploymentOf(RELEASE, { id: 114, hoursAgo: 47 }),
      ),
  },
  {
    title: 'the deployments are dated in the future',
    rule: 'soak',
    code: 'SOAK_TOO_SHORT',
    also: ['wait-timer'],
    spoil({ repository }) {
      repository.deployments[2] = deploymentOf(RELEASE, { id: 110, hoursAgo: -5 });
    },
  },
  {
    title: 'the run has waited for a minute less than 24 hours',
    rule: 'wait-timer',
    code: 'WAIT_TIMER_TOO_SHORT',
    spoil({ repository }) {
      repository.deployments.at(-1)!.created_at = ago(24 - 1 / 60);
    },
  },
  {
    title: 'the run waits, but staging has had this manifest for less',
    rule: 'wait-timer',
    code: 'WAIT_TIMER_TOO_SHORT',
    also: ['soak'],
    spoil({ repository }) {
      repository.deployments[2] = deploymentOf(RELEASE, { id: 110, hoursAgo: 3 });
    },
  },
  {
    title: 'the run has no deployment of its own',
    rule: 'wait-timer',
    code: 'WAIT_TIMER_UNKNOWN',
    spoil: ({ repository }) => void repository.deployments.pop(),
  },
  {
    title: 'it was another run that waited',
    rule: 'wait-timer',
    code: 'WAIT_TIMER_UNKNOWN',
    spoil({ repository }) {
      repository.deployments[3] = deploymentOf(RELEASE, {
        id: 120,
        hoursAgo: 25,
        environment: 'production',
        state: 'none',
        run: RUN_ID + 1,
        payload: false,
      });
    },
  },
  {
    title: 'Prometheus has another time than GitHub',
    rule: 'clock',
    code: 'CLOCKS_APART',
    spoil: ({ bundle }) => void (bundle.skew = -HOUR),
  },
  {
    title: 'GitHub does not tell the time',
    rule: 'soak',
    code: 'GITHUB_TIME_UNKNOWN',
    also: [
      'clock',
      'evidence',
      'monitoring',
      'alerts',
      'error-log',
      'dependency-audit',
      'image-audit',
      'rollback-plan',
      'on-call',
      'wait-timer',
    ],
    spoil: (world) => void (world.fault = { kind: 'cut', route: 'GET /rate_limit' }),
  },
  ...(
    [
      ['GitHub is down', 'status', 'GITHUB_UNAVAILABLE', 502],
      ['the token is no good', 'status', 'GITHUB_UNAUTHORIZED', 401],
      ['the token may not read deployments', 'status', 'GITHUB_FORBIDDEN', 403],
      ['the token does not see the repository', 'status', 'GITHUB_NOT_FOUND', 404],
      ['GitHub’s limit of requests is used up', 'rate-limited', 'GITHUB_RATE_LIMITED', undefined],
      ['GitHub asks to be slower', 'secondary-limit', 'GITHUB_SLOWED_DOWN', undefined],
      ['GitHub wants single sign-on', 'single-sign-on', 'GITHUB_SSO_REQUIRED', undefined],
      ['the answer breaks off', 'malformed', 'GITHUB_ANSWER_INVALID', undefined],
      ['the answer is something else', 'wrong-shape', 'GITHUB_ANSWER_INVALID', undefined],
      ['a proxy answers in HTML', 'html', 'GITHUB_UNAVAILABLE', undefined],
      ['the connection is cut', 'cut', 'GITHUB_UNREACHABLE', undefined],
    ] as const
  ).map(([title, kind, code, status]): BadCase => ({
    title: `${title}, when deployments are read`,
    rule: 'staging-proof',
    code,
    also: ALL_OF_GITHUB.filter((rule) => rule !== 'staging-proof'),
    spoil: (world) =>
      void (world.fault = {
        kind,
        route: 'GET /repos/{owner}/{repo}/deployments',
        ...(status === undefined ? {} : { status }),
        ...(kind === 'secondary-limit' ? { retryAfter: 3600 } : {}),
      }),
  })),
  {
    title: 'the figures to compare with are not of the release in production',
    rule: 'load-regression',
    code: 'LOAD_BASELINE_OTHER',
    spoil: ({ repository }) =>
      void repository.deployments.push({
        ...deploymentOf(OTHER, { id: 140, hoursAgo: 500, environment: 'production', run: 140 }),
        sha: LAST.commit,
      }),
  },
  {
    title: 'another commit is asked for than the one that was proven',
    rule: 'staging-proof',
    code: 'STAGING_OTHER_COMMIT',
    also: ['evidence', 'soak', 'wait-timer', 'image-audit', 'attestation', 'decision-record', 'approvers'],
    spoil(world) {
      world.manifest = OTHER;
      world.repository.commits[OTHER.commit] = {
        parents: [LAST.commit],
        message: 'Straight to main',
        author: 'writer',
        date: ago(90),
      };
    },
  },
  {
    title: 'staging went back to the release before',
    rule: 'staging-proof',
    code: 'STAGING_OTHER_COMMIT',
    also: ['soak', 'wait-timer'],
    spoil: ({ repository }) => void repository.deployments.push(deploymentOf(LAST, { id: 150, hoursAgo: 4 })),
  },
  {
    title: 'the commit of the run is unknown to GitHub',
    rule: 'approvers',
    code: 'GITHUB_NOT_FOUND',
    spoil: ({ repository }) => void delete repository.commits[commit('c')],
  },
];
