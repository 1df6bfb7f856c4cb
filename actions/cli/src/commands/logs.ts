import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { EXIT, UserError } from '@papergate/config';
import { lastLines, readableLine, redact } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { followFiles } from '../follow.ts';
import { wholeNumber } from '../values.ts';

interface Flags {
  follow: boolean;
  lines: number;
  json: boolean;
}

export function addLogs(program: Command, context: CommandContext): void {
  program
    .command('logs')
    .description('the logs of all services, or of those that are named')
    .argument('[service...]', 'names of services; also postgres, migrate, supervisor')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C', false)
    .addOption(
      new Option('-n, --lines <count>', 'how many of the last lines').argParser(wholeNumber(0, 10_000)).default(20),
    )
    .option('--json', 'one JSON object a line', false)
    .action((services: string[], flags: Flags) => showLogs(services, flags, context));
}

async function showLogs(services: string[], flags: Flags, context: CommandContext): Promise<void> {
  const files = chooseLogs(services, context);
  const show = (service: string, line: string): void => {
    const clean = redact(line);
    const prefix = files.size === 1 ? '' : `${service.padEnd(17)} `;
    context.output.out(flags.json ? JSON.stringify({ service, line: clean }) : `${prefix}${readableLine(clean)}`);
  };
  for (const [service, path] of files) for (const line of lastLines(path, flags.lines)) show(service, line);
  if (flags.follow) await followFiles(files, show, context.interrupts.stop);
  context.setExitCode(EXIT.ok);
}

function chooseLogs(services: string[], { home }: CommandContext): Map<string, string> {
  const { logs, postgres } = home();
  const known = new Map(
    readdirSync(logs)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .map((name) => [name.slice(0, -'.log'.length), join(logs, name)]),
  );
  if (existsSync(join(postgres, 'postgres.log'))) known.set('postgres', join(postgres, 'postgres.log'));
  if (services.length === 0) return known;
  const unknown = services.filter((service) => !known.has(service));
  if (unknown.length > 0) {
    throw new UserError({
      code: 'NO_SUCH_LOG',
      message: `there is no log of ${unknown.join(', ')}, allowed: ${[...known.keys()].join(', ') || '(nothing has run here yet)'}`,
      fix: known.size === 0 ? 'ship a commit first: npx papergate ship' : 'name one of these',
    });
  }
  return new Map([...known].filter(([service]) => services.includes(service)));
}
