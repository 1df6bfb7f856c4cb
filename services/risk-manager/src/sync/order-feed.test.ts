import { describe, expect, test } from '@jest/globals';
import type { Envelope, Fill, OrderView } from '@papergate/service-kit';
import { createZone } from '../limits/zone.ts';
import { Exposure } from '../exposure/exposure.ts';
import { NOON } from '../testing/make.ts';
import { attos, attosText, nanos, nanosText } from '../units.ts';
import { OrderFeed } from './order-feed.ts';
import type { Snapshot } from './snapshot.ts';

const EMPTY: Snapshot = {
  positions: [],
  orders: [],
  ended: [],
  realizedToday: 0n,
  realizedWeek: 0n,
  realizedMonth: 0n,
  tradesToday: 0,
  traded: [],
  executions: [],
};

function setUp() {
  const exposure = new Exposure();
  const clock = { now: NOON };
  const pending: ((snapshot: Snapshot) => void)[] = [];
  const feed = new OrderFeed({
    exposure,
    load: () => new Promise((resolve) => pending.push(resolve)),
    zone: createZone('America/New_York'),
    onFill: () => undefined,
    onOrder: () => undefined,
    onSynced: () => undefined,
    logger: { info: () => undefined, warn: () => undefined },
    now: () => clock.now,
  });
  const sync = async (snapshot: Partial<Snapshot> = {}, during: () => void = () => undefined): Promise<void> => {
    const done = feed.sync();
    during();
    pending.shift()?.({ ...EMPTY, ...snapshot });
    await done;
  };
  return { exposure, clock, feed, pending, sync };
}

const envelope = (data: unknown): Envelope<unknown> => ({ src: 'execution-engine', epoch: 'e', seq: 1, ts: 0, data });

function fill(change: Partial<Fill> & { after?: string } = {}): Envelope<unknown> {
  const { after = '5', ...rest } = change;
  return envelope({
    fill_id: 'x-1',
    order_id: 'id',
    client_order_id: 'c-1',
    strategy: null,
    symbol: 'AAPL',
    side: 'buy',
    quantity: '5',
    price: '100',
    realized_pnl: '0',
    filled_at: new Date(NOON).toISOString(),
    position: { symbol: 'AAPL', quantity: after, avg_entry_price: '100' },
    ...rest,
  });
}

const orderView = (change: Partial<OrderView> = {}): Envelope<unknown> =>
  envelope({
    client_order_id: 'c-1',
    symbol: 'AAPL',
    side: 'buy',
    quantity: '10',
    filled_quantity: '0',
    price: null,
    stop_price: null,
    broker_order_id: null,
    status: 'new',
    ...change,
  });

const open = (clientOrderId: string, createdAt: number = NOON) => ({
  clientOrderId,
  symbol: 'AAPL',
  side: 'buy' as const,
  quantity: nanos('10'),
  filled: nanos('4'),
  price: 0n,
  limit: undefined,
  traded: false,
  atBroker: true,
  createdAt,
});

