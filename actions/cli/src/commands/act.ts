import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT } from '@papergate/config';
import { findTool } from '@papergate/delivery';
import { isDirty, nameOf } from '../act/origin.ts';
import { readEvent, readPairs } from '../act/files.ts';
import { removeRuns, runWorkflow } from '../act/run.ts';
import { startGitHub } from '../act/github.ts';
import type { ActLine, ActOutcome } from '../act/types.ts';
import type { CommandContext } from '../context.ts';
import { table } from '../output.ts';
import { nonEmpty } from '../values.ts';
import { stopStaging } from '../act/staging.ts';

interface Flags {
  event?: string;
  eventFile?: string;
  input: Record<string, string>;
  var: Record<string, string>;
  secrets?: string;
  ref: string;
  job?: string;
  keep: boolean;
  json: boolean;
}

/** Where variables and secrets of runs on this machine stand; git ignores the second. */
const VARIABLES = '.github/act/vars';
const SECRETS = '.github/act/secrets';

export function addAct(program: Command, context: CommandContext): void {
  program
    .command('act')
    .description('run a workflow file of .github/workflows on this machine, with act, without containers and network')
    .argument('<workflow>', 'its file, such as deploy-staging')
    .addOption(new Option('--event <name>', 'what triggers it').argParser(nonEmpty('the name of an event')))
    .addOption(new Option('--event-file <file>', 'JSON that is laid over the payload').argParser(nonEmpty('a file')))
    .addOption(new Option('--input <name=value>', 'of a workflow_dispatch; again for more').argParser(pair).default({}))
    .addOption(new Option('--var <name=value>', `a variable, before those in ${VARIABLES}`).argParser(pair).default({}))
    .addOption(
      new Option('--secrets <file>', `NAME=value lines; ${SECRETS} where it is there`).argParser(nonEmpty('a file')),
    )
    .addOption(
      new Option('--ref <commit>', 'what is run: a commit, branch or tag')
        .argParser(nonEmpty('a commit'))
        .default('HEAD'),
    )
    .addOption(new Option('--job <id>', 'this job and those that it needs').argParser(nonEmpty('a job')))
    .option('--keep', 'leave the staging that it delivered, and all its folders', false)
    .option('--json', 'one JSON object', false)
    .action((workflow: string, flags: Flags) => act(workflow, flags, context));
}

function pair(text: string, before: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_-]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('allowed: NAME=value');
  return { ...before, [name]: value };
}

async function act(workflow: string, flags: Flags, context: CommandContext): Promise<void> {
  const { repository, env, output, interrupts } = context;
  const home = join(context.home().dir, 'act');
  const say = (text: string): void => (flags.json ? undefined : output.err(text));
  const tool = await findTool('act', {
    env,
    root: repository,
    onProgress: ({ message }) => say(`  ${message}`),
    signal: interrupts.stop,
  });
  const variables = { ...readPairs(join(repository, VARIABLES), { optional: true }), ...flags.var };
  const secrets = readPairs(flags.secrets ?? join(repository, SECRETS), { optional: flags.secrets === undefined });
  if (isDirty(repository)) say('note: what is not committed is not in this run');
  const github = await startGitHub({
    repository,
    name: nameOf(repository),
    home,
    secretNames: Object.keys(secrets),
  });
  try {
    const outcome = await runWorkflow(
      {
        repository,
        workflow,
        variables,
        secrets,
        inputs: flags.input,
        ref: flags.ref,
        ...(flags.event === undefined ? {} : { event: flags.event }),
        ...(flags.eventFile === undefined ? {} : { payload: readEvent(flags.eventFile) }),
        ...(flags.job === undefined ? {} : { job: flags.job }),
      },
      {
        env,
        home,
        github: github.fake,
        act: tool.path,
        signal: interrupts.stop,
        onLine: flags.json ? () => {} : follow(output.out),
      },
    );
    output.out(flags.json ? JSON.stringify(told(outcome)) : `\n${summary(outcome)}`);
    context.setExitCode(outcome.passed ? EXIT.ok : EXIT.blocked);
  } finally {
    await github.close();
    if (flags.keep) say(`kept: ${home}; PAPERGATE_HOME=${home} npx papergate status`);
    else {
      await stopStaging({ home, env });
      if (existsSync(home)) removeRuns(home);
    }
  }
}

/** One line a line, under the job and step that says it. */
function follow(out: (text: string) => void): (line: ActLine) => void {
  let last = '';
  return ({ job, step, text, raw }) => {
    const head = [job, step].filter((part) => part !== undefined && part !== '').join(' › ');
    if (head !== last && head !== '') out(head);
    last = head;
    out(raw || head === '' ? `  ${text}` : `  ${text.trim()}`);
  };
}

const SIGNS = { success: '✔', failure: '✖', skipped: '–', cancelled: '✖' } as const;

function summary({ jobs, passed }: ActOutcome): string {
  const rows = jobs.map(({ id, result, steps }) => {
    const failed = steps.find((step) => step.result === 'failure');
    return [SIGNS[result], id, result, failed === undefined ? '' : `at ${failed.name}`];
  });
  return [table(rows), passed ? 'passed' : 'failed'].join('\n');
}

const told = ({ passed, runId, commit, jobs }: ActOutcome): Omit<ActOutcome, 'lines'> => ({
  passed,
  runId,
  commit,
  jobs,
});
