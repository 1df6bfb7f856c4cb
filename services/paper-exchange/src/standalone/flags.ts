import { parseArgs } from 'node:util';
import { messageOf } from '@papergate/config';
import { mistakes } from '../errors.ts';
import { isSymbol } from '../market/instruments.ts';
import { parseTimeOfDay } from '../market/replay.ts';
import { FEMTOS_PER_USD, parseScaled } from '../units/amounts.ts';

export const HELP = `papergate exchange: an exchange simulator that speaks Alpaca's REST and both WebSockets

  --port N               port to listen on, 0 for a free one (default 5600)
  --host HOST            address to bind (default 127.0.0.1)
  --seed N               seed of the synthetic market (default 1)
  --symbols A,B          symbols of the synthetic market (default AAPL,AMZN,MSFT,NVDA,SPY)
  --ticks-per-second N   of the synthetic market, over all symbols (default 100)
  --replay PATH…         LEAN tick files, or folders of them, in place of the synthetic market
  --speed X              1: the day's own pace, 0: as fast as the clients take it (default 1)
  --from HH:MM --to HH:MM   part of the day, New York
  --wait                 the replay waits for POST /sim/replay/start
  --hours always|regular open around the clock, or New York's hours (default always)
  --cash USD             starting cash (default 100000)
  --rate-limit N         requests a minute, 0 for none (default 200, as Alpaca)
  --connections N        connections to one data feed, 0 for any number (default 1, as Alpaca)
  --json                 print one JSON line in place of text
  --watch-stdin          end when standard input closes
  --help`;

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  seed: { type: 'string' },
  symbols: { type: 'string' },
  'ticks-per-second': { type: 'string' },
  replay: { type: 'string', multiple: true },
  speed: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  wait: { type: 'boolean' },
  hours: { type: 'string' },
  cash: { type: 'string' },
  'rate-limit': { type: 'string' },
  connections: { type: 'string' },
  json: { type: 'boolean' },
  'watch-stdin': { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

export interface Flags {
  port: number;
  host: string;
  seed: number;
  symbols: string[];
  ticksPerSecond: number;
  /** Empty: the synthetic market. */
  replay: string[];
  speed: number;
  from?: number;
  to?: number;
  wait: boolean;
  hours: 'always' | 'regular';
  /** Femtos. */
  cash: bigint;
  rateLimit: number;
  connections: number;
  json: boolean;
  watchStdin: boolean;
  help: boolean;
}

/** Reads the command line; every mistake is a UserError that names the flag. */
export function readFlags(args: readonly string[]): Flags {
  const { values, positionals } = parse(args);
  const replay = values.replay ?? [];
  if (positionals.length > 0 && replay.length === 0) {
    throw mistakes.badFlag('an argument', positionals[0] ?? '', 'flags, and paths after --replay');
  }
  const hours = values.hours ?? 'always';
  if (hours !== 'always' && hours !== 'regular') throw mistakes.badFlag('--hours', hours, 'always, regular');
  const flags: Flags = {
    port: whole('--port', values.port ?? '5600', 0, 65_535),
    host: values.host ?? '127.0.0.1',
    seed: whole('--seed', values.seed ?? '1', 0, 4_294_967_295),
    symbols: symbolsOf(values.symbols ?? 'AAPL,AMZN,MSFT,NVDA,SPY'),
    ticksPerSecond: whole('--ticks-per-second', values['ticks-per-second'] ?? '100', 1, 1_000_000),
    replay: [...replay, ...positionals],
    speed: speedOf(values.speed ?? '1'),
    ...(values.from === undefined ? {} : { from: parseTimeOfDay('--from', values.from) }),
    ...(values.to === undefined ? {} : { to: parseTimeOfDay('--to', values.to) }),
    wait: values.wait ?? false,
    hours,
    cash: cashOf(values.cash ?? '100000'),
    rateLimit: whole('--rate-limit', values['rate-limit'] ?? '200', 0, 1_000_000),
    connections: whole('--connections', values.connections ?? '1', 0, 1_000_000),
    json: values.json ?? false,
    watchStdin: values['watch-stdin'] ?? false,
    help: values.help ?? false,
  };
  if (flags.from !== undefined && flags.to !== undefined && flags.from >= flags.to) {
    throw mistakes.badFlag('--to', values.to ?? '', 'a time of day after --from');
  }
  return flags;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw mistakes.badFlag('the command line', args.join(' '), `the flags of --help (${messageOf(error)})`);
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw mistakes.badFlag(name, text, `a whole number from ${least} to ${most}`);
}

function speedOf(text: string): number {
  const speed = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && speed <= 1_000_000) return speed;
  throw mistakes.badFlag('--speed', text, 'a number from 0 (as fast as it is taken) to 1000000');
}

function symbolsOf(text: string): string[] {
  const symbols = text.split(',').map((symbol) => symbol.trim());
  const wrong = symbols.find((symbol) => !isSymbol(symbol));
  if (wrong !== undefined) throw mistakes.badFlag('--symbols', text, 'symbols such as AAPL,BRK.B');
  return [...new Set(symbols)];
}

function cashOf(text: string): bigint {
  const cents = parseScaled(text, 2);
  if (cents === undefined || cents <= 0n) throw mistakes.badFlag('--cash', text, 'an amount in USD such as 100000');
  return (cents * FEMTOS_PER_USD) / 100n;
}