describe('positions and reservations', () => {
  test('begin with what the database says', async () => {
    const { exposure, feed, sync } = setUp();
    expect(feed.synced).toBe(false);
    await sync({
      positions: [{ symbol: 'AAPL', quantity: nanos('7'), averagePrice: nanos('100'), openedAt: 5 }],
      orders: [open('c-1')],
      realizedToday: attos('-12.5'),
    });
    expect(feed.synced).toBe(true);
    expect(exposure.symbol('AAPL')).toMatchObject({ quantity: nanos('7'), buys: nanos('6'), openedAt: 5 });
    expect(attosText(exposure.realizedToday)).toBe('-12.5');
  });

  test('follow the messages: fills move the position, orders the reservation', async () => {
    const { exposure, feed, sync } = setUp();
    await sync();
    feed.take('order', orderView());
    expect(nanosText(exposure.symbol('AAPL').buys)).toBe('10');
    const others = ['c-2', 'c-3'].map((id) => orderView({ client_order_id: id }).data);
    feed.take('order', envelope(others));
    expect(nanosText(exposure.symbol('AAPL').buys)).toBe('30');
    for (const id of ['c-2', 'c-3']) feed.take('order', orderView({ client_order_id: id, status: 'canceled' }));
    feed.take('fill', fill({ realized_pnl: '-3' }));
    feed.take('order', orderView({ status: 'partially_filled', filled_quantity: '5' }));
    expect(exposure.symbol('AAPL')).toMatchObject({ quantity: nanos('5'), buys: nanos('5') });
    feed.take('order', orderView({ status: 'canceled', filled_quantity: '5' }));
    expect(exposure.symbol('AAPL').buys).toBe(0n);
    expect(attosText(exposure.realizedToday)).toBe('-3');
  });

  test('a fill that is in the snapshot, or comes twice, is not counted again', async () => {
    const { exposure, feed, sync } = setUp();
    await sync({
      executions: ['x-1'],
      realizedToday: attos('-3'),
      positions: [{ symbol: 'AAPL', quantity: nanos('9'), averagePrice: 0n, openedAt: 1 }],
    });
    feed.take('fill', fill({ realized_pnl: '-3' }));
    expect(attosText(exposure.realizedToday)).toBe('-3');
    expect(nanosText(exposure.symbol('AAPL').quantity)).toBe('9');
    feed.take('fill', fill({ fill_id: 'x-2', realized_pnl: '-1', after: '14' }));
    feed.take('fill', fill({ fill_id: 'x-2', realized_pnl: '-1', after: '14' }));
    expect(attosText(exposure.realizedToday)).toBe('-4');
    expect(nanosText(exposure.symbol('AAPL').quantity)).toBe('14');
  });

  test('what the bus says while the database is read is applied after it', async () => {
    const { exposure, feed, sync } = setUp();
    await sync();
    await sync(
      {
        positions: [{ symbol: 'AAPL', quantity: nanos('5'), averagePrice: nanos('100'), openedAt: 1 }],
        executions: ['x-1'],
      },
      () => {
        feed.take('fill', fill());
        feed.take('fill', fill({ fill_id: 'x-2', after: '10' }));
      },
    );
    expect(nanosText(exposure.symbol('AAPL').quantity)).toBe('10');
  });

  test('a reservation that no order stands for is dropped, unless it is too young to be in the database', async () => {
    const { clock, exposure, sync } = setUp();
    const reserve = (id: string, at: number) =>
      exposure.reserve(
        { clientOrderId: id, symbol: 'AAPL', side: 'buy', quantity: nanos('1'), remaining: nanos('1'), at },
        0n,
      );
    await sync();
    reserve('old', clock.now);
    clock.now += 5_001;
    reserve('young', clock.now);
    reserve('ended', clock.now);
    await sync({ orders: [open('c-1')], ended: ['ended'] });
    expect([...exposure.reservations.keys()].toSorted()).toEqual(['c-1', 'young']);
  });

  test('a position that is gone from the database is gone here', async () => {
    const { exposure, sync } = setUp();
    await sync({ positions: [{ symbol: 'AAPL', quantity: nanos('5'), averagePrice: nanos('1'), openedAt: 1 }] });
    await sync();
    expect(exposure.symbol('AAPL')).toMatchObject({ quantity: 0n, openedAt: undefined });
  });

  test('a fill of another day does not count to this one', async () => {
    const { exposure, feed, sync } = setUp();
    await sync();
    feed.take('fill', fill({ realized_pnl: '-9', filled_at: new Date(NOON - 86_400_000).toISOString() }));
    expect(exposure.realizedToday).toBe(0n);
  });

  test('one that is asked for during a read follows it', async () => {
    const { exposure, feed, pending } = setUp();
    const first = feed.sync();
    const second = feed.sync();
    pending.shift()?.(EMPTY);
    while (pending.length === 0) await new Promise((resolve) => setImmediate(resolve));
    pending.shift()?.({ ...EMPTY, orders: [open('c-9')] });
    await Promise.all([first, second]);
    expect(exposure.reservations.has('c-9')).toBe(true);
  });

  test('a fill counts to its day, its week and its month', async () => {
    // A Wednesday, the fifth of the month: Monday was the third.
    const { exposure, feed, sync } = setUp();
    await sync();
    const on = (id: string, day: string) =>
      feed.take('fill', fill({ fill_id: id, realized_pnl: '-1', filled_at: `2024-${day}T15:00:00Z` }));
    on('a', '06-05');
    on('b', '06-03');
    on('c', '06-02');
    on('d', '05-31');
    expect([exposure.realizedToday, exposure.realizedWeek, exposure.realizedMonth].map(attosText)).toEqual([
      '-1',
      '-2',
      '-3',
    ]);
  });

  test('a fill of a day that has just begun leads to a new snapshot', async () => {
    const { clock, exposure, feed, pending, sync } = setUp();
    await sync({ realizedToday: attos('-5') });
    clock.now += 86_400_000;
    feed.take('fill', fill({ filled_at: new Date(clock.now).toISOString(), realized_pnl: '-1' }));
    expect(attosText(exposure.realizedToday)).toBe('-5');
    pending.shift()?.({ ...EMPTY, realizedToday: attos('-1') });
    while (exposure.realizedToday !== attos('-1')) await new Promise((resolve) => setImmediate(resolve));
  });

  test('an order is one trade of the day, however often it is filled; an open one may become one', async () => {
    const { exposure, feed, sync } = setUp();
    await sync({
      tradesToday: 3,
      traded: ['before'],
      orders: [open('c-1'), { ...open('before'), traded: true }],
    });
    expect([exposure.tradesToday, exposure.possibleTrades]).toEqual([3, 4]);
    feed.take('fill', fill({ fill_id: 'x-1', client_order_id: 'before' }));
    expect([exposure.tradesToday, exposure.possibleTrades]).toEqual([3, 4]);
    feed.take('fill', fill({ fill_id: 'x-2' }));
    feed.take('fill', fill({ fill_id: 'x-3' }));
    expect([exposure.tradesToday, exposure.possibleTrades]).toEqual([4, 4]);
    feed.take('order', orderView({ client_order_id: 'c-2' }));
    expect([exposure.tradesToday, exposure.possibleTrades]).toEqual([4, 5]);
    feed.take('order', orderView({ client_order_id: 'c-2', status: 'canceled' }));
    expect([exposure.tradesToday, exposure.possibleTrades]).toEqual([4, 4]);
    feed.take('fill', fill({ fill_id: 'x-4', client_order_id: 'yesterday', filled_at: '2024-06-04T15:00:00Z' }));
    expect([exposure.tradesToday, exposure.possibleTrades]).toEqual([4, 4]);
  });

  test('what an order claims of the buying power ends with it, or once the broker has heard of it', async () => {
    const { clock, exposure, feed, sync } = setUp();
    const { funds } = exposure;
    await sync();
    const observe = () => funds.observe({ buyingPower: 1n, shorting: true, blocked: false }, clock.now + 1);
    for (const id of ['told', 'ended', 'filled', 'queued']) funds.claim(id, 1n);
    const say = (id: string, change: Partial<OrderView>) =>
      feed.take('order', orderView({ client_order_id: id, ...change }));
    say('told', { broker_order_id: 'b-1' });
    say('queued', { status: 'accepted' });
    say('ended', { status: 'canceled' });
    say('filled', { status: 'filled', filled_quantity: '10' });
    expect(funds.claimed).toBe(3n);
    observe();
    expect(funds.claimed).toBe(1n);
    await sync({ orders: [{ ...open('queued'), atBroker: false }] });
    observe();
    expect(funds.claimed).toBe(1n);
    await sync({ orders: [open('queued')] });
    observe();
    expect(funds.claimed).toBe(0n);
    // All that was said of it was lost, and it is no open order any more.
    funds.claim('gone', 1n);
    await sync();
    observe();
    expect(funds.claimed).toBe(0n);
  });
});
