import { Option, type Command } from 'commander';
import { EXIT, UserError } from '@papergate/config';
import { checkedRepository, type GitHub } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { applySteps } from '../github/apply.ts';
import { findReviewers, readFacts } from '../github/facts.ts';
import { readNeeds } from '../github/needs.ts';
import { openFor } from '../github/open.ts';
import { planSetup } from '../github/plan.ts';
import { showItems, showPlan, showStep } from '../github/show.ts';
import { isWhole, type Plan } from '../github/types.ts';
import { wantedOf } from '../github/wanted.ts';
import { nonEmpty } from '../values.ts';
import { addGitHubFake } from './github-fake.ts';

interface Flags {
  repository?: string;
  json: boolean;
}

const MAX_REVIEWERS = 6;

/** `github`: what the repository on GitHub has to be set to, so that the workflows can run and the gate can open. */
export function addGitHub(program: Command, context: CommandContext): void {
  const github = program.command('github').description('the settings of the repository on GitHub: see them, set them');
  const sub = (name: string, description: string): Command =>
    github
      .command(name)
      .description(description)
      .addOption(
        new Option('--repository <owner/name>', 'default: GITHUB_REPOSITORY, then the remote origin').argParser(
          nonEmpty('owner/name'),
        ),
      )
      .option('--json', 'one JSON object', false);

  sub('setup', 'environments, their rules, rules of the branch: prints what would change; --apply does it')
    .option('--apply', 'do what the API allows', false)
    .option(
      '--reviewer <name>',
      'who may let production through: a login, organization/team; up to six times',
      collect,
      [],
    )
    .action((flags: Flags & { apply: boolean; reviewer: string[] }) =>
      withGitHub(flags, context, (client) => setup(client, flags, context)),
    );
  sub('check', 'what is missing; exit 1 where anything is').action((flags: Flags) =>
    withGitHub(flags, context, async (client) => {
      const plan = await planFor(client, [], context);
      const ok = isWhole(plan);
      context.output.out(
        flags.json
          ? JSON.stringify({ repository: client.fullName, ok, items: plan.items })
          : `${client.fullName}\n\n${showItems(plan.items)}\n\n${ok ? 'nothing is missing' : '"papergate github setup" shows what it would set'}`,
      );
      context.setExitCode(ok ? EXIT.ok : EXIT.blocked);
    }),
  );
  addGitHubFake(github, context);
}

const collect = (name: string, before: string[]): string[] => [...before, name];

async function withGitHub(
  flags: Flags,
  context: CommandContext,
  act: (github: GitHub) => Promise<void>,
): Promise<void> {
  if (flags.repository !== undefined) checkedRepository(flags.repository);
  const github = await openFor(context, flags);
  try {
    await act(github);
  } finally {
    await github.close();
  }
}

async function planFor(github: GitHub, reviewers: readonly string[], { repository }: CommandContext): Promise<Plan> {
  const wanted = wantedOf(repository);
  const environments = [wanted.staging, wanted.production];
  const needs = readNeeds(repository, environments);
  const places = [...new Set([...environments, ...needs.secrets.keys()])].filter((name) => name !== '');
  const { branch, ruleset } = wanted;
  const facts = await readFacts(github, { environments: places, branch, ruleset });
  return planSetup({ wanted, facts, needs, reviewers: await findReviewers(github, reviewers) });
}

async function setup(
  github: GitHub,
  { apply, reviewer, json }: Flags & { apply: boolean; reviewer: string[] },
  context: CommandContext,
): Promise<void> {
  const { output, setExitCode } = context;
  if (new Set(reviewer).size > MAX_REVIEWERS) {
    throw new UserError({
      code: 'GITHUB_REVIEWERS_TOO_MANY',
      message: `--reviewer was given ${new Set(reviewer).size} times; GitHub takes up to ${MAX_REVIEWERS} people and teams`,
      fix: 'make a team of them: --reviewer organization/team',
    });
  }
  const plan = await planFor(github, [...new Set(reviewer)], context);
  const { fullName: repository } = github;
  if (!apply) {
    const shown = { repository, applied: false, items: plan.items, steps: plan.steps.map(({ what }) => what) };
    output.out(json ? JSON.stringify(shown) : showPlan(repository, plan));
    return setExitCode(EXIT.ok);
  }
  const outcomes = await applySteps(github, plan.steps, (outcome) => {
    if (!json) output.err(showStep(outcome));
  });
  // Read again: GitHub may have taken something and not have done it.
  const after = await planFor(github, reviewer, context);
  const undone = outcomes.some(({ failed }) => failed !== undefined) || after.steps.length > 0;
  output.out(
    json
      ? JSON.stringify({ repository, applied: true, items: after.items, steps: outcomes })
      : showPlan(repository, after),
  );
  setExitCode(undone ? EXIT.blocked : EXIT.ok);
}
