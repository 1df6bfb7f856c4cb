import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { decode, encode } from '@msgpack/msgpack';
import { until } from '@papergate/service-kit/testing';
import WebSocket from 'ws';
import { officialClient } from './official-client.ts';
import { startExchange, type RunningExchange } from './start-exchange.ts';

jest.setTimeout(60_000);

let running: RunningExchange | undefined;
const cleanups: (() => void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await running?.close();
  running = undefined;
});

async function open() {
  running = await startExchange();
  await running.sim('POST', '/sim/ticks', { symbol: 'AAPL', bid: 99, ask: 101, bid_size: 100, ask_size: 6 });
  const alpaca = officialClient(running);
  const stream = alpaca.trading.stream({
    url: running.tradingStreamUrl,
    initialReconnectMs: 10,
    maxReconnectAttempts: -1,
  });
  cleanups.push(() => stream.disconnect());
  const updates: Record<string, unknown>[] = [];
  let listening = 0;
  stream.onTradeUpdate((update) => updates.push(update));
  stream.on('subscription', () => (listening += 1));
  stream.subscribeTradeUpdates();
  stream.connect();
  expect(await stream.waitForAuthentication(5000)).toBe(true);
  await until('the listening', () => listening > 0);
  return { px: running, alpaca, stream, updates, listening: () => listening };
}

describe('trade updates, through Alpaca’s client', () => {
  test('an order’s whole life arrives, with price, quantity and position of each fill', async () => {
    const { px, alpaca, updates } = await open();
    const order = await alpaca.trading.orders.market({ symbol: 'AAPL', qty: 10, side: 'buy' });
    await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', bid: 99, ask: 102, bid_size: 100, ask_size: 100 });
    await until('the fill', () => updates.length === 4);
    expect(updates.map(({ event, price, qty, positionQty }) => [event, price, qty, positionQty])).toEqual([
      ['pending_new', undefined, undefined, undefined],
      ['new', undefined, undefined, undefined],
      ['partial_fill', '101', '6', '6'],
      ['fill', '102', '4', '10'],
    ]);
    expect(updates[3]).toMatchObject({
      order: { id: order.id, status: 'filled', filledQty: '10', filledAvgPrice: '101.4' },
      timestamp: expect.any(Date),
    });
    expect(new Set(updates.map(({ executionId }) => executionId)).size).toBe(4);
  });

  test('the client’s submitAndWait sees its order through', async () => {
    const { alpaca, stream } = await open();
    const done = await alpaca.trading.submitAndWait(
      { symbol: 'AAPL', side: 'buy', type: 'market', timeInForce: 'day', qty: '3' },
      { timeoutMs: 4000, stream },
    );
    expect(done).toMatchObject({ status: 'filled', filledQty: '3' });
  });

  test('wrong keys are refused for good', async () => {
    const { px } = await open();
    const stream = officialClient(px, { secret: 'wrong' }).trading.stream({ url: px.tradingStreamUrl });
    cleanups.push(() => stream.disconnect());
    stream.connect();
    expect(await stream.whenAuthenticated()).toMatchObject({ authenticated: false, status: 'server_rejected' });
  });

  test('after a cut the client comes back and hears what happens from then on', async () => {
    const { px, alpaca, updates, listening } = await open();
    await px.sim('POST', '/sim/faults', { kind: 'disconnect', match: { path: '/stream' } });
    await until('the second listening', () => listening() === 2);
    await alpaca.trading.orders.market({ symbol: 'AAPL', qty: 1, side: 'buy' });
    await until('the fill', () => updates.some(({ event }) => event === 'fill'));
  });
});

describe('the trading stream’s protocol', () => {
  async function raw(headers: Record<string, string> = {}) {
    running = await startExchange();
    const socket = new WebSocket(running.tradingStreamUrl, { headers });
    cleanups.push(() => socket.terminate());
    const messages: { data: Buffer; isBinary: boolean }[] = [];
    socket.on('message', (data, isBinary) => messages.push({ data: data as Buffer, isBinary }));
    await new Promise((resolve) => socket.once('open', resolve));
    const next = async (): Promise<{ data: Buffer; isBinary: boolean }> => {
      await until('a message', () => messages.length > 0);
      return messages.shift() as { data: Buffer; isBinary: boolean };
    };
    return { px: running, socket, next };
  }

  test('answers come as JSON in binary frames, as on the paper host', async () => {
    const { px, socket, next } = await raw();
    socket.send(JSON.stringify({ action: 'listen', data: { streams: ['trade_updates'] } }));
    const refused = await next();
    expect(refused.isBinary).toBe(true);
    expect(JSON.parse(refused.data.toString())).toEqual({
      stream: 'authorization',
      data: { status: 'unauthorized', action: 'listen' },
    });
    socket.send(JSON.stringify({ action: 'auth', key: px.key, secret: px.secret }));
    expect(JSON.parse((await next()).data.toString())).toEqual({
      stream: 'authorization',
      data: { status: 'authorized', action: 'authenticate' },
    });
    socket.send(JSON.stringify({ action: 'listen', data: { streams: ['trade_updates', 'unheard'] } }));
    expect(JSON.parse((await next()).data.toString())).toEqual({
      stream: 'listening',
      data: { streams: ['trade_updates'] },
    });
    socket.send(JSON.stringify({ action: 'listen', data: { streams: [] } }));
    expect(JSON.parse((await next()).data.toString())).toEqual({ stream: 'listening', data: { streams: [] } });
    socket.send('nonsense');
    expect(JSON.parse((await next()).data.toString())).toMatchObject({ stream: 'error' });
    socket.send(JSON.stringify({ action: 'dance' }));
    expect(JSON.parse((await next()).data.toString())).toMatchObject({ stream: 'error' });
  });

  test('who has not asked to listen hears nothing, while another does', async () => {
    const { px, socket, next } = await raw();
    socket.send(JSON.stringify({ action: 'auth', key: px.key, secret: px.secret }));
    await next();
    const other = officialClient(px).trading.stream({ url: px.tradingStreamUrl, reconnect: false });
    cleanups.push(() => other.disconnect());
    const heard: string[] = [];
    other.onTradeUpdate(({ event }) => heard.push(event));
    other.subscribeTradeUpdates();
    other.connect();
    await until('the listening', () => px.exchange.updates.listening === 1);
    await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', bid: 99, ask: 101 });
    await officialClient(px).trading.orders.market({ symbol: 'AAPL', qty: 1, side: 'buy' });
    await until('the fill', () => heard.includes('fill'));
    socket.send(JSON.stringify({ action: 'listen', data: { streams: [] } }));
    expect(JSON.parse((await next()).data.toString())).toMatchObject({ stream: 'listening' });
  });

  test('a client that says msgpack gets msgpack', async () => {
    const { px, socket, next } = await raw({ 'content-type': 'application/msgpack' });
    socket.send(encode({ action: 'authenticate', data: { key_id: px.key, secret_key: px.secret } }));
    expect(decode((await next()).data)).toEqual({
      stream: 'authorization',
      data: { status: 'authorized', action: 'authenticate' },
    });
  });
});
