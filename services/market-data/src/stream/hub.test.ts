import { describe, expect, test } from '@jest/globals';
import type { Tick } from '@papergate/service-kit';
import { MAX_MESSAGE_BYTES } from './protocol.ts';
import { StreamHub, type StreamSocket } from './hub.ts';

/** A socket in memory: what was sent, and a reader that may be slow. */
class FakeSocket implements StreamSocket {
  bufferedAmount = 0;
  readyState = 1;
  sent: (string | Buffer)[] = [];
  closed: [number, string] | undefined;
  terminated = false;
  pings = 0;
  readonly #listeners = new Map<string, ((...args: never[]) => void)[]>();

  on(event: string, listener: (...args: never[]) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }
  emit(event: string, ...args: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...(args as never[]));
  }
  send(data: string | Buffer): void {
    this.sent.push(data);
  }
  ping(): void {
    this.pings += 1;
  }
  close(code: number, reason: string): void {
    this.closed = [code, reason];
    this.end();
  }
  terminate(): void {
    this.terminated = true;
    this.end();
  }
  end(): void {
    this.readyState = 3;
    this.emit('close');
  }
  say(message: unknown): void {
    this.emit('message', Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), false);
  }
  /** Everything heard since the last look. */
  heard(): unknown[] {
    return this.sent.splice(0).map((data) => JSON.parse(String(data)) as unknown);
  }
}

function hub(options: { maxClients?: number; maxBufferedBytes?: number } = {}) {
  let dropped = 0;
  const under = new StreamHub({
    symbols: ['AAPL', 'MSFT', 'SPY'],
    onDropped: (ticks) => (dropped += ticks),
    ...options,
  });
  const join = (...symbols: string[]): FakeSocket => {
    const socket = new FakeSocket();
    under.add(socket);
    if (symbols.length > 0) socket.say({ action: 'subscribe', symbols });
    socket.heard();
    return socket;
  };
  return { under, join, dropped: () => dropped };
}

const tick = (n: number, s: string): Tick => ({ n, s, k: 't', t: 1_381_152_600_000_000, r: 0, p: 167_410_000, v: 100 });
const shown = (n: number, symbol: string) => ({
  type: 'tick',
  n,
  symbol,
  kind: 'trade',
  price: '167.41',
  size: 100,
  timestamp: '2013-10-07T13:30:00.000Z',
});

describe('what a client says', () => {
  test('subscriptions add up, are confirmed and can be taken back', () => {
    const { join } = hub();
    const socket = join();
    socket.say({ action: 'subscribe', symbols: ['SPY'] });
    socket.say({ action: 'subscribe', symbols: ['AAPL', 'SPY'] });
    socket.say({ action: 'unsubscribe', symbols: ['SPY'] });
    socket.say({ action: 'subscribe', symbols: ['*'] });
    socket.say({ action: 'unsubscribe', symbols: ['*'] });
    socket.say({ action: 'ping' });
    expect(socket.heard()).toEqual([
      { type: 'subscribed', symbols: ['SPY'] },
      { type: 'subscribed', symbols: ['AAPL', 'SPY'] },
      { type: 'subscribed', symbols: ['AAPL'] },
      { type: 'subscribed', symbols: ['*'] },
      { type: 'subscribed', symbols: [] },
      { type: 'pong' },
    ]);
  });

  test.each<[unknown, string, string]>([
    ['{', 'INVALID_MESSAGE', 'the message is not JSON: {'],
    ['[]', 'INVALID_MESSAGE', 'an object with "action"'],
    ['null', 'INVALID_MESSAGE', 'an object with "action"'],
    [{}, 'UNKNOWN_ACTION', 'action is missing, allowed: subscribe, unsubscribe, ping'],
    [{ action: 'sell' }, 'UNKNOWN_ACTION', 'action is "sell"'],
    [{ action: 'subscribe' }, 'INVALID_MESSAGE', 'symbols is missing'],
    [{ action: 'subscribe', symbols: 'AAPL' }, 'INVALID_MESSAGE', 'symbols is "AAPL"'],
    [{ action: 'subscribe', symbols: [] }, 'INVALID_MESSAGE', 'symbols is []'],
    [{ action: 'subscribe', symbols: [1] }, 'INVALID_MESSAGE', 'symbols is [1]'],
    [{ action: 'subscribe', symbols: ['AAPL', 'TSLA'] }, 'UNKNOWN_SYMBOL', 'no data for TSLA'],
  ])('%j is answered with %s', (message, code, text) => {
    const { join } = hub();
    const socket = join();
    socket.say(message);
    expect(socket.heard()).toEqual([{ type: 'error', code, message: expect.stringContaining(text) }]);
    socket.say({ action: 'ping' });
    expect(socket.heard()).toEqual([{ type: 'pong' }]);
  });

  test('a binary message is answered with an error', () => {
    const socket = hub().join();
    socket.emit('message', Buffer.from('{"action":"ping"}'), true);
    expect(socket.heard()).toEqual([{ type: 'error', code: 'INVALID_MESSAGE', message: expect.any(String) }]);
  });

  test('a message that is too large ends the connection, and so do twenty bad ones', () => {
    const { join, under } = hub();
    const large = join();
    large.say('x'.repeat(MAX_MESSAGE_BYTES + 1));
    expect(large.heard()).toMatchObject([{ type: 'error', code: 'TOO_LARGE' }]);
    expect(large.closed?.[0]).toBe(1009);
    const bad = join();
    for (let i = 0; i < 19; i += 1) bad.say('{');
    expect(bad.closed).toBeUndefined();
    bad.say('{');
    expect(bad.closed?.[0]).toBe(1008);
    expect(under.size).toBe(0);
  });

  test('one client too many is sent away with the reason', () => {
    const { join, under } = hub({ maxClients: 2 });
    join();
    const second = join();
    expect(join().closed?.[0]).toBe(1013);
    expect(under.size).toBe(2);
    second.end();
    expect(join().closed).toBeUndefined();
  });
});

