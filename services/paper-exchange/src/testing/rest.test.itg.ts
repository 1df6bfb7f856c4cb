import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Alpaca } from '@alpacahq/alpaca-trade-api';
import { EventClock } from '../clock/clock.ts';
import { officialClient } from './official-client.ts';
import { startExchange, type RunningExchange, type StartOptions } from './start-exchange.ts';

jest.setTimeout(60_000);

let running: RunningExchange | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function open(options: StartOptions = {}): Promise<{ px: RunningExchange; alpaca: Alpaca }> {
  running = await startExchange(options);
  await running.sim('POST', '/sim/ticks', [
    { symbol: 'AAPL', bid: 99, bid_size: 1000, ask: 101, ask_size: 1000 },
    { symbol: 'AAPL', price: 100, size: 100 },
    { symbol: 'MSFT', bid: 49, bid_size: 1000, ask: 50, ask_size: 1000 },
    { symbol: 'MSFT', price: 50, size: 100 },
  ]);
  return { px: running, alpaca: officialClient(running) };
}

describe('the account, through Alpaca’s client', () => {
  test('shows a paper account with cash, equity and buying power', async () => {
    const { alpaca } = await open();
    await alpaca.trading.orders.market({ symbol: 'AAPL', qty: 10, side: 'buy' });
    const account = await alpaca.trading.account.getAccount();
    expect(account.accountNumber).toMatch(/^PA3\d{8}$/);
    expect(account).toMatchObject({
      status: 'ACTIVE',
      currency: 'USD',
      multiplier: '2',
      cash: '98990',
      equity: '99990',
      longMarketValue: '1000',
      initialMargin: '500',
      buyingPower: '198980',
      tradingBlocked: false,
      shortingEnabled: true,
    });
    expect(account.createdAt).toBeInstanceOf(Date);
  });

  test('configurations are read and changed, and hold', async () => {
    const { alpaca } = await open();
    const { accountConfigurations: api } = alpaca.trading;
    expect(await api.getAccountConfig()).toMatchObject({ suspendTrade: false, noShorting: false });
    expect(await api.patchAccountConfig({ accountConfigurations: { suspendTrade: true } })).toMatchObject({
      suspendTrade: true,
    });
    await expect(alpaca.trading.orders.market({ symbol: 'AAPL', qty: 1, side: 'buy' })).rejects.toMatchObject({
      status: 403,
    });
    await expect(api.patchAccountConfig({ accountConfigurations: { maxMarginMultiplier: '7' } })).rejects.toMatchObject(
      { status: 422 },
    );
  });

  test('fills are activities, page by page', async () => {
    const { alpaca } = await open();
    for (let i = 1; i <= 3; i += 1) await alpaca.trading.orders.market({ symbol: 'AAPL', qty: i, side: 'buy' });
    const { accountActivities: api } = alpaca.trading;
    const all = await api.getAccountActivities({ activityTypes: ['FILL'], direction: 'asc' });
    expect(all.map(({ qty, price, type, side, cumQty }) => [qty, price, type, side, cumQty])).toEqual([
      ['1', '101', 'fill', 'buy', '1'],
      ['2', '101', 'fill', 'buy', '2'],
      ['3', '101', 'fill', 'buy', '3'],
    ]);
    const first = await api.getAccountActivitiesByActivityType({ activityType: 'FILL', pageSize: 2, direction: 'asc' });
    expect(first).toHaveLength(2);
    const rest = await api.getAccountActivities({ pageSize: 2, direction: 'asc', pageToken: String(all[1]?.id) });
    expect(rest.map(({ qty }) => qty)).toEqual(['3']);
    expect(await api.getAccountActivities({ activityTypes: ['DIV'] })).toEqual([]);
    expect(await api.getAccountActivitiesByActivityType({ activityType: 'DIV' })).toEqual([]);
    expect(await api.getAccountActivities({ after: new Date('2030-01-01') })).toEqual([]);
    expect(await api.getAccountActivities({ date: new Date('2024-06-03') })).toHaveLength(3);
  });
});

