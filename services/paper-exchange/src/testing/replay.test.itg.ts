import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { decode, encode } from '@msgpack/msgpack';
import { until } from '@papergate/service-kit/testing';
import WebSocket from 'ws';
import { MINUTE } from '../clock/new-york.ts';
import { parseTimeOfDay } from '../market/replay.ts';
import { makeLeanZip } from './lean-zip.ts';
import { officialClient } from './official-client.ts';
import { startExchange, type RunningExchange } from './start-exchange.ts';

jest.setTimeout(60_000);

type Json = Record<string, unknown>;

let running: RunningExchange | undefined;
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await running?.close();
  running = undefined;
});

type Counts = Map<string, { trades: number; quotes: number; tradePrices: number; quotePrices: number }>;

function countOf(counts: Counts, symbol: string) {
  let count = counts.get(symbol);
  if (count === undefined) counts.set(symbol, (count = { trades: 0, quotes: 0, tradePrices: 0, quotePrices: 0 }));
  return count;
}

const total = (counts: Counts): number =>
  [...counts.values()].reduce((sum, { trades, quotes }) => sum + trades + quotes, 0);

/** A reader that counts and sums what it gets, as whoever stores the ticks would, from the wire's bytes alone. */
async function reader(px: RunningExchange) {
  const socket = new WebSocket(px.dataUrl, { headers: { 'content-type': 'application/msgpack' } });
  cleanups.push(() => socket.terminate());
  const counts: Counts = new Map();
  let subscribed = false;
  let late = 0;
  let lastTime = 0;
  socket.on('message', (data) => {
    for (const message of decode(data as Buffer) as Json[]) {
      if (message['T'] === 'subscription') subscribed = true;
      if (message['T'] !== 't' && message['T'] !== 'q') continue;
      const count = countOf(counts, String(message['S']));
      const micros = (key: string) => Math.round(Number(message[key]) * 1e6);
      if (message['T'] === 't') {
        count.trades += 1;
        count.tradePrices += micros('p');
      } else {
        count.quotes += 1;
        count.quotePrices += micros('bp') + micros('ap');
      }
      const time = (message['t'] as Date).getTime();
      if (time < lastTime) late += 1;
      lastTime = time;
    }
  });
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(encode({ action: 'auth', key: px.key, secret: px.secret }));
  socket.send(encode({ action: 'subscribe', trades: ['*'], quotes: ['*'] }));
  await until('the subscription', () => subscribed);
  return { counts, late: () => late };
}

interface Status {
  finished: boolean;
  clock: { now: string };
  sent: { total: number; by_symbol: Record<string, Record<'trades' | 'quotes', { count: number; price_sum: string }>> };
}

async function finished(px: RunningExchange, timeoutMs: number): Promise<Status> {
  return until(
    'the end of the replay',
    async () => {
      const status = (await px.sim('GET', '/sim/status')) as Status;
      return status.finished ? status : undefined;
    },
    timeoutMs,
  );
}

function expectSame(counts: Counts, { sent }: Status): void {
  const got = [...counts].map(([symbol, { trades, quotes, tradePrices, quotePrices }]) => [
    symbol,
    {
      trades: { count: trades, price_sum: String(tradePrices) },
      quotes: { count: quotes, price_sum: String(quotePrices) },
    },
  ]);
  expect(sent.by_symbol).toMatchObject(Object.fromEntries(got));
  expect(Object.keys(sent.by_symbol)).toHaveLength(counts.size);
}

async function smallDay(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'px-day-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const trade = (index: number) => `${34_200_000 + index * 7},${1_000_000 + (index % 500) * 100},100,P,0,0`;
  const quote = (index: number) =>
    index % 2 === 0
      ? `${34_200_000 + index * 3},${999_000 + (index % 400) * 100},500,0,0,Q,1,0`
      : `${34_200_000 + index * 3},0,0,${1_001_000 + (index % 400) * 100},500,Q,1,0`;
  await writeFile(
    join(folder, 'aaa_20131007_trade.zip'),
    makeLeanZip(Array.from({ length: 20_000 }, (_, i) => trade(i))),
  );
  await writeFile(
    join(folder, 'aaa_20131007_quote.zip'),
    makeLeanZip(Array.from({ length: 40_000 }, (_, i) => quote(i))),
  );
  return folder;
}

