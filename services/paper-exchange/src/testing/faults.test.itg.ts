import { get } from 'node:http';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '@papergate/service-kit/testing';
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
  const px = running;
  await px.sim('POST', '/sim/ticks', [
    { symbol: 'AAPL', bid: 99, ask: 101, bid_size: 100, ask_size: 100 },
    { symbol: 'MSFT', bid: 99, ask: 101, bid_size: 100, ask_size: 100 },
  ]);
  const alpaca = officialClient(px);
  const fault = async (body: object) => ((await px.sim('POST', '/sim/faults', body)) as { id: string }).id;
  const buy = (symbol = 'AAPL', clientOrderId = 'c') =>
    alpaca.trading.orders.market({ symbol, qty: 10, side: 'buy', clientOrderId });
  return { px, alpaca, fault, buy };
}

async function listen(px: RunningExchange) {
  const stream = officialClient(px).trading.stream({ url: px.tradingStreamUrl, reconnect: false });
  cleanups.push(() => stream.disconnect());
  const events: string[] = [];
  let listening = false;
  let lost = false;
  stream.onTradeUpdate(({ event }) => events.push(event));
  stream.onDisconnect(() => (lost = true));
  stream.on('subscription', () => (listening = true));
  stream.subscribeTradeUpdates();
  stream.connect();
  await until('the listening', () => listening);
  return { events, lost: () => lost };
}

describe('faults of REST, seen by Alpaca’s client', () => {
  test('a lost answer: the client fails, the order went through and is found by its client_order_id', async () => {
    const { alpaca, fault, buy } = await open();
    await fault({ kind: 'lost_answer', match: { method: 'POST', path: '/v2/orders' } });
    // No answer at all: not an error of the API with a status.
    const failure: unknown = await buy().catch((error: unknown) => error);
    expect(failure).not.toHaveProperty('status');
    expect(String(failure)).toMatch(/fetch failed|request failed/);
    expect(await alpaca.trading.orders.getOrderByClientOrderId({ clientOrderId: 'c' })).toMatchObject({
      status: 'filled',
    });
    await expect(buy('AAPL', 'd')).resolves.toMatchObject({ status: 'pending_new' });
  });

  test('an answer that refuses is not lost', async () => {
    const { fault, buy } = await open();
    await fault({ kind: 'lost_answer' });
    await expect(buy('NOPE')).rejects.toMatchObject({ status: 422 });
  });

  test('a delay holds the answer back by so much', async () => {
    const { fault, buy } = await open();
    await fault({ kind: 'delay', ms: 120, match: { symbol: 'AAPL' } });
    const begun = performance.now();
    await buy('MSFT', 'other');
    await buy();
    expect(performance.now() - begun).toBeGreaterThan(115);
  });

  test('a status comes before the request is carried out', async () => {
    const { px, fault, buy } = await open();
    await fault({ kind: 'status', status: 500, match: { path: '/v2/orders' } });
    await fault({ kind: 'status', status: 429, match: { path: '/v2/orders' } });
    await fault({ kind: 'status', status: 503, match: { path: '/v2/orders' } });
    await expect(buy()).rejects.toMatchObject({ status: 500, code: 50010000 });
    await expect(buy()).rejects.toMatchObject({ name: 'RateLimitError', status: 429, retryAfterMs: 1000 });
    await expect(buy()).rejects.toMatchObject({ status: 503 });
    expect(px.exchange.store.size).toBe(0);
    await buy();
  });

  test('a partial fill: part at once, the rest with the next quote', async () => {
    const { px, alpaca, fault, buy } = await open();
    await fault({ kind: 'partial_fill', fraction: 0.35, match: { symbol: 'AAPL' } });
    const { id } = await buy();
    const order = () => alpaca.trading.orders.getOrderByOrderID({ orderId: String(id) });
    expect(await order()).toMatchObject({ status: 'partially_filled', filledQty: '3' });
    await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', bid: 99, ask: 101 });
    expect(await order()).toMatchObject({ status: 'filled', filledQty: '10' });
  });
});