describe('orders, through Alpaca’s client', () => {
  test('every builder of the client places its order', async () => {
    const { alpaca } = await open();
    const { orders } = alpaca.trading;
    const base = { symbol: 'MSFT', qty: 5, side: 'buy' } as const;
    const placed = [
      await orders.market({ ...base, clientOrderId: 'one' }),
      await orders.market({ symbol: 'MSFT', notional: 25.5, side: 'buy' }),
      await orders.market({ ...base, qty: 0.25 }),
      await orders.limit({ ...base, limitPrice: 45.5, timeInForce: 'gtc' }),
      await orders.limit({ ...base, limitPrice: 45, extendedHours: true }),
      await orders.stop({ ...base, stopPrice: 55 }),
      await orders.stopLimit({ ...base, stopPrice: 55, limitPrice: 56 }),
      await orders.trailingStop({ ...base, trailPercent: 2 }),
      await orders.bracket({ ...base, limitPrice: 46, takeProfit: { limitPrice: 60 }, stopLoss: { stopPrice: 40 } }),
      await orders.oto({ ...base, limitPrice: 46, stopLoss: { stopPrice: 40, limitPrice: 39 } }),
      await orders.oco({ ...base, side: 'sell', takeProfit: { limitPrice: 60 }, stopLoss: { stopPrice: 40 } }),
      await orders.submit({
        symbol: 'MSFT',
        qty: '1',
        side: 'buy',
        type: 'limit',
        limitPrice: '41',
        timeInForce: 'fok',
      }),
    ];
    expect(placed.map(({ type, orderClass, status }) => [type, orderClass, status])).toEqual([
      ['market', 'simple', 'pending_new'],
      ['market', 'simple', 'pending_new'],
      ['market', 'simple', 'pending_new'],
      ['limit', 'simple', 'pending_new'],
      ['limit', 'simple', 'pending_new'],
      ['stop', 'simple', 'pending_new'],
      ['stop_limit', 'simple', 'pending_new'],
      ['trailing_stop', 'simple', 'pending_new'],
      ['limit', 'bracket', 'pending_new'],
      ['limit', 'oto', 'pending_new'],
      ['limit', 'oco', 'pending_new'],
      ['limit', 'simple', 'pending_new'],
    ]);
    expect(placed[8]?.legs?.map(({ type, side }) => [type, side])).toEqual([
      ['limit', 'sell'],
      ['stop', 'sell'],
    ]);
    expect(placed[0]).toMatchObject({
      clientOrderId: 'one',
      symbol: 'MSFT',
      qty: '5',
      filledQty: '0',
      assetClass: 'us_equity',
    });
    const filled = await orders.getOrderByOrderID({ orderId: String(placed[0]?.id) });
    expect(filled).toMatchObject({ status: 'filled', filledAvgPrice: '50', positionIntent: 'buy_to_open' });
    expect(filled.filledAt).toBeInstanceOf(Date);
  });

  test('every time in force is taken', async () => {
    const { alpaca } = await open();
    for (const timeInForce of ['day', 'gtc', 'opg', 'cls', 'ioc', 'fok'] as const) {
      const order = await alpaca.trading.orders.limit({
        symbol: 'AAPL',
        qty: 1,
        side: 'buy',
        limitPrice: 90,
        timeInForce,
      });
      expect(order.timeInForce).toBe(timeInForce);
    }
  });

  test('are listed by status, symbol, side, time and neighbour, nested or flat', async () => {
    const clock = new EventClock(Date.parse('2024-06-03T14:00:00Z') * 1000);
    const { alpaca } = await open({ clock });
    const { orders } = alpaca.trading;
    const ids: string[] = [];
    const keep = async (order: Promise<{ id?: string }>) => {
      ids.push(String((await order).id));
      clock.advanceTo(clock.now() + 1_000_000);
    };
    await keep(orders.market({ symbol: 'AAPL', qty: 1, side: 'buy' }));
    await keep(orders.limit({ symbol: 'AAPL', qty: 1, side: 'buy', limitPrice: 90 }));
    await keep(orders.limit({ symbol: 'MSFT', qty: 1, side: 'sell', limitPrice: 60 }));
    await keep(
      orders.bracket({
        symbol: 'AAPL',
        qty: 1,
        side: 'buy',
        limitPrice: 90,
        takeProfit: { limitPrice: 120 },
        stopLoss: { stopPrice: 80 },
      }),
    );
    const idsOf = async (query: Parameters<typeof orders.getAllOrders>[0]) =>
      (await orders.getAllOrders(query)).map(({ id }) => id);

    expect(await idsOf({ status: 'closed' })).toEqual([ids[0]]);
    expect(await idsOf({ status: 'all', nested: true })).toEqual(ids.toReversed());
    expect(await idsOf({ status: 'all', nested: true, direction: 'asc', limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await orders.getAllOrders({ status: 'all' })).toHaveLength(6);
    expect(await idsOf({ symbols: ['MSFT'] })).toEqual([ids[2]]);
    expect(await idsOf({ side: 'sell', nested: true })).toEqual([ids[2]]);
    expect(
      await idsOf({ status: 'all', nested: true, after: '2024-06-03T14:00:00Z', until: '2024-06-03T14:00:03Z' }),
    ).toEqual([ids[2], ids[1]]);
    expect(
      await idsOf({ status: 'all', nested: true, afterOrderId: String(ids[1]), beforeOrderId: String(ids[3]) }),
    ).toEqual([ids[2]]);
    expect((await orders.getOrderByOrderID({ orderId: String(ids[3]), nested: true })).legs).toHaveLength(2);
    expect((await orders.getOrderByOrderID({ orderId: String(ids[3]) })).legs).toBeUndefined();
  });

  test('are found by client_order_id, replaced and cancelled', async () => {
    const { alpaca } = await open();
    const { orders } = alpaca.trading;
    await orders.limit({ symbol: 'AAPL', qty: 1, side: 'buy', limitPrice: 90, clientOrderId: 'a:b/ü 1' });
    const found = await orders.getOrderByClientOrderId({ clientOrderId: 'a:b/ü 1' });
    expect(found).toMatchObject({ status: 'new', limitPrice: '90' });
    const replaced = await orders.patchOrderByOrderId({
      orderId: String(found.id),
      patchOrderRequest: { limitPrice: '91', qty: '2' },
    });
    expect(replaced).toMatchObject({ replaces: found.id, limitPrice: '91', qty: '2' });
    await orders.deleteOrderByOrderID({ orderId: String(replaced.id) });
    expect((await orders.getOrderByOrderID({ orderId: String(replaced.id) })).status).toBe('canceled');
    await orders.limit({ symbol: 'AAPL', qty: 1, side: 'buy', limitPrice: 90 });
    await orders.limit({ symbol: 'MSFT', qty: 1, side: 'buy', limitPrice: 40 });
    expect((await orders.deleteAllOrders()).map(({ status }) => status)).toEqual([200, 200]);
    expect(await orders.getAllOrders()).toEqual([]);
  });

  test('refusals arrive as the client’s own errors', async () => {
    const { alpaca } = await open();
    const { orders, positions, assets } = alpaca.trading;
    await orders.limit({ symbol: 'AAPL', qty: 1, side: 'buy', limitPrice: 90, clientOrderId: 'once' });
    const refusals: [() => Promise<unknown>, object][] = [
      [
        () => orders.limit({ symbol: 'AAPL', qty: 1, side: 'buy', limitPrice: 90, clientOrderId: 'once' }),
        { name: 'ValidationError', status: 422, code: 40010001 },
      ],
      [
        () => orders.limit({ symbol: 'AAPL', qty: 1, side: 'buy', limitPrice: 90.001 }),
        { name: 'ValidationError', status: 422, code: 42210000 },
      ],
      [
        () => orders.market({ symbol: 'AAPL', qty: 100_000, side: 'buy' }),
        { name: 'PermissionError', status: 403, code: 40310000, message: 'insufficient buying power' },
      ],
      [
        () => orders.market({ symbol: 'AAPL', qty: 1, side: 'sell' }),
        { name: 'PermissionError', status: 403, code: 40310000 },
      ],
      [
        () => orders.market({ symbol: 'NOPE', qty: 1, side: 'buy' }),
        { name: 'ValidationError', status: 422, code: 42210000 },
      ],
      [
        () => orders.getOrderByOrderID({ orderId: 'none' }),
        { name: 'NotFoundError', status: 404, code: 40410000, message: 'order not found for none' },
      ],
      [() => orders.deleteOrderByOrderID({ orderId: 'none' }), { name: 'NotFoundError', status: 404 }],
      [() => orders.getOrderByClientOrderId({ clientOrderId: 'none' }), { name: 'NotFoundError', status: 404 }],
      [
        () => positions.getOpenPosition({ symbolOrAssetId: 'AAPL' }),
        { name: 'NotFoundError', status: 404, message: 'position does not exist' },
      ],
      [
        () => assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: 'NOPE' }),
        { name: 'NotFoundError', status: 404, message: 'asset not found for NOPE' },
      ],
      [
        () => alpaca.trading.watchlists.getWatchlists(),
        { name: 'NotFoundError', status: 404, message: 'endpoint not found' },
      ],
    ];
    for (const [answer, error] of refusals) await expect(answer()).rejects.toMatchObject(error);
  });

  test('a body that is no JSON is answered in Alpaca’s shape', async () => {
    const { px } = await open();
    const headers = { 'APCA-API-KEY-ID': px.key, 'APCA-API-SECRET-KEY': px.secret, 'content-type': 'application/json' };
    const answer = await fetch(`${px.url}/v2/orders`, { method: 'POST', headers, body: '{"symbol":' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 40010000,
      message: expect.stringContaining('request body format is invalid'),
    });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('positions, through Alpaca’s client', () => {
  test('are valued at the market and found by symbol or asset id', async () => {
    const { alpaca, px } = await open();
    await alpaca.trading.orders.market({ symbol: 'AAPL', qty: 10, side: 'buy' });
    await alpaca.trading.orders.limit({ symbol: 'AAPL', qty: 4, side: 'sell', limitPrice: 120 });
    await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', price: 106.5 });
    const [position] = await alpaca.trading.positions.getAllOpenPositions();
    expect(position).toMatchObject({
      symbol: 'AAPL',
      side: 'long',
      qty: '10',
      qtyAvailable: '6',
      avgEntryPrice: '101',
      costBasis: '1010',
      currentPrice: '106.5',
      marketValue: '1065',
      unrealizedPl: '55',
      unrealizedPlpc: '0.0544554455',
      lastdayPrice: '100',
      changeToday: '0.065',
    });
    const byId = await alpaca.trading.positions.getOpenPosition({ symbolOrAssetId: String(position?.assetId) });
    expect(byId).toEqual(position);
  });

  test('a short has negative quantity and value, and gains as the price falls', async () => {
    const { alpaca, px } = await open();
    await alpaca.trading.orders.market({ symbol: 'AAPL', qty: 10, side: 'sell' });
    await px.sim('POST', '/sim/ticks', { symbol: 'AAPL', price: 90 });
    const [position] = await alpaca.trading.positions.getAllOpenPositions();
    expect(position).toMatchObject({
      side: 'short',
      qty: '-10',
      avgEntryPrice: '99',
      marketValue: '-900',
      costBasis: '-990',
      unrealizedPl: '90',
    });
  });

  test('are closed in part, wholly, or all together', async () => {
    const { alpaca } = await open();
    const { orders, positions } = alpaca.trading;
    await orders.market({ symbol: 'AAPL', qty: 10, side: 'buy' });
    await orders.market({ symbol: 'MSFT', qty: 8, side: 'sell' });
    expect(await positions.deleteOpenPosition({ symbolOrAssetId: 'AAPL', qty: 3 })).toMatchObject({
      side: 'sell',
      qty: '3',
      type: 'market',
    });
    expect(await positions.deleteOpenPosition({ symbolOrAssetId: 'MSFT', percentage: 50 })).toMatchObject({
      side: 'buy',
      qty: '4',
    });
    expect((await positions.getAllOpenPositions()).map(({ qty }) => qty)).toEqual(['7', '-4']);
    await orders.limit({ symbol: 'AAPL', qty: 7, side: 'sell', limitPrice: 120 });
    const blocked = await positions.deleteAllOpenPositions();
    expect(blocked.map(({ symbol, status }) => [symbol, status])).toEqual([
      ['AAPL', 403],
      ['MSFT', 200],
    ]);
    const closed = await positions.deleteAllOpenPositions({ cancelOrders: true });
    expect(closed.map(({ symbol, status }) => [symbol, status])).toEqual([['AAPL', 200]]);
    expect(await positions.getAllOpenPositions()).toEqual([]);
    await expect(positions.deleteOpenPosition({ symbolOrAssetId: 'AAPL' })).rejects.toMatchObject({ status: 404 });
  });
});

describe('clock, calendar and assets, through Alpaca’s client', () => {
  test('the clock is the simulation’s, not the wall’s', async () => {
    const { alpaca } = await open({
      hours: 'regular',
      clock: new EventClock(Date.parse('2024-07-03T18:00:00Z') * 1000),
    });
    expect(await alpaca.trading.clock.legacyClock()).toEqual({
      timestamp: new Date('2024-07-03T18:00:00Z'),
      isOpen: false,
      nextOpen: new Date('2024-07-05T13:30:00Z'),
      nextClose: new Date('2024-07-05T20:00:00Z'),
    });
    const { clocks } = await alpaca.trading.clock.clock({ markets: 'NYSE' });
    expect(clocks).toMatchObject([{ phase: 'post', isMarketDay: true, phaseUntil: new Date('2024-07-03T21:00:00Z') }]);
  });

  test('the calendar knows holidays and short days', async () => {
    const { alpaca } = await open({ hours: 'regular' });
    const days = await alpaca.trading.calendar.legacyCalendar({
      start: new Date('2024-07-02'),
      end: new Date('2024-07-08'),
    });
    expect(days.map(({ date, open: from, close }) => [date.toISOString().slice(0, 10), from, close])).toEqual([
      ['2024-07-02', '09:30', '16:00'],
      ['2024-07-03', '09:30', '13:00'],
      ['2024-07-05', '09:30', '16:00'],
      ['2024-07-08', '09:30', '16:00'],
    ]);
    expect(days[0]).toMatchObject({
      sessionOpen: '0400',
      sessionClose: '2000',
      settlementDate: new Date('2024-07-03'),
    });
    const newer = await alpaca.trading.calendar.calendar({
      market: 'NYSE',
      start: new Date('2024-07-03'),
      end: new Date('2024-07-04'),
    });
    expect(newer.calendar).toMatchObject([
      { coreStart: new Date('2024-07-03T13:30:00Z'), coreEnd: new Date('2024-07-03T17:00:00Z') },
    ]);
  });

  test('assets are what the exchange lists', async () => {
    const { alpaca } = await open();
    const { assets } = alpaca.trading;
    const listed = await assets.getV2Assets({ status: 'active', assetClass: 'us_equity' });
    expect(listed.map(({ symbol }) => symbol)).toEqual(['AAPL', 'MSFT', 'SPY']);
    expect(listed[0]).toMatchObject({
      tradable: true,
      shortable: true,
      fractionable: true,
      marginable: true,
      status: 'active',
    });
    const one = await assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: String(listed[0]?.id) });
    expect(one).toEqual(listed[0]);
    expect(await assets.getV2Assets({ status: 'inactive' })).toEqual([]);
  });
});

describe('keys and limits', () => {
  test('no key is 401, a wrong one 403', async () => {
    const { px } = await open();
    expect((await fetch(`${px.url}/v2/account`)).status).toBe(401);
    await expect(officialClient(px, { keyId: 'PKWRONG' }).trading.account.getAccount()).rejects.toMatchObject({
      status: 403,
    });
    await expect(officialClient(px, { secret: 'wrong' }).trading.account.getAccount()).rejects.toMatchObject({
      status: 403,
    });
  });

  test('the limit is announced in every answer and enforced with 429', async () => {
    let now = 1_700_000_000_000;
    const { alpaca, px } = await open({ rateLimit: 3, nowMs: () => now });
    const headers = { 'APCA-API-KEY-ID': px.key, 'APCA-API-SECRET-KEY': px.secret };
    const first = await fetch(`${px.url}/v2/clock`, { headers });
    expect(['limit', 'remaining', 'reset'].map((name) => first.headers.get(`x-ratelimit-${name}`))).toEqual([
      '3',
      '2',
      '1700000040',
    ]);
    const { clock } = alpaca.trading;
    await clock.legacyClock();
    await clock.legacyClock();
    await expect(clock.legacyClock()).rejects.toMatchObject({
      name: 'RateLimitError',
      status: 429,
      code: 42910000,
      rateLimit: { limit: 3, remaining: 0 },
    });
    now += 60_000;
    await clock.legacyClock();
  });
});
