import type { BranchPolicy, GitHubEnvironment, Reviewer, WantedEnvironment } from '@papergate/delivery';
import type { Facts, Seen } from './facts.ts';
import type { WorkflowNeeds } from './needs.ts';
import { planNames } from './plan-names.ts';
import { missingRules } from './rules.ts';
import type { Item, ItemState, Plan, Step } from './types.ts';
import type { Wanted } from './wanted.ts';

export interface PlanInput {
  wanted: Wanted;
  facts: Facts;
  needs: WorkflowNeeds;
  /** Of `--reviewer`; empty: those that there are stay. */
  reviewers: readonly Reviewer[];
}

const MAX_REVIEWERS = 6;

/** What is, what has to be, and the steps between as far as the API goes. Nothing is sent. */
export function planSetup(input: PlanInput): Plan {
  const { wanted, facts } = input;
  const plan: Plan = { items: [], steps: [] };
  for (const name of environmentsOf(input)) add(plan, planEnvironment(input, name));
  add(plan, planBranch(input));
  add(plan, planToken(input));
  add(plan, planLabels(input));
  plan.items.push(...planNames(input));
  if (facts.repository.defaultBranch !== wanted.branch) {
    plan.items.push({
      of: 'repository',
      what: 'default branch',
      is: facts.repository.defaultBranch,
      wanted: wanted.branch,
      state: 'by-hand',
      fix: `rename it (Settings → General → Default branch), or set approvers.branch and the like in the gate’s configuration`,
    });
  }
  return plan;
}

/** Staging, production, and whatever else jobs take secrets from: any branch could read an environment's without a rule. */
const environmentsOf = ({ wanted: { staging, production }, needs }: PlanInput): string[] =>
  [...new Set([staging, ...[...needs.secrets.keys()].sort(), production])].filter((name) => name !== '');

function add(to: Plan, { items, steps }: Plan): void {
  to.items.push(...items);
  to.steps.push(...steps);
}

const state = (isGood: boolean, otherwise: ItemState): ItemState => (isGood ? 'ok' : otherwise);
const hidden = (of: string, what: string, wanted: string, { why }: { why: string }): Item => ({
  of,
  what,
  is: 'cannot be read',
  wanted,
  state: 'unknown',
  fix: why,
});

function planEnvironment({ wanted, facts, reviewers }: PlanInput, name: string): Plan {
  const of = `environment ${name}`;
  const is: Seen<GitHubEnvironment | undefined> = facts.environments.get(name) ?? { value: undefined };
  if ('why' in is) return { items: [hidden(of, 'environment', 'there', is)], steps: [] };
  const now = is.value;
  const isProduction = name === wanted.production;
  const items: Item[] = [
    {
      of,
      what: 'environment',
      is: now === undefined ? 'missing' : 'there',
      wanted: 'there',
      state: state(now !== undefined, 'set'),
    },
  ];

  const policy: BranchPolicy =
    wanted.branches === undefined
      ? (now?.branchPolicy ?? 'all')
      : wanted.branches.map((branch) => ({ name: branch, type: 'branch' }));
  const branchesHold = sameWords(policy, now?.branchPolicy ?? 'all');
  items.push({
    of,
    what: 'branches',
    is: words(now?.branchPolicy ?? 'all'),
    wanted: words(policy),
    state: state(branchesHold, 'set'),
  });

  const to: WantedEnvironment = {
    branchPolicy: policy,
    waitTimerMinutes: now?.waitTimerMinutes ?? 0,
    preventSelfReview: now?.preventSelfReview ?? false,
    reviewers: now?.reviewers ?? [],
    // Left out, GitHub would let administrators go round the rules again.
    ...(now?.canAdminsBypass === false ? { canAdminsBypass: false } : {}),
  };
  if (isProduction) items.push(...protect(to, { of, wanted, now, reviewers }));
  const isToSet = items.some((item) => item.state === 'set');
  const steps: Step[] = isToSet ? [{ what: of, run: (github) => github.putEnvironment(name, to) }] : [];
  return { items, steps };
}