describe('faults of the stream, seen by Alpaca’s client', () => {
  test.each<[string, object, string[]]>([
    ['a dropped event is missing', { kind: 'drop_event', match: { event: 'new' } }, ['pending_new', 'fill']],
    [
      'a doubled event comes twice',
      { kind: 'duplicate_event', match: { event: 'fill' } },
      ['pending_new', 'new', 'fill', 'fill'],
    ],
    [
      'a reordered event comes after its successor',
      { kind: 'reorder_event', match: { event: 'new' } },
      ['pending_new', 'fill', 'new'],
    ],
    [
      'a late event comes after all',
      { kind: 'delay', ms: 30, match: { event: 'pending_new' } },
      ['new', 'fill', 'pending_new'],
    ],
  ])('%s', async (_what, body, expected) => {
    const { px, fault, buy } = await open();
    const { events } = await listen(px);
    await fault(body);
    await buy();
    await until('the events', () => events.length >= expected.length);
    expect(events).toEqual(expected);
  });

  test('a cut upon an event is the last that is heard', async () => {
    const { px, fault, buy } = await open();
    const { events, lost } = await listen(px);
    await fault({ kind: 'disconnect', match: { event: 'new' } });
    await buy();
    await until('the cut', lost);
    expect(events).not.toContain('fill');
  });

  test('a cut of the data stream leaves the trading stream alone', async () => {
    const { px, fault } = await open();
    const { lost } = await listen(px);
    const data = officialClient(px).marketData.stockStream({ url: px.dataUrl, reconnect: false });
    cleanups.push(() => data.disconnect());
    let dataLost = false;
    data.onDisconnect(() => (dataLost = true));
    data.connect();
    expect(await data.waitForAuthentication(5000)).toBe(true);
    await fault({ kind: 'disconnect', match: { path: '/v2/iex' } });
    await until('the cut', () => dataLost);
    expect(lost()).toBe(false);
  });
});

describe('the controls', () => {
  test('answer to this machine by its own name alone, and to no page of another origin', async () => {
    const { px } = await open();
    const ask = (headers: Record<string, string>) =>
      new Promise((resolve, reject) => {
        get(`${px.url}/sim/status`, { headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).on('error', reject);
      });
    expect(await ask({})).toBe(200);
    expect(await ask({ host: 'rebound.example' })).toBe(403);
    expect(await ask({ origin: 'http://evil.example' })).toBe(403);
    expect(await ask({ origin: px.url })).toBe(200);
  });

  test('faults are listed and taken away', async () => {
    const { px, fault, buy } = await open();
    const id = await fault({ kind: 'status', times: null });
    await fault({ kind: 'delay', ms: 5 });
    expect(await px.sim('GET', '/sim/faults')).toMatchObject([{ id, kind: 'status', times: null }, { kind: 'delay' }]);
    await px.sim('DELETE', `/sim/faults/${id}`);
    await expect(px.sim('DELETE', `/sim/faults/${id}`)).rejects.toThrow('404');
    await buy();
    await px.sim('DELETE', '/sim/faults');
    expect(await px.sim('GET', '/sim/faults')).toEqual([]);
    await expect(px.sim('POST', '/sim/faults', { kind: 'nope' })).rejects.toThrow('400 {"code":"FAULT_INVALID"');
  });

  test('the ledger is read back page by page', async () => {
    const { px, buy } = await open();
    await buy();
    await buy('NOPE').catch(() => undefined);
    const all = (await px.sim('GET', '/sim/ledger')) as { size: number; entries: { seq: number; kind: string }[] };
    expect(all.entries.map(({ kind }) => kind)).toEqual(['order', 'event', 'event', 'fill', 'refusal']);
    expect(await px.sim('GET', '/sim/ledger?after=2&limit=2')).toEqual({ size: 5, entries: all.entries.slice(2, 4) });
    await expect(px.sim('GET', '/sim/ledger?limit=0')).rejects.toThrow('limit is \\"0\\", allowed');
  });

  test('a reset leaves nothing of orders, positions, faults and ledger, and the market as it is', async () => {
    const { px, alpaca, fault, buy } = await open();
    await buy();
    await alpaca.trading.orders.limit({ symbol: 'AAPL', qty: 1, side: 'buy', limitPrice: 90 });
    await fault({ kind: 'status', times: null, match: { path: '/nowhere' } });
    await px.sim('POST', '/sim/reset');
    expect(await alpaca.trading.orders.getAllOrders({ status: 'all' })).toEqual([]);
    expect(await alpaca.trading.positions.getAllOpenPositions()).toEqual([]);
    expect(await alpaca.trading.account.getAccount()).toMatchObject({ cash: '100000' });
    expect(await px.sim('GET', '/sim/status')).toMatchObject({ orders: { total: 0, open: 0 }, ledger: 0 });
    await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', bid: 80, ask: 81 });
    expect(px.exchange.account.positions.size).toBe(0);
    await buy();
  });

  test('a replay cannot be started where there is none, ticks that are wrong are named', async () => {
    const { px } = await open();
    await expect(px.sim('POST', '/sim/replay/start')).rejects.toThrow('409 {"code":"NO_REPLAY"');
    await expect(px.sim('POST', '/sim/ticks', { symbol: 'AAPL' })).rejects.toThrow('400 {"code":"TICK_INVALID"');
  });
});