describe('what a client gets', () => {
  test('the ticks of its symbols in order, one as an object and several as an array', () => {
    const { under, join } = hub();
    const all = join('*');
    const some = join('AAPL', 'SPY');
    const none = join();
    under.broadcast([tick(1, 'AAPL'), tick(2, 'MSFT'), tick(3, 'SPY')]);
    under.broadcast([tick(4, 'MSFT')]);
    expect(all.heard()).toEqual([[shown(1, 'AAPL'), shown(2, 'MSFT'), shown(3, 'SPY')], shown(4, 'MSFT')]);
    expect(some.heard()).toEqual([[shown(1, 'AAPL'), shown(3, 'SPY')]]);
    expect(none.heard()).toEqual([]);
  });

  test('clients with the same subscription share the very same frame', () => {
    const { under, join } = hub();
    const [one, other] = [join('AAPL', 'SPY'), join('SPY', 'AAPL')];
    under.broadcast([tick(1, 'AAPL'), tick(2, 'SPY')]);
    expect(one.sent).toHaveLength(1);
    expect(other.sent[0]).toBe(one.sent[0]);
  });

  test('a quote shows both sides and their sizes', () => {
    const { under, join } = hub();
    const all = join('*');
    under.broadcast([{ n: 1, s: 'SPY', k: 'q', t: 1, r: 0, b: 1_500_000, bs: 3, a: 1_510_000, as: 4 }]);
    expect(all.heard()).toEqual([
      {
        type: 'tick',
        n: 1,
        symbol: 'SPY',
        kind: 'quote',
        bid: '1.5',
        ask: '1.51',
        bid_size: 3,
        ask_size: 4,
        timestamp: '1970-01-01T00:00:00.000001Z',
      },
    ]);
  });

  test('a client that does not read loses ticks, is told how many, and the others lose none', () => {
    const { under, join, dropped } = hub({ maxBufferedBytes: 1000 });
    const slow = join('*');
    const good = join('*');
    slow.bufferedAmount = 1001;
    under.broadcast([tick(1, 'AAPL'), tick(2, 'SPY')]);
    under.broadcast([tick(3, 'AAPL')]);
    expect(slow.heard()).toEqual([]);
    expect(dropped()).toBe(3);
    slow.bufferedAmount = 0;
    under.broadcast([tick(4, 'AAPL')]);
    expect(slow.heard()).toEqual([{ type: 'gap', dropped: 3 }, shown(4, 'AAPL')]);
    expect(good.heard().flat()).toHaveLength(4);
  });

  test('a gap is told also when no further tick comes', () => {
    const { under, join } = hub({ maxBufferedBytes: 1000 });
    const slow = join('*');
    slow.bufferedAmount = 1001;
    under.broadcast([tick(1, 'AAPL')]);
    under.sweep();
    expect(slow.heard()).toEqual([]);
    slow.bufferedAmount = 0;
    under.sweep();
    under.sweep();
    expect(slow.heard()).toEqual([{ type: 'gap', dropped: 1 }]);
  });

  test('whoever asks on and on and reads nothing is cut off', () => {
    const { join } = hub({ maxBufferedBytes: 1000 });
    const greedy = join();
    greedy.bufferedAmount = 4001;
    greedy.say({ action: 'ping' });
    expect(greedy.terminated).toBe(true);
  });

  test('a client that answers no ping is cut off, one that does stays', () => {
    const { under, join } = hub();
    const [dead, live] = [join(), join()];
    under.checkAlive();
    live.emit('pong');
    under.checkAlive();
    expect([dead.terminated, live.terminated, live.pings]).toEqual([true, false, 2]);
  });

  test('who has gone gets nothing more', () => {
    const { under, join } = hub();
    const gone = join('*');
    gone.end();
    under.broadcast([tick(1, 'AAPL')]);
    expect(gone.heard()).toEqual([]);
  });
});
