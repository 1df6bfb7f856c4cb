import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { until } from '@papergate/service-kit/testing';
import { startTestBundle, type TestBundle } from '../testing/bundle.ts';

// Generous: two cores that others use as well must not make a test fail.
jest.setTimeout(60_000);

interface Message {
  type: string;
  n?: number;
  code?: string;
  symbols?: string[];
}

let bundle: TestBundle;
let url: string;
const open: WebSocket[] = [];

beforeEach(async () => {
  bundle = await startTestBundle();
  url = (await bundle.service.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await bundle.close();
});

async function view(): Promise<{ send: (message: unknown) => void; messages: Message[]; socket: WebSocket }> {
  const socket = new WebSocket(`${url}/ws/market_data`);
  open.push(socket);
  const messages: Message[] = [];
  socket.on('message', (data: Buffer) => {
    const parsed = JSON.parse(data.toString('utf8')) as Message | Message[];
    messages.push(...(Array.isArray(parsed) ? parsed : [parsed]));
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    socket,
    messages,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
  };
}

const tick = (n: number, s = 'AAPL') => ({
  n,
  s,
  k: 't',
  t: Date.now() * 1000,
  r: Date.now() * 1000,
  p: 167_410_000,
  v: 5,
});

describe('WS /ws/market_data', () => {
  test('answers ping, subscribes, and brings ticks from the bus', async () => {
    const viewer = await view();
    viewer.send({ action: 'ping' });
    viewer.send({ action: 'subscribe', symbols: ['MSFT', 'AAPL'] });
    await until('both answers', () => viewer.messages.length === 2);
    expect(viewer.messages).toEqual([{ type: 'pong' }, { type: 'subscribed', symbols: ['AAPL', 'MSFT'] }]);
    await bundle.bus.publish('tick', [tick(1), tick(2, 'SPY'), tick(3, 'MSFT')]);
    await until('two ticks', () => viewer.messages.length === 4);
    expect(viewer.messages.slice(2).map(({ n }) => n)).toEqual([1, 3]);
    viewer.send({ action: 'unsubscribe', symbols: ['AAPL', 'MSFT'] });
    await until('the answer', () => viewer.messages.length === 5);
    expect(viewer.messages[4]).toEqual({ type: 'subscribed', symbols: [] });
  });

  test.each([
    'nonsense',
    '[]',
    '{"action":"fly"}',
    '{"action":"subscribe"}',
    '{"action":"subscribe","symbols":["aapl"]}',
  ])('answers %s with an error, and stays open', async (text) => {
    const viewer = await view();
    viewer.send(text);
    viewer.send({ action: 'ping' });
    await until('both answers', () => viewer.messages.length === 2);
    expect(viewer.messages).toMatchObject([{ type: 'error', code: 'BAD_MESSAGE' }, { type: 'pong' }]);
  });

  test('fifty viewers all get every tick of a burst', async () => {
    const viewers = await Promise.all(Array.from({ length: 50 }, view));
    for (const viewer of viewers) viewer.send({ action: 'subscribe', symbols: ['*'] });
    await until('all to be subscribed', () => viewers.every(({ messages }) => messages.length === 1));
    for (let batch = 0; batch < 20; batch += 1) {
      await bundle.bus.publish(
        'tick',
        Array.from({ length: 100 }, (_, at) => tick(batch * 100 + at + 1)),
      );
    }
    await until('100 000 deliveries', () => viewers.every(({ messages }) => messages.length === 2_001));
    for (const { messages } of viewers) {
      expect(messages.slice(1).map(({ n }) => n)).toEqual(Array.from({ length: 2_000 }, (_, at) => at + 1));
    }
  }, 30_000);

  test('a viewer that goes is forgotten', async () => {
    const { socket } = await view();
    const viewers = async () =>
      (await bundle.service.app.inject('/metrics')).payload.match(/^papergate_viewers\{.*\} (\d+)$/m)?.[1];
    await until('one viewer', async () => (await viewers()) === '1');
    socket.terminate();
    await until('none', async () => (await viewers()) === '0');
  });
});
