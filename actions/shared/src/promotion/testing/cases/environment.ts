import type { RuleName } from '../../types.ts';
import type { BadCase } from '../cases.ts';

const RULES: RuleName[] = [
  'environment-reviewers',
  'environment-self-review',
  'environment-wait-timer',
  'environment-bypass',
  'environment-branches',
];
const others = (rule: RuleName): RuleName[] => RULES.filter((one) => one !== rule);

/** The environment that guards production. */
export const ENVIRONMENT_CASES: BadCase[] = [
  ...RULES.map((rule): BadCase => ({
    title: 'the environment does not exist',
    rule,
    code: 'ENVIRONMENT_MISSING',
    also: [...others(rule), 'approvers'],
    spoil: ({ repository }) => void (repository.environments = {}),
  })),
  {
    title: 'nobody has to approve',
    rule: 'environment-reviewers',
    code: 'ENVIRONMENT_NO_REVIEWERS',
    spoil: ({ production }) => void (production.reviewers = []),
  },
  {
    title: 'fewer may approve than are wanted',
    rule: 'environment-reviewers',
    code: 'ENVIRONMENT_NO_REVIEWERS',
    spoil: ({ config }) => void (config['environment-reviewers'].at_least = 2),
  },
  {
    title: 'people may approve their own runs',
    rule: 'environment-self-review',
    code: 'ENVIRONMENT_SELF_REVIEW',
    spoil: ({ production }) => void (production.prevent_self_review = false),
  },
  {
    title: 'the timer is a minute short',
    rule: 'environment-wait-timer',
    code: 'ENVIRONMENT_WAIT_TIMER',
    spoil: ({ production }) => void (production.wait_timer = 1439),
  },
  {
    title: 'there is no timer',
    rule: 'environment-wait-timer',
    code: 'ENVIRONMENT_WAIT_TIMER',
    spoil: ({ production }) => void (production.wait_timer = 0),
  },
  {
    title: 'administrators may bypass the rules',
    rule: 'environment-bypass',
    code: 'ENVIRONMENT_BYPASS',
    spoil: ({ production }) => void (production.can_admins_bypass = true),
  },
  {
    title: 'GitHub does not say whether administrators may bypass the rules',
    rule: 'environment-bypass',
    code: 'ENVIRONMENT_BYPASS_UNKNOWN',
    spoil: ({ production }) => void delete production.can_admins_bypass,
  },
  {
    title: 'every branch may be deployed',
    rule: 'environment-branches',
    code: 'ENVIRONMENT_BRANCHES',
    spoil: ({ production }) => void (production.branch_policy = null),
  },
  {
    title: 'every protected branch may be deployed',
    rule: 'environment-branches',
    code: 'ENVIRONMENT_BRANCHES',
    spoil: ({ production }) => void (production.branch_policy = 'protected'),
  },
  {
    title: 'every protected branch may be deployed, and the configuration plays with the words',
    rule: 'environment-branches',
    code: 'ENVIRONMENT_BRANCHES',
    spoil({ production, config }) {
      production.branch_policy = 'protected';
      config['environment-branches'].branches = ['protected branches'];
    },
  },
  {
    title: 'another branch may be deployed, too',
    rule: 'environment-branches',
    code: 'ENVIRONMENT_BRANCHES',
    spoil: ({ production }) =>
      void (production.branch_policy = [
        { id: 31, name: 'main', type: 'branch' },
        { id: 32, name: 'release/*', type: 'branch' },
      ]),
  },
  {
    title: 'a tag called main may be deployed',
    rule: 'environment-branches',
    code: 'ENVIRONMENT_BRANCHES',
    spoil: ({ production }) => void (production.branch_policy = [{ id: 31, name: 'main', type: 'tag' }]),
  },
  {
    title: 'no branch may be deployed',
    rule: 'environment-branches',
    code: 'ENVIRONMENT_BRANCHES',
    spoil: ({ production }) => void (production.branch_policy = []),
  },
  {
    title: 'the token may not read environments',
    rule: 'environment-wait-timer',
    code: 'GITHUB_FORBIDDEN',
    also: others('environment-wait-timer'),
    spoil: (world) =>
      void (world.fault = {
        kind: 'status',
        status: 403,
        route: 'GET /repos/{owner}/{repo}/environments/{environment_name}',
      }),
  },
];
