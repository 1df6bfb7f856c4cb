import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { decode, encode } from '@msgpack/msgpack';
import { until } from '@papergate/service-kit/testing';
import WebSocket from 'ws';
import { officialClient } from './official-client.ts';
import { startExchange, type RunningExchange, type StartOptions } from './start-exchange.ts';

jest.setTimeout(60_000);

type Json = Record<string, unknown>;

let running: RunningExchange | undefined;
const cleanups: (() => void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await running?.close();
  running = undefined;
});

async function client(options: StartOptions = {}) {
  running ??= await startExchange(options);
  const px = running;
  const stream = officialClient(px).marketData.stockStream({ url: px.dataUrl, reconnect: false });
  cleanups.push(() => stream.disconnect());
  const seen: Json[] = [];
  const errors: string[] = [];
  const subscriptions: Json[] = [];
  stream.onTrade((trade) => seen.push({ kind: 't', ...trade }));
  stream.onQuote((quote) => seen.push({ kind: 'q', ...quote }));
  stream.onBar((bar) => seen.push({ kind: 'b', ...bar }));
  stream.onDailyBar((bar) => seen.push({ kind: 'd', ...bar }));
  stream.onError((error) => errors.push(error));
  stream.on('subscription', (subscribed: Json) => subscriptions.push(subscribed));
  stream.connect();
  return { px, stream, seen, errors, subscriptions };
}

