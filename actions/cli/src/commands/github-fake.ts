import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { EXIT, messageOf, UserError } from '@papergate/config';
import { checkedRepository, writeAtomic } from '@papergate/delivery';
import type * as GitHubFake from '@papergate/delivery/github-fake';
import type { CommandContext } from '../context.ts';
import { wholeNumber } from '../values.ts';

interface Flags {
  port: number;
  state?: string;
  checkout?: string;
  repository: string;
  validate: boolean;
}

/** `github fake`: a GitHub API on this machine, for workflows under act and for trying out what setup does. */
export function addGitHubFake(github: Command, context: CommandContext): void {
  github
    .command('fake', { hidden: true })
    .description('a GitHub API on loopback, until Ctrl-C; GITHUB_API_URL is what it prints')
    .addOption(new Option('--port <number>').argParser(wholeNumber(0, 65_535)).default(0))
    .option('--state <file>', 'JSON; read where it is there, and kept up to date')
    .option('--checkout <folder>', 'a clone whose commits, branches and tags it knows')
    .option('--repository <owner/name>', 'that the clone is of', 'acme/trading')
    .option(
      '--validate',
      'hold requests and answers to GitHub’s description; exit 1 at the end where one is not',
      false,
    )
    .action(async (flags: Flags) => {
      const { output, interrupts, setExitCode } = context;
      // Only here: no other command needs what it is made of.
      const tools = await import('@papergate/delivery/github-fake');
      const fake = await tools.startGitHubFake(optionsOf(flags, tools));
      output.out(fake.url);
      await new Promise<void>((done) => {
        if (interrupts.stop.aborted) done();
        else interrupts.stop.addEventListener('abort', () => done(), { once: true });
      });
      const wrong = fake.violations.splice(0);
      await fake.close();
      for (const violation of wrong) output.err(violation);
      setExitCode(flags.validate && wrong.length > 0 ? EXIT.blocked : EXIT.ok);
    });
}

function optionsOf(
  { port, state: file, checkout, repository, validate }: Flags,
  { learnCommits, makeState }: typeof GitHubFake,
): GitHubFake.GitHubFakeOptions {
  checkedRepository(repository);
  const state = makeState(file === undefined || !existsSync(file) ? {} : readState(file));
  const learn = (is: GitHubFake.FakeState, name: string): void => {
    const known = is.repositories[name];
    if (checkout !== undefined && name === repository && known !== undefined) learnCommits(known, resolve(checkout));
  };
  const { repositories } = makeState({ repositories: { [repository]: {}, ...state.repositories } });
  state.repositories = repositories;
  learn(state, repository);
  const keep = (is: GitHubFake.FakeState): void => {
    if (file !== undefined) writeAtomic(file, `${JSON.stringify(is, null, 2)}\n`);
  };
  keep(state);
  return { port, state, validate, learn, onChange: keep };
}

function readState(file: string): GitHubFake.GivenState {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as GitHubFake.GivenState;
  } catch (error) {
    throw new UserError({
      code: 'FAKE_STATE_UNREADABLE',
      message: `${file} is no JSON: ${messageOf(error)}`,
      fix: 'remove it to begin with an empty state',
      cause: error,
    });
  }
}