describe('a replay over the wire', () => {
  test('begins when a client has subscribed, and every row arrives in order with its price', async () => {
    running = await startExchange({ source: 'replay', replay: { paths: [await smallDay()] } });
    expect(await running.sim('GET', '/sim/status')).toMatchObject({
      source: 'replay',
      running: false,
      waiting: 'subscriber',
      sent: { total: 0 },
    });
    const { counts, late } = await reader(running);
    const status = await finished(running, 30_000);
    expect(status.sent.total).toBe(60_000);
    await until('the last row', () => total(counts) === 60_000);
    expectSame(counts, status);
    expect(late()).toBe(0);
    expect(status.clock.now).toBe('2013-10-07T13:32:19.993000Z');
  });

  test('that waits starts by its control, within the window and at the speed that are asked for', async () => {
    running = await startExchange({ source: 'replay', replay: { paths: [await smallDay()], autostart: false } });
    const px = running;
    const { counts } = await reader(px);
    expect(await px.sim('GET', '/sim/status')).toMatchObject({ waiting: 'start' });
    await expect(px.sim('POST', '/sim/replay/start', { from: '9:30' })).rejects.toThrow(
      'from is \\"9:30\\", allowed: a time of day',
    );
    await expect(px.sim('POST', '/sim/replay/start', { from: '10:00', to: '09:00' })).rejects.toThrow(
      'to is \\"\\"09:00',
    );
    await expect(px.sim('POST', '/sim/replay/start', { speed: -1 })).rejects.toThrow('speed is \\"-1\\"');
    await px.sim('POST', '/sim/replay/start', { speed: 100, from: '09:30:00', to: '09:30:21' });
    await expect(px.sim('POST', '/sim/replay/start', {})).rejects.toThrow('409 {"code":"REPLAY_RUNNING"');
    const status = await finished(px, 30_000);
    expect(status.sent.total).toBe(10_000);
    await until('the last row', () => total(counts) === 10_000);
    expectSame(counts, status);
  });

  test('orders fill against the replayed market, stamped with its time', async () => {
    running = await startExchange({ source: 'replay', replay: { paths: [await smallDay()], autostart: false } });
    const px = running;
    const alpaca = officialClient(px);
    const { id } = await alpaca.trading.orders.market({ symbol: 'AAA', qty: 700, side: 'buy' });
    await reader(px);
    await px.sim('POST', '/sim/replay/start', {});
    await finished(px, 30_000);
    const order = await alpaca.trading.orders.getOrderByOrderID({ orderId: String(id) });
    // The first ask stands at the second quote, 3 ms after the open; the next one brings the rest.
    expect(order).toMatchObject({ status: 'filled', filledQty: '700', filledAt: new Date('2013-10-07T13:30:00.006Z') });
    const activities = await alpaca.trading.accountActivities.getAccountActivities({ direction: 'asc' });
    expect(activities.reduce((sum, { qty }) => sum + Number(qty), 0)).toBe(700);
  });
});

const REAL_DAY = fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const whenPresent = existsSync(REAL_DAY) ? describe : describe.skip;

whenPresent('a real day', () => {
  test('two million rows go through as fast as they are read, and none is lost', async () => {
    running = await startExchange({ source: 'replay', replay: { paths: [REAL_DAY] } });
    const px = running;
    const socket = new WebSocket(px.dataUrl, {
      headers: {
        'content-type': 'application/msgpack',
        'APCA-API-KEY-ID': px.key,
        'APCA-API-SECRET-KEY': px.secret,
      },
    });
    cleanups.push(() => socket.terminate());
    let rows = 0;
    // Frames of ticks begin with an array 16 and its length; control messages are shorter arrays.
    socket.on('message', (data: Buffer) => (rows += data[0] === 0xdc ? data.readUInt16BE(1) : 0));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(encode({ action: 'subscribe', trades: ['*'], quotes: ['*'] }));
    const { sent } = await finished(px, 120_000);
    await until('the last row', () => rows === sent.total);
    expect(
      Object.entries(sent.by_symbol).map(([symbol, { trades, quotes }]) => [symbol, trades.count, quotes.count]),
    ).toEqual([
      ['AIG', 25_351, 1_079_935],
      ['BAC', 88_172, 476_855],
      ['IBM', 24_293, 109_067],
      ['SPY', 250_601, 0],
    ]);
  }, 150_000);

  test('Alpaca’s client gets the busy minutes after the open, each price right', async () => {
    const from = parseTimeOfDay('from', '09:30');
    const window = { from, to: from + 2 * MINUTE };
    running = await startExchange({ source: 'replay', replay: { paths: [REAL_DAY], ...window } });
    const stream = officialClient(running).marketData.stockStream({ url: running.dataUrl, reconnect: false });
    cleanups.push(() => stream.disconnect());
    const counts: Counts = new Map();
    stream.onTrade(({ symbol, price }) => {
      const count = countOf(counts, symbol);
      count.trades += 1;
      count.tradePrices += Math.round(price * 1e6);
    });
    stream.onQuote(({ symbol, bidPrice, askPrice }) => {
      const count = countOf(counts, symbol);
      count.quotes += 1;
      count.quotePrices += Math.round(bidPrice * 1e6) + Math.round(askPrice * 1e6);
    });
    stream.subscribeForTrades(['*']);
    stream.subscribeForQuotes(['*']);
    stream.connect();
    const status = await finished(running, 120_000);
    await until('the last row', () => total(counts) === status.sent.total);
    expect(status.sent.total).toBeGreaterThan(10_000);
    expectSame(counts, status);
  }, 150_000);
});
