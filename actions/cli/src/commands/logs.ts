import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { EXIT, UserError } from '@papergate/config';
import { lastLines, readableLine, redact, type OpenPlace } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { followFiles } from '../follow.ts';
import { wholeNumber } from '../values.ts';
import { addPlaceFlags, placeChoice, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

interface Flags extends PlaceFlags {
  follow: boolean;
  lines: number;
  json: boolean;
}

export function addLogs(program: Command, context: CommandContext): void {
  const command = program
    .command('logs')
    .description('the logs of all services, or of those that are named')
    .argument('[service...]', 'names of services; also postgres, migrate, supervisor')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C', false)
    .addOption(
      new Option('-n, --lines <count>', 'how many of the last lines').argParser(wholeNumber(0, 10_000)).default(20),
    );
  addPlaceFlags(command)
    .option('--json', 'one JSON object a line', false)
    .action((services: string[], flags: Flags) => showLogs(services, flags, context));
}

async function showLogs(services: string[], flags: Flags, context: CommandContext): Promise<void> {
  if (placeChoice(flags).kind !== 'process') {
    return withPlace(flags, context, (open) => showPlaceLogs(services, open, flags, context));
  }
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

/** Beside the services: what a place has logs of as well. */
const ALSO = ['postgres', 'migrate'];

async function showPlaceLogs(
  services: string[],
  { target }: OpenPlace,
  flags: Flags,
  { output, interrupts, setExitCode }: CommandContext,
): Promise<void> {
  const unknown = services.filter((service) => ![...target.order, ...ALSO].includes(service));
  if (unknown.length > 0) {
    throw new UserError({
      code: 'NO_SUCH_LOG',
      message: `there is no log of ${unknown.join(', ')}, allowed: ${[...target.order, ...ALSO].join(', ')}`,
      fix: 'name one of these',
    });
  }
  const wanted = services.length === 0 ? [...target.order] : services;
  const show = (service: string, line: string): void => {
    const prefix = wanted.length === 1 ? '' : `${service.padEnd(17)} `;
    output.out(flags.json ? JSON.stringify({ service, line }) : `${prefix}${readableLine(line)}`);
  };
  const seen = new Map<string, string[]>();
  const look = async (lines: number): Promise<void> => {
    const found = await Promise.all(
      wanted.map(async (service) => [service, await target.logs(service, lines)] as const),
    );
    for (const [service, now] of found) {
      for (const line of newLines(seen.get(service) ?? [], now)) show(service, line);
      seen.set(service, now);
    }
  };
  await look(flags.lines);
  while (flags.follow && !interrupts.stop.aborted) {
    await delay(FOLLOW_EVERY_MS, undefined, { signal: interrupts.stop }).catch(() => {});
    if (!interrupts.stop.aborted) await look(FOLLOWED_LINES);
  }
  setExitCode(EXIT.ok);
}

/** Between two looks at logs that have no end to hang on to, and how far back each look goes. */
const FOLLOW_EVERY_MS = 500;
const FOLLOWED_LINES = 1_000;

/** What a second look at the end of a log has that the first had not. */
export function newLines(before: readonly string[], now: readonly string[]): readonly string[] {
  for (let from = Math.max(0, before.length - now.length); from < before.length; from += 1) {
    const common = before.length - from;
    if (before.slice(from).every((line, index) => line === now[index])) return now.slice(common);
  }
  return now;
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
