import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Secret } from '@papergate/config';
import { buildApp } from '../app.ts';
import { EventClock, wallClock, type SimClock } from '../clock/clock.ts';
import { hoursOf } from '../clock/hours.ts';
import { buildExchange, type Exchange, type ExchangeOptions } from '../exchange.ts';
import type { ReplayWindow } from '../market/replay.ts';
import { openReplay, randomSource, replaySource } from '../sources.ts';
import { FEMTOS_PER_USD } from '../units/amounts.ts';

export interface StartOptions extends Partial<
  Pick<ExchangeOptions, 'multiplier' | 'rateLimit' | 'nowMs' | 'seed' | 'connectionLimit' | 'symbolLimit'>
> {
  refusedFeeds?: readonly string[];
  authTimeoutMs?: number;
  slowClientBytes?: number;
  symbols?: readonly string[];
  /** Whole US dollars. */
  startingCash?: number;
  hours?: 'always' | 'regular';
  /** Default: the wall clock for the synthetic market, a standing clock otherwise. */
  clock?: SimClock;
  /** `none`: the market is what the test posts or publishes. Default `none`. */
  source?: 'none' | 'synthetic' | 'replay';
  ticksPerSecond?: number;
  replay?: { paths: readonly string[]; autostart?: boolean } & Partial<ReplayWindow>;
}

export interface RunningExchange {
  url: string;
  tradingStreamUrl: string;
  dataUrl: string;
  key: string;
  secret: string;
  exchange: Exchange;
  /** Calls a control; throws where the answer is no success. */
  sim(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** A Monday in 2024, 10:00 in New York: what a standing clock begins at. */
export const STANDING_START = Date.parse('2024-06-03T14:00:00Z') * 1000;

export async function startExchange(options: StartOptions = {}): Promise<RunningExchange> {
  const { source = 'none', symbols = ['AAPL', 'MSFT', 'SPY'], seed = 1, ticksPerSecond = 100 } = options;
  const key = `PK${randomBytes(12).toString('hex').toUpperCase().slice(0, 18)}`;
  const secret = randomBytes(20).toString('hex');
  const replay = source === 'replay' ? await openReplay(options.replay?.paths ?? []) : undefined;
  const standing = source === 'synthetic' ? wallClock() : new EventClock(STANDING_START);
  const exchange = buildExchange({
    ...options,
    key: new Secret(key),
    secret: new Secret(secret),
    clock: options.clock ?? replay?.clock ?? standing,
    hours: hoursOf(options.hours ?? 'always'),
    symbols: replay?.symbols ?? symbols,
    startingCash: BigInt(options.startingCash ?? 100_000) * FEMTOS_PER_USD,
    seed,
    heartbeatMs: 20,
  });
  if (source === 'synthetic') exchange.use(randomSource(exchange, { symbols, seed, ticksPerSecond }));
  if (replay !== undefined) {
    const { speed = 0, autostart = true, from, to } = options.replay ?? {};
    const window = { speed, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    exchange.use(replaySource(exchange, { files: replay.files, autostart, ...window }));
  }

  const app = await buildApp(exchange);
  await app.listen({ host: '127.0.0.1', port: 0 });
  await exchange.start();
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    tradingStreamUrl: `ws://127.0.0.1:${port}/stream`,
    dataUrl: `ws://127.0.0.1:${port}/v2/iex`,
    key,
    secret,
    exchange,
    async sim(method, path, body) {
      const answer = await fetch(`${url}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const found: unknown = await answer.json();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(found)}`);
      return found;
    },
    async close() {
      await exchange.stop();
      await app.close();
    },
  };
}
