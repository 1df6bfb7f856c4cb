import type { Environment } from '../../github/environments.ts';
import type { GateContext, Judgement, Problem, Rule, RuleName } from '../types.ts';
import { judgement, unless } from './judgement.ts';

interface EnvironmentRule<N extends RuleName> extends Pick<Rule<N>, 'name' | 'title' | 'codes'> {
  wanted(config: Parameters<Rule<N>['judge']>[1]): string;
  look(
    environment: Environment,
    config: Parameters<Rule<N>['judge']>[1],
  ): { seen: string; problem: Problem | undefined };
}

/** A rule about the environment on GitHub that guards production. */
function environmentRule<N extends RuleName>({ name, title, codes, wanted, look }: EnvironmentRule<N>): Rule<N> {
  return {
    name,
    title,
    source: 'GitHub environment',
    waivable: true,
    codes: { ...codes, ENVIRONMENT_MISSING: 'there is no such environment, or the token does not see it' },
    async judge(context, config): Promise<Judgement> {
      const environment = await guarded(context);
      if (environment === undefined) {
        const message = `GitHub has no environment ${nameOf(context)}, or the token does not see it`;
        return judgement('no environment', wanted(config), { code: 'ENVIRONMENT_MISSING', message });
      }
      const { seen, problem } = look(environment, config);
      return judgement(seen, wanted(config), problem);
    },
  };
}

export const nameOf = ({ config }: GateContext): string => config['environment-reviewers'].environment;

const guarded = (context: GateContext): Promise<Environment | undefined> => context.github.environment(nameOf(context));

export const environmentReviewers = environmentRule<'environment-reviewers'>({
  name: 'environment-reviewers',
  title: 'the environment asks for approval',
  codes: { ENVIRONMENT_NO_REVIEWERS: 'the environment has too few required reviewers' },
  wanted: ({ at_least }) => `at least ${at_least} required reviewers`,
  look: ({ name, reviewers }, { at_least }) => ({
    seen: reviewers.length === 0 ? 'none' : reviewers.map((one) => one.name).join(', '),
    problem: unless(
      reviewers.length >= at_least,
      'ENVIRONMENT_NO_REVIEWERS',
      `the environment ${name} has ${reviewers.length} required reviewers, wanted ${at_least}`,
    ),
  }),
});

export const environmentSelfReview = environmentRule<'environment-self-review'>({
  name: 'environment-self-review',
  title: 'nobody approves his own run',
  codes: { ENVIRONMENT_SELF_REVIEW: 'whoever starts a run may approve it' },
  wanted: () => 'self-review prevented',
  look: ({ name, preventSelfReview }) => ({
    seen: preventSelfReview ? 'prevented' : 'allowed',
    problem: unless(
      preventSelfReview,
      'ENVIRONMENT_SELF_REVIEW',
      `the environment ${name} lets whoever started a run approve it`,
    ),
  }),
});

export const environmentWaitTimer = environmentRule<'environment-wait-timer'>({
  name: 'environment-wait-timer',
  title: 'the environment waits',
  codes: { ENVIRONMENT_WAIT_TIMER: 'its wait timer is too short, or there is none' },
  wanted: ({ hours }) => `${hours} h`,
  look: ({ name, waitTimerMinutes }, { hours }) => ({
    seen: `${Math.floor((waitTimerMinutes / 60) * 10) / 10} h`,
    problem: unless(
      waitTimerMinutes >= hours * 60,
      'ENVIRONMENT_WAIT_TIMER',
      `the environment ${name} waits ${waitTimerMinutes} minutes, wanted ${hours * 60}`,
    ),
  }),
});

export const environmentBypass = environmentRule<'environment-bypass'>({
  name: 'environment-bypass',
  title: 'administrators wait too',
  codes: {
    ENVIRONMENT_BYPASS: 'administrators may bypass its rules',
    ENVIRONMENT_BYPASS_UNKNOWN: 'GitHub does not say whether they may',
  },
  wanted: () => 'no bypass',
  look: ({ name, canAdminsBypass }) => ({
    seen: canAdminsBypass === null ? 'not said' : canAdminsBypass ? 'allowed' : 'no bypass',
    problem:
      canAdminsBypass === null
        ? {
            code: 'ENVIRONMENT_BYPASS_UNKNOWN',
            message: `GitHub does not say whether administrators may bypass the rules of the environment ${name}`,
          }
        : unless(
            !canAdminsBypass,
            'ENVIRONMENT_BYPASS',
            `administrators may bypass the rules of the environment ${name}`,
          ),
  }),
});

export const environmentBranches = environmentRule<'environment-branches'>({
  name: 'environment-branches',
  title: 'only main goes there',
  codes: { ENVIRONMENT_BRANCHES: 'other branches or tags may be deployed too, or none is named' },
  wanted: ({ branches }) => `exactly ${branches.join(', ')}`,
  look: ({ name, branchPolicy }, { branches }) => {
    const allowed = Array.isArray(branchPolicy)
      ? branchPolicy.map((policy) => (policy.type === 'tag' ? `tag ${policy.name}` : policy.name)).sort()
      : [branchPolicy === 'all' ? 'every branch and tag' : 'protected branches'];
    const isExact = JSON.stringify(allowed) === JSON.stringify([...new Set(branches)].sort());
    return {
      seen: allowed.length === 0 ? 'none' : allowed.join(', '),
      problem: unless(
        // `protected branches` as a branch's own name is no name of a branch.
        isExact && Array.isArray(branchPolicy),
        'ENVIRONMENT_BRANCHES',
        `the environment ${name} takes ${allowed.join(', ') || 'nothing'}, wanted exactly ${branches.join(', ')}`,
      ),
    };
  },
});