/** What production asks for beside its branches; `to` is changed to it. */
function protect(
  to: WantedEnvironment,
  {
    of,
    wanted,
    now,
    reviewers,
  }: { of: string; wanted: Wanted; now: GitHubEnvironment | undefined; reviewers: readonly Reviewer[] },
): Item[] {
  const items: Item[] = [];
  const have = now?.reviewers ?? [];
  if (reviewers.length > 0) to.reviewers = reviewers.slice(0, MAX_REVIEWERS);
  const enough = to.reviewers.length >= wanted.reviewers;
  const asGiven = reviewers.length === 0 || people(reviewers) === people(have);
  items.push({
    of,
    what: 'required reviewers',
    is: people(have),
    wanted: reviewers.length > 0 ? people(reviewers) : enough ? people(have) : `at least ${wanted.reviewers}`,
    state: enough ? state(asGiven, 'set') : 'by-hand',
    ...(enough ? {} : { fix: 'name them: --reviewer <login or organization/team>, up to six times' }),
  });
  if (wanted.preventSelfReview) {
    const isOn = now?.preventSelfReview ?? false;
    to.preventSelfReview = true;
    items.push({
      of,
      what: 'self-review',
      is: isOn ? 'prevented' : 'allowed',
      wanted: 'prevented',
      state: state(isOn, 'set'),
    });
  }
  if (wanted.waitTimerMinutes !== undefined) {
    const minutes = now?.waitTimerMinutes ?? 0;
    to.waitTimerMinutes = Math.max(minutes, wanted.waitTimerMinutes);
    items.push({
      of,
      what: 'wait timer',
      is: `${minutes} minutes`,
      wanted: `${to.waitTimerMinutes} minutes`,
      state: state(minutes >= wanted.waitTimerMinutes, 'set'),
    });
  }
  if (wanted.noBypass) {
    const bypass = now?.canAdminsBypass ?? null;
    to.canAdminsBypass = false;
    items.push({
      of,
      what: 'bypass by administrators',
      is: bypass === null ? 'not known' : bypass ? 'allowed' : 'not allowed',
      wanted: 'not allowed',
      state: state(bypass === false, 'set'),
      ...(bypass === false
        ? {}
        : {
            fix: `where GitHub does not take it: Settings → Environments → ${of.replace('environment ', '')}, clear "Allow administrators to bypass configured protection rules"`,
          }),
    });
  }
  return items;
}

function planBranch({ wanted, facts }: PlanInput): Plan {
  const of = `branch ${wanted.branch}`;
  const what = 'rules';
  const text = 'pull requests, reviews, green checks; no force pushes, no deletion';
  const { branchRules, ruleset, protection } = facts;
  if ('why' in branchRules) return { items: [hidden(of, what, text, branchRules)], steps: [] };
  const missing = missingRules(wanted.rules, [
    ...branchRules.value,
    ...('value' in protection ? protection.value : []),
  ]);
  const mayPass = 'value' in ruleset && (ruleset.value?.bypass ?? []).length > 0;
  const lacking = [...missing, ...(mayPass ? ['nobody may go round them'] : [])];
  const { branch, rules, ruleset: name } = wanted;
  return {
    items: [
      {
        of,
        what,
        is: lacking.length === 0 ? 'all there' : `missing: ${lacking.join(', ')}`,
        wanted: text,
        state: state(lacking.length === 0, 'set'),
        ...(lacking.length === 0 || 'value' in protection
          ? {}
          : { fix: `or the branch's protection has them, which cannot be read: ${protection.why}` }),
      },
    ],
    steps:
      lacking.length === 0
        ? []
        : [
            {
              what: `ruleset "${name}"`,
              run: (github) =>
                github.putRuleset({
                  name,
                  enforcement: 'active',
                  include: [`refs/heads/${branch}`],
                  exclude: [],
                  rules,
                }),
            },
          ],
  };
}

function planToken({ facts: { workflowToken } }: PlanInput): Plan {
  const of = 'repository';
  const what = 'GITHUB_TOKEN by default';
  const wanted = 'reads only, approves nothing';
  if ('why' in workflowToken) return { items: [hidden(of, what, wanted, workflowToken)], steps: [] };
  const { permissions, canApprove } = workflowToken.value;
  const isGood = permissions === 'read' && !canApprove;
  const is = `${permissions === 'read' ? 'reads only' : 'writes'}, ${canApprove ? 'approves pull requests' : 'approves nothing'}`;
  return {
    items: [{ of, what, is, wanted, state: state(isGood, 'set') }],
    steps: isGood
      ? []
      : [{ what, run: (github) => github.putWorkflowToken({ permissions: 'read', canApprove: false }) }],
  };
}

function planLabels({ facts: { labels }, needs }: PlanInput): Plan {
  const of = 'repository';
  if (needs.labels.size === 0) return { items: [], steps: [] };
  const wanted = [...needs.labels].sort();
  if ('why' in labels) return { items: [hidden(of, 'labels', wanted.join(', '), labels)], steps: [] };
  const missing = wanted.filter((name) => !labels.value.includes(name));
  const is = missing.length === 0 ? wanted.join(', ') : `missing: ${missing.join(', ')}`;
  return {
    items: [{ of, what: 'labels', is, wanted: wanted.join(', '), state: state(missing.length === 0, 'set') }],
    steps: missing.map((name) => ({
      what: `label ${name}`,
      run: (github) => github.putLabel({ name, color: 'ededed', description: '' }),
    })),
  };
}

const people = (all: readonly Reviewer[]): string =>
  all.length === 0
    ? 'nobody'
    : all
        .map(({ type, name }) => (type === 'Team' ? `team ${name}` : name))
        .sort()
        .join(', ');

function words(policy: BranchPolicy): string {
  if (policy === 'all') return 'every one';
  if (policy === 'protected') return 'those with protection';
  const names = policy.map(({ name, type }) => (type === 'tag' ? `tag ${name}` : name));
  return names.length === 0 ? 'none' : `only ${names.sort().join(', ')}`;
}

const sameWords = (one: BranchPolicy, other: BranchPolicy): boolean => words(one) === words(other);
