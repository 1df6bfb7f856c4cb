import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { ENVIRONMENTS, EXIT, type Environment } from '@papergate/config';
import type { CommandContext } from '../context.ts';
import { choice, nonEmpty, wholeNumber } from '../values.ts';

interface Flags {
  data: string[];
  strategy: string[];
  symbols?: string[];
  environment: Environment;
  seed: number;
  from?: string;
  to?: string;
  cash: string;
  latency: number;
  jitter: number;
  fee: string;
  partialFills: number;
  parameters?: string;
  quantity: string;
  barMs: number;
  cooldownMs: number;
  out?: string;
  report?: string;
  json: boolean;
}

export function addBacktest(program: Command, context: CommandContext): void {
  program
    .command('backtest')
    .description('strategies over recorded ticks, with the risk limits and the matching of the bundle; no network')
    .option('--data <path...>', 'LEAN tick zips, or folders that hold them', [])
    .option(
      '--strategy <name...>',
      'of the configuration, a kind, ./name, a file, a package (default: all configured)',
      [],
    )
    .option('--symbols <list>', 'in place of the strategies’ own, such as AAPL,MSFT', symbols)
    .option('--environment <name>', 'whose strategies and risk limits', choice(ENVIRONMENTS), 'production')
    .option('--seed <n>', 'of latency, partial fills and the strategies’ chance', wholeNumber(0, 4_294_967_295), 1)
    .option('--from <time>', 'of each day, New York, HH:MM', nonEmpty('a time of day'))
    .option('--to <time>', 'of each day, New York, HH:MM', nonEmpty('a time of day'))
    .option('--cash <usd>', 'starting cash', decimal(true), '100000')
    .option('--latency <ms>', 'each way between decision and exchange', wholeNumber(0, 60_000), 50)
    .option('--jitter <ms>', 'up to so much is added to it', wholeNumber(0, 60_000), 25)
    .option('--fee <usd>', 'for each share traded', decimal(false), '0')
    .option('--partial-fills <part>', 'of orders of which only half is filled at once, 0 to 1', part, 0)
    .option('--parameters <json>', 'of strategies that are not of the configuration', nonEmpty('a JSON object'))
    .option('--quantity <shares>', 'of strategies that are not of the configuration', decimal(true), '10')
    .option('--bar-ms <ms>', 'of strategies that are not of the configuration', wholeNumber(10, 86_400_000), 1_000)
    .option('--cooldown-ms <ms>', 'of strategies that are not of the configuration', wholeNumber(0, 86_400_000), 60_000)
    .option('--out <file>', 'the whole report as JSON', nonEmpty('a path'))
    .option('--report <folder>', 'a page with its plots, report.html, and report.json beside it', nonEmpty('a folder'))
    .option('--json', 'the whole report as JSON in place of a summary', false)
    .action((flags: Flags) => run(flags, context));
}

async function run(flags: Flags, { interrupts, output, repository, setExitCode }: CommandContext): Promise<void> {
  // Loaded here: it brings three services along, which no other command needs.
  const { backtest, reportText } = await import('../backtest/index.ts');
  const { showReport } = await import('../backtest/show.ts');
  const { barMs, cooldownMs, data, environment, from, json, out, parameters, quantity, seed, strategy, to } = flags;
  const startedAt = performance.now();
  const report = await backtest({
    data,
    named: strategy,
    environment,
    configDir: join(repository, 'config'),
    cwd: process.cwd(),
    seed,
    conditions: {
      startingCash: flags.cash,
      latencyMs: flags.latency,
      jitterMs: flags.jitter,
      feePerShare: flags.fee,
      partialFills: flags.partialFills,
    },
    quantity,
    barMs,
    cooldownMs,
    signal: interrupts.stop,
    ...(flags.symbols === undefined ? {} : { symbols: flags.symbols }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(out === undefined ? {} : { out }),
    ...(flags.report === undefined ? {} : { report: flags.report }),
  });
  const seconds = (performance.now() - startedAt) / 1000;
  if (json) output.raw(reportText(report));
  else output.out(showReport(report));
  // Not in the report: it is the machine's, and the report is the same on every one.
  const rate = Math.round(report.market.ticks / seconds).toLocaleString('en');
  const written = [out, flags.report === undefined ? undefined : join(flags.report, 'report.html')].filter(Boolean);
  output.err([`${seconds.toFixed(1)} s, ${rate} ticks/s`, ...written].join('; '));
  setExitCode(report.strategies.some(({ failure }) => failure !== null) ? EXIT.blocked : EXIT.ok);
}

function symbols(value: string): string[] {
  const names = value.split(',').map((name) => name.trim().toUpperCase());
  if (names.every((name) => /^[A-Z][A-Z0-9]{0,9}([./][A-Z0-9]{1,5})?$/.test(name))) return [...new Set(names)];
  throw new InvalidArgumentError('allowed: symbols with commas between them, such as AAPL,MSFT');
}

function decimal(positive: boolean): (value: string) => string {
  return (value) => {
    const fits = /^(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$/.test(value) && (!positive || /[1-9]/.test(value));
    if (!fits) throw new InvalidArgumentError(`allowed: a decimal number${positive ? ' above 0' : ', not negative'}`);
    return value;
  };
}

function part(value: string): number {
  const found = Number(value);
  if (!/^(0|1|0?\.\d{1,6}|1\.0+)$/.test(value) || found < 0 || found > 1) {
    throw new InvalidArgumentError('allowed: a number from 0 to 1');
  }
  return found;
}
