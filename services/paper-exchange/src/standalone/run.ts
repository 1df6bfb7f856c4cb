import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { ExternalError, messageOf, Secret } from '@papergate/config';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../app.ts';
import { wallClock } from '../clock/clock.ts';
import { hoursOf } from '../clock/hours.ts';
import { buildExchange } from '../exchange.ts';
import { openReplay, randomSource, replaySource } from '../sources.ts';
import type { Flags } from './flags.ts';

/** What a started exchange tells whoever started it. The key and secret are this run's alone. */
export interface Announcement {
  url: string;
  trading_stream_url: string;
  data_stream_url: string;
  key: string;
  secret: string;
  source: 'synthetic' | 'replay';
  symbols: string[];
}

export interface StandaloneExchange {
  announcement: Announcement;
  close(): Promise<void>;
}

/** A replay that breaks half-way is reported through `onFailure`; it cannot throw, it runs long after the start. */
export async function startStandalone(flags: Flags, onFailure: (error: unknown) => void): Promise<StandaloneExchange> {
  const replay = flags.replay.length > 0 ? await openReplay(flags.replay) : undefined;
  const key = `PK${randomKey(18)}`;
  const secret = randomBytes(20).toString('hex');
  const symbols = replay?.symbols ?? flags.symbols;
  const exchange = buildExchange({
    key: new Secret(key),
    secret: new Secret(secret),
    clock: replay?.clock ?? wallClock(),
    hours: hoursOf(flags.hours),
    symbols,
    startingCash: flags.cash,
    rateLimit: flags.rateLimit,
    seed: flags.seed,
    connectionLimit: flags.connections,
  });
  if (replay === undefined) exchange.use(randomSource(exchange, flags));
  else {
    const { speed, from, to } = flags;
    exchange.use(
      replaySource(exchange, {
        files: replay.files,
        speed,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        autostart: !flags.wait,
        onFailure,
      }),
    );
  }
  const app = await buildApp(exchange);
  const address = await listen(app, flags);
  await exchange.start();
  return {
    announcement: {
      url: `http://${address}`,
      trading_stream_url: `ws://${address}/stream`,
      data_stream_url: `ws://${address}/v2/iex`,
      key,
      secret,
      source: replay === undefined ? 'synthetic' : 'replay',
      symbols: [...symbols],
    },
    async close() {
      await exchange.stop();
      await app.close();
    },
  };
}

async function listen(app: FastifyInstance, { host, port }: Flags): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new ExternalError({
      code: inUse ? 'PORT_IN_USE' : 'LISTEN_FAILED',
      message: `the exchange cannot listen on ${host}:${port}: ${inUse ? 'another process holds the port' : messageOf(error)}`,
      fix: inUse ? 'give another port with --port, or --port 0 for a free one' : 'correct --host and --port',
      cause: error,
    });
  }
  const bound = (app.server.address() as AddressInfo).port;
  return `${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

/** Alpaca's alphabet of key ids. */
function randomKey(length: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return [...randomBytes(length)].map((byte) => letters[byte % letters.length]).join('');
}

/** The announcement as a person reads it. */
export function describe(announcement: Announcement): string {
  return [
    `Alpaca simulator on ${announcement.url} (${announcement.source}: ${announcement.symbols.join(', ')})`,
    '',
    `  REST            ${announcement.url}/v2`,
    `  trade updates   ${announcement.trading_stream_url}`,
    `  market data     ${announcement.data_stream_url}`,
    `  key             ${announcement.key}`,
    `  secret          ${announcement.secret}`,
    `  controls        ${announcement.url}/sim/status`,
    '',
    'Ctrl-C ends it.',
  ].join('\n');
}