describe('the data stream, through Alpaca’s client', () => {
  test('trades and quotes arrive with all their fields, to the microsecond', async () => {
    const { px, stream, seen, subscriptions } = await client();
    stream.subscribeForTrades(['AAPL']);
    stream.subscribeForQuotes(['*']);
    expect(await stream.waitForAuthentication(5000)).toBe(true);
    await until('the subscription', () => subscriptions.length > 0);
    await px.sim('POST', '/sim/ticks', [
      { symbol: 'AAPL', price: 100.5, size: 7, timestamp: '2024-06-03T14:00:00.123456Z' },
      { symbol: 'MSFT', price: 50 },
      { symbol: 'MSFT', bid: 49.99, bid_size: 200, ask: 50.01, ask_size: 300.5 },
    ]);
    await until('both', () => seen.length === 2);
    expect(seen[0]).toMatchObject({
      kind: 't',
      symbol: 'AAPL',
      id: 1,
      price: 100.5,
      size: 7,
      exchange: 'V',
      conditions: ['@'],
      tape: 'B',
      timestampRaw: '2024-06-03T14:00:00.123456000Z',
    });
    expect(seen[1]).toMatchObject({
      kind: 'q',
      symbol: 'MSFT',
      bidPrice: 49.99,
      bidSize: 200,
      askPrice: 50.01,
      askSize: 300.5,
    });
  });

  test('unsubscribing ends it; the answer lists what is left', async () => {
    const { px, stream, seen, subscriptions } = await client();
    stream.subscribeForTrades(['AAPL', 'MSFT']);
    await until('the subscription', () => subscriptions.length === 1);
    stream.unsubscribeFromTrades(['AAPL']);
    await until('the other', () => subscriptions.length === 2);
    expect(subscriptions[1]).toMatchObject({ trades: ['MSFT'] });
    await px.sim('POST', '/sim/ticks', [
      { symbol: 'AAPL', price: 1 },
      { symbol: 'MSFT', price: 2 },
    ]);
    await until('a trade', () => seen.length > 0);
    expect(seen).toMatchObject([{ symbol: 'MSFT' }]);
  });

  test('minute and day bars come from the trades', async () => {
    const { px, stream, seen, subscriptions } = await client();
    stream.subscribeForBars(['AAPL']);
    stream.subscribeForDailyBars(['AAPL']);
    await until('the subscriptions', () => String(subscriptions.at(-1)?.['dailyBars']) === 'AAPL');
    const at = (time: string, price: number, size: number) => ({
      symbol: 'AAPL',
      price,
      size,
      timestamp: `2024-06-03T14:${time}Z`,
    });
    await px.sim('POST', '/sim/ticks', [
      at('00:01', 10, 1),
      at('00:30', 12, 2),
      at('00:59', 9, 1),
      at('01:00', 11, 4),
      at('02:00', 11, 1),
    ]);
    await until('two of each', () => seen.length === 4);
    expect(seen).toMatchObject([
      {
        kind: 'b',
        open: 10,
        high: 12,
        low: 9,
        close: 9,
        volume: 4,
        tradeCount: 3,
        vwap: 10.75,
        timestamp: new Date('2024-06-03T14:00:00Z'),
      },
      { kind: 'd', open: 10, close: 9, volume: 4, timestamp: new Date('2024-06-03T04:00:00Z') },
      { kind: 'b', open: 11, high: 11, low: 11, close: 11, volume: 4, tradeCount: 1 },
      { kind: 'd', open: 10, high: 12, low: 9, close: 11, volume: 8, tradeCount: 4 },
    ]);
  });

  test('wrong keys are refused for good', async () => {
    const { px } = await client();
    const stream = officialClient(px, { keyId: 'PKWRONG' }).marketData.stockStream({ url: px.dataUrl });
    cleanups.push(() => stream.disconnect());
    stream.connect();
    expect(await stream.whenAuthenticated()).toMatchObject({ authenticated: false, code: 402 });
  });

  test('a second connection to a feed is one too many; another feed has its own', async () => {
    const { px, stream } = await client();
    expect(await stream.waitForAuthentication(5000)).toBe(true);
    const second = await client();
    await until('the refusal', () => second.errors.length > 0);
    expect(second.errors).toEqual(['connection limit exceeded']);
    const sip = officialClient(px).marketData.stockStream({
      url: px.dataUrl.replace('/iex', '/sip'),
      reconnect: false,
    });
    cleanups.push(() => sip.disconnect());
    sip.connect();
    expect(await sip.waitForAuthentication(5000)).toBe(true);
  });

  test('status counts exactly what was sent, by symbol and kind', async () => {
    const { px, stream, seen, subscriptions } = await client();
    stream.subscribeForTrades(['AAPL']);
    stream.subscribeForQuotes(['AAPL']);
    await until('the subscription', () => subscriptions.length > 0);
    const trades = Array.from({ length: 1500 }, (_, index) => ({
      symbol: 'AAPL',
      price: 100 + index / 100,
      size: index,
    }));
    await px.sim('POST', '/sim/ticks', [...trades, { symbol: 'MSFT', price: 5 }, { symbol: 'AAPL', bid: 1, ask: 2 }]);
    await until('all of them', () => seen.length === 1501);
    expect(await px.sim('GET', '/sim/status')).toMatchObject({
      source: 'none',
      sent: {
        total: 1501,
        trades: 1500,
        quotes: 1,
        by_symbol: {
          AAPL: {
            trades: {
              count: 1500,
              price_sum: String(trades.reduce((sum, { price }) => sum + Math.round(price * 1e6), 0)),
              size_sum: String(trades.reduce((sum, { size }) => sum + size, 0)),
            },
            quotes: { count: 1, price_sum: '3000000', size_sum: '200' },
          },
        },
      },
      data_clients: [{ feed: 'iex', codec: 'msgpack', authenticated: true, sent: 1501 }],
    });
    expect(seen.filter(({ kind }) => kind === 't').map(({ size }) => size)).toEqual(trades.map(({ size }) => size));
  });
});

describe('the data stream’s protocol', () => {
  async function raw(options: StartOptions & { headers?: Record<string, string>; feed?: string } = {}) {
    running ??= await startExchange(options);
    const px = running;
    const url = px.dataUrl.replace('/iex', `/${options.feed ?? 'iex'}`);
    const socket = new WebSocket(url, { headers: options.headers ?? {} });
    cleanups.push(() => socket.terminate());
    const frames: { data: Buffer; isBinary: boolean }[] = [];
    let closed = false;
    socket.on('message', (data, isBinary) => frames.push({ data: data as Buffer, isBinary }));
    socket.on('close', () => (closed = true));
    const read = (frame: { data: Buffer; isBinary: boolean } | undefined): Json[] => {
      if (frame === undefined) return [];
      return (frame.isBinary ? decode(frame.data) : JSON.parse(frame.data.toString())) as Json[];
    };
    const next = async (): Promise<Json[]> => {
      await until('a frame', () => frames.length > 0);
      return read(frames.shift());
    };
    const last = (): Json[] => read(frames.at(-1));
    const send = (message: Json) => socket.send(JSON.stringify(message));
    expect(await next()).toEqual([{ T: 'success', msg: 'connected' }]);
    return {
      px,
      socket,
      next,
      last,
      send,
      auth: () => send({ action: 'auth', key: px.key, secret: px.secret }),
      closed: () => closed,
    };
  }
  const error = (code: number, msg: string) => [{ T: 'error', code, msg }];

  test('JSON clients get JSON in text frames', async () => {
    const { px, next, send, auth } = await raw();
    auth();
    expect(await next()).toEqual([{ T: 'success', msg: 'authenticated' }]);
    send({ action: 'subscribe', trades: ['AAPL'], bars: ['MSFT'] });
    expect(await next()).toEqual([
      {
        T: 'subscription',
        trades: ['AAPL'],
        quotes: [],
        bars: ['MSFT'],
        updatedBars: [],
        dailyBars: [],
        statuses: [],
        lulds: [],
        imbalances: [],
        corrections: ['AAPL'],
        cancelErrors: ['AAPL'],
      },
    ]);
    await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', price: 100, size: 5, timestamp: '2024-06-03T14:00:00.5Z' });
    expect(await next()).toEqual([
      { T: 't', S: 'AAPL', i: 1, x: 'V', p: 100, s: 5, c: ['@'], z: 'B', t: '2024-06-03T14:00:00.500000Z' },
    ]);
  });

  test('headers authenticate as well', async () => {
    running = await startExchange();
    const { next } = await raw({ headers: { 'APCA-API-KEY-ID': running.key, 'APCA-API-SECRET-KEY': running.secret } });
    expect(await next()).toEqual([{ T: 'success', msg: 'authenticated' }]);
  });

  test('every error of the protocol has its code', async () => {
    const { next, send, auth, socket } = await raw({ symbolLimit: 2 });
    socket.send('{');
    expect(await next()).toEqual(error(400, 'invalid syntax'));
    send({ action: 'dance' });
    expect(await next()).toEqual(error(400, 'invalid syntax'));
    send({ action: 'subscribe', trades: ['AAPL'] });
    expect(await next()).toEqual(error(401, 'not authenticated'));
    auth();
    expect(await next()).toEqual([{ T: 'success', msg: 'authenticated' }]);
    auth();
    expect(await next()).toEqual(error(403, 'already authenticated'));
    send({ action: 'subscribe', trades: 'AAPL' });
    expect(await next()).toEqual(error(400, 'invalid syntax'));
    send({ action: 'subscribe', trades: ['A', 'B', 'C'] });
    expect(await next()).toEqual(error(405, 'symbol limit exceeded'));
    send({ action: 'subscribe', orderbooks: ['A'] });
    expect(await next()).toEqual(error(410, 'invalid subscribe action for this feed'));
  });

  test('who does not authenticate in time is shown out', async () => {
    const { next, closed } = await raw({ authTimeoutMs: 30 });
    expect(await next()).toEqual(error(404, 'auth timeout'));
    await until('the close', closed);
  });

  test('a feed that the key has no subscription for is refused', async () => {
    const { next, auth, closed } = await raw({ refusedFeeds: ['sip'], feed: 'sip' });
    auth();
    expect(await next()).toEqual(error(409, 'insufficient subscription'));
    await until('the close', closed);
  });

  test('a client that does not read is told that it is slow, and dropped', async () => {
    const { px, next, auth, send, closed, last, socket } = await raw({ slowClientBytes: 200_000 });
    auth();
    await next();
    send({ action: 'subscribe', trades: ['*'] });
    await next();
    socket.pause();
    const ticks = Array.from({ length: 20_000 }, () => ({ symbol: 'AAPL', price: 100 }));
    const sent = () => px.exchange.data.clients()[0]?.['sent'];
    await until('the drop', async () => {
      const before = sent();
      await px.sim('POST', '/sim/ticks', ticks);
      return sent() === before;
    });
    socket.resume();
    await until('the close', closed);
    await until('its removal', () => px.exchange.data.clients().length === 0);
    expect(last()).toEqual(error(407, 'slow client'));
  });

  test('msgpack clients may send msgpack', async () => {
    const { px, socket, next } = await raw({ headers: { 'content-type': 'application/msgpack' } });
    socket.send(encode({ action: 'auth', key: px.key, secret: px.secret }));
    expect(await next()).toEqual([{ T: 'success', msg: 'authenticated' }]);
  });
});
