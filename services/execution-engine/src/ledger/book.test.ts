import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Big } from '@papergate/service-kit';
import type { BrokerEvent, BrokerOrder } from '../broker/broker.ts';
import { impliedExecution } from '../reconcile/catch-up.ts';
import { brokerOrder, durable, event, fillEvents, START, type Part } from '../testing/make.ts';
import type { LocalTransition } from '../life/transitions.ts';
import { Book, noChanges, type Changes, type Update } from './book.ts';
import { viewOf } from './order.ts';
import { averageEntryPrice } from './position.ts';

function bookWith(...orders: ReturnType<typeof durable>[]): Book {
  const book = new Book();
  for (const order of orders.length === 0 ? [durable()] : orders) book.add(order);
  return book;
}

/** An order with an attempt on record. */
function sending(): Book {
  const book = bookWith();
  const tracked = book.byClientId('order-1');
  expect(tracked !== undefined && book.sent(tracked, START + 2)).toBe(true);
  return book;
}

function apply(book: Book, ...updates: Update[]): Changes {
  const changes = noChanges();
  for (const update of updates) book.apply(update, changes);
  return changes;
}

const events = (list: readonly BrokerEvent[]): Update[] => list.map((found) => ({ kind: 'event', event: found }));
const shown = (book: Book, id = 'order-1') => {
  const tracked = book.byClientId(id);
  if (tracked === undefined) throw new Error(`${id} is not in the book`);
  return viewOf(tracked.order);
};
const held = (book: Book) => book.positions.get('AAPL')?.quantity.toFixed() ?? '0';

const PARTS: Part[] = [
  { quantity: '3', price: '100' },
  { quantity: '2', price: '101' },
  { quantity: '5', price: '99.5' },
];

describe('an order that is filled in parts', () => {
  test('ends filled, with its trades, its position and its day', () => {
    const book = bookWith();
    const { events: list } = fillEvents(PARTS, '10');
    const changes = apply(book, ...events(list));
    expect(shown(book)).toMatchObject({
      status: 'filled',
      filled_quantity: '10',
      avg_fill_price: '99.95',
      broker_order_id: 'broker-1',
    });
    expect(changes.trades.map((trade) => trade.quantity.toFixed())).toEqual(['3', '2', '5']);
    expect(changes.events.map((row) => row.event)).toEqual(['new', 'partial_fill', 'partial_fill', 'fill']);
    expect(held(book)).toBe('10');
    expect([...book.daily.values()]).toMatchObject([{ day: '2024-06-05', symbol: 'AAPL', trades: 3 }]);
    expect(changes.dropped).toEqual([]);
    expect(book.gaps.size).toBe(0);
  });

  test('its messages may come twice', () => {
    const book = bookWith();
    const { events: list } = fillEvents(PARTS, '10');
    const changes = apply(book, ...events(list.flatMap((found) => [found, found])));
    expect(held(book)).toBe('10');
    expect(changes.trades).toHaveLength(3);
    expect(changes.dropped.map(({ reason }) => reason)).toEqual(['duplicate', 'duplicate', 'duplicate']);
  });

  test('a final status waits until the executions that it speaks of are there', () => {
    const book = bookWith();
    const [first, one, two, three] = fillEvents(PARTS, '10').events as [
      BrokerEvent,
      BrokerEvent,
      BrokerEvent,
      BrokerEvent,
    ];
    apply(book, ...events([first, three]));
    expect(shown(book)).toMatchObject({ status: 'new', filled_quantity: '5' });
    expect(book.gaps.size).toBe(1);
    apply(book, ...events([two]));
    // A late report of an earlier state does not take the order back.
    expect(shown(book)).toMatchObject({ status: 'new', filled_quantity: '7' });
    apply(book, ...events([one]));
    expect(shown(book)).toMatchObject({ status: 'filled', filled_quantity: '10', avg_fill_price: '99.95' });
    expect(book.gaps.size).toBe(0);
  });

  test('shares that were booked from the total are not booked again when their message comes late', () => {
    const book = bookWith();
    const { events: list, last } = fillEvents(PARTS, '10');
    apply(book, ...events(list.slice(0, 2)));
    apply(book, { kind: 'report', report: last, event: 'reconciled', at: START + 100 });
    const tracked = book.byClientId('order-1');
    const rest = tracked === undefined ? undefined : impliedExecution(tracked, last);
    expect(rest).toMatchObject({ executionId: 'catch-up:broker-1:10' });
    expect([rest?.quantity.toFixed(), rest?.price.toFixed()]).toEqual(['7', '99.928571']);
    apply(book, { kind: 'executions', clientOrderId: 'order-1', executions: rest === undefined ? [] : [rest] });
    expect(shown(book)).toMatchObject({ status: 'filled', filled_quantity: '10' });
    const late = apply(book, ...events(list.slice(2)));
    expect(held(book)).toBe('10');
    expect(late.trades).toEqual([]);
    expect(late.dropped.map(({ reason }) => reason)).toEqual(['counted', 'counted']);
  });

  test('an execution that comes under another id is known by the shares it stands for', () => {
    const book = bookWith();
    const { events: list, last } = fillEvents(PARTS, '10');
    apply(book, ...events([list[0], list[2]] as BrokerEvent[]));
    apply(book, { kind: 'report', report: last, event: 'reconciled', at: START + 100 });
    const listed = list
      .slice(1)
      .flatMap(({ execution }) =>
        execution === undefined ? [] : [{ ...execution, executionId: `activity-${execution.executionId}` }],
      );
    const changes = apply(book, { kind: 'executions', clientOrderId: 'order-1', executions: listed });
    expect(changes.trades.map((trade) => trade.price.toFixed())).toEqual(['100', '99.5']);
    expect(shown(book)).toMatchObject({ status: 'filled', avg_fill_price: '99.95' });
  });

  test('a cancel that crosses a last fill ends as filled', () => {
    const book = bookWith();
    const { events: list } = fillEvents(PARTS, '10');
    const canceled = event('canceled', START + 25, brokerOrder({ status: 'canceled', filled: '5', average: '100.4' }));
    apply(book, ...events(list.slice(0, 3)), ...events([canceled]));
    expect(shown(book)).toMatchObject({ status: 'canceled', filled_quantity: '5' });
    apply(book, ...events(list.slice(3)));
    expect(shown(book)).toMatchObject({ status: 'filled', filled_quantity: '10' });
  });

  test('what cannot be is left out: no shares, no price, more than was ordered', () => {
    const book = bookWith();
    const execution = { executionId: 'x', quantity: new Big(1), price: new Big(0), at: START, cumulative: new Big(1) };
    const report = brokerOrder({ status: 'partially_filled', filled: '1' });
    const changes = apply(
      book,
      ...events([
        event('fill', START, report, execution),
        event('fill', START, report, { ...execution, quantity: new Big(-1), price: new Big(1) }),
        event('fill', START, brokerOrder({ status: 'filled', filled: '11' }), {
          ...execution,
          quantity: new Big(11),
          price: new Big(1),
          cumulative: new Big(11),
        }),
      ]),
    );
    expect(changes.trades).toEqual([]);
    expect(changes.dropped.map(({ reason }) => reason)).toEqual(['impossible', 'impossible', 'overfill']);
    expect(held(book)).toBe('0');
  });

  test('more than was ordered is an alarm, told once for each amount, and the order stays incomplete until its own shares are there', () => {
    const book = bookWith();
    const report = brokerOrder({ status: 'filled', filled: '12', average: '100' });
    const execution = {
      executionId: 'x',
      quantity: new Big(12),
      price: new Big(100),
      at: START,
      cumulative: new Big(12),
    };
    const over = events([event('fill', START + 5, report, execution)]);
    const changes = apply(book, ...over, ...over);
    expect(changes.alarms.map(({ code, detail }) => ({ code, ...detail }))).toEqual([
      { code: 'OVERFILL', ordered: '10', filled: '12', booked: '0' },
    ]);
    expect(changes.events.filter(({ event: name }) => name === 'overfill')).toHaveLength(1);
    expect(shown(book)).toMatchObject({ status: 'accepted', filled_quantity: '0' });
    expect(book.gaps.size).toBe(1);
    const tracked = book.byClientId('order-1');
    const rest = tracked === undefined ? undefined : impliedExecution(tracked, report);
    expect(rest?.quantity.toFixed()).toBe('10');
    if (rest !== undefined) apply(book, { kind: 'executions', clientOrderId: 'order-1', executions: [rest] });
    expect(shown(book)).toMatchObject({ status: 'filled', filled_quantity: '10' });
    expect(held(book)).toBe('10');
  });
});

describe('decisions of this side', () => {
  const local = (act: LocalTransition, reason = 'because'): Update => ({
    kind: 'local',
    clientOrderId: 'order-1',
    act,
    code: 'C',
    reason,
    at: START + 5,
  });

  test('a rejection ends the order; what comes for it later than that is nothing new', () => {
    const book = sending();
    const changes = apply(book, local('reject'), local('lose'));
    expect(shown(book)).toMatchObject({ status: 'rejected', reject_code: 'C', reject_reason: 'because' });
    expect(changes.events).toHaveLength(1);
  });

  test('an unknown outcome is settled by the first thing that the broker says', () => {
    const book = sending();
    apply(book, local('lose'));
    expect(shown(book).status).toBe('unknown');
    apply(book, { kind: 'report', report: brokerOrder(), event: 'adopted', at: START + 9 });
    expect(shown(book)).toMatchObject({
      status: 'new',
      broker_order_id: 'broker-1',
      reject_code: null,
      reject_reason: null,
    });
  });

  test('no guess of ours takes back what the broker said', () => {
    const book = bookWith();
    apply(book, ...events(fillEvents(PARTS, '10').events.slice(0, 1)), local('lose'), local('reject'));
    expect(shown(book).status).toBe('new');
    apply(book, local('vanish', 'not known at the broker'));
    expect(shown(book).status).toBe('canceled');
  });
});

describe('an order that was ended here and is at the broker after all', () => {
  test.each<[string, Update[]]>([
    ['a message of the stream', events([event('new', START + 9, brokerOrder())])],
    ['a look-up', [{ kind: 'report', report: brokerOrder(), event: 'reconciled', at: START + 9 }]],
  ])('is taken as what the broker says, with an alarm: %s', (_name, updates) => {
    const book = sending();
    const end: Update = {
      kind: 'local',
      clientOrderId: 'order-1',
      act: 'lose',
      code: null,
      reason: 'r',
      at: START + 3,
    };
    apply(book, end, { ...end, act: 'end', code: 'TRADING_HALTED' });
    expect(shown(book).status).toBe('canceled');
    const changes = apply(book, ...updates);
    expect(shown(book)).toMatchObject({ status: 'new', broker_order_id: 'broker-1', reject_code: null });
    expect(changes.alarms.map(({ code }) => code)).toEqual(['REVIVED']);
    expect(changes.events.map(({ event: name }) => name)).toContain('revive');
  });
});

describe('the account’s cash', () => {
  test('is not counted before the broker told it, and moves with every fill from then on', () => {
    const book = bookWith(
      durable(),
      durable({ clientOrderId: 'order-2', orderId: 'o-2', side: 'sell', quantity: '4' }),
    );
    expect(apply(book, ...events(fillEvents([{ quantity: '10', price: '100.25' }], '10').events)).cash).toBe(false);
    expect(book.cash).toBeUndefined();
    apply(book, { kind: 'cash', difference: new Big('5000.5') });
    const sale = fillEvents([{ quantity: '4', price: '101.1' }], '4', {
      clientOrderId: 'order-2',
      brokerOrderId: 'b-2',
    });
    const changes = apply(book, ...events(sale.events), ...events(sale.events));
    expect(changes.cash).toBe(true);
    expect(book.cash?.amount.toFixed()).toBe('5404.9');
    expect(book.cash?.adopted.toFixed()).toBe('5000.5');
  });
});

describe('positions that the broker corrects', () => {
  test('are marked by how much came from outside, until they are flat', () => {
    const book = bookWith(
      durable(),
      durable({ clientOrderId: 'order-2', orderId: 'o-2', side: 'sell', quantity: '13' }),
    );
    apply(book, ...events(fillEvents([{ quantity: '10', price: '100' }], '10').events));
    apply(book, {
      kind: 'position',
      symbol: 'AAPL',
      difference: new Big(3),
      averageEntryPrice: new Big(101),
      at: START,
    });
    expect(book.positions.get('AAPL')).toMatchObject({ adopted: new Big(3), adoptedAt: START });
    const sale = fillEvents(
      [
        { quantity: '6', price: '100' },
        { quantity: '7', price: '100' },
      ],
      '13',
      { clientOrderId: 'order-2', brokerOrderId: 'b-2' },
    );
    apply(book, ...events(sale.events.slice(0, 2)));
    expect(book.positions.get('AAPL')?.adopted.toFixed()).toBe('3');
    apply(book, ...events(sale.events.slice(2)));
    expect(book.positions.get('AAPL')).toMatchObject({ adopted: new Big(0), adoptedAt: undefined });
  });

  test('move by the difference, at the price that the broker has', () => {
    const book = bookWith();
    apply(book, ...events(fillEvents([{ quantity: '10', price: '100' }], '10').events));
    const changes = apply(book, {
      kind: 'position',
      symbol: 'AAPL',
      difference: new Big(-4),
      averageEntryPrice: new Big(101),
      at: START,
    });
    const position = book.positions.get('AAPL');
    expect(position?.quantity.toFixed()).toBe('6');
    expect(position === undefined ? '' : averageEntryPrice(position)).toBe('101');
    expect([...changes.positions]).toEqual(['AAPL']);
    apply(book, {
      kind: 'position',
      symbol: 'AAPL',
      difference: new Big(-6),
      averageEntryPrice: new Big(0),
      at: START,
    });
    expect(book.positions.get('AAPL')).toMatchObject({ openedAt: undefined });
  });
});

describe('whatever the stream does to the messages', () => {
  const part = fc.record({ quantity: fc.integer({ min: 1, max: 20 }), cents: fc.integer({ min: 1, max: 20_000 }) });
  const anOrder = fc.record({
    buy: fc.boolean(),
    parts: fc.array(part, { minLength: 1, maxLength: 5 }),
    canceled: fc.boolean(),
  });

  /** Messages of several orders as they left the broker, and the state that they lead to. */
  function story(orders: readonly { buy: boolean; parts: { quantity: number; cents: number }[]; canceled: boolean }[]) {
    const sent: BrokerEvent[] = [];
    const finals: BrokerOrder[] = [];
    const rows = orders.map((found, index) => {
      const total = found.parts.reduce((sum, { quantity }) => sum + quantity, 0) + (found.canceled ? 1 : 0);
      const clientOrderId = `order-${index}`;
      const parts = found.parts.map(({ quantity, cents }) => ({
        quantity: String(quantity),
        price: new Big(cents).div(100).toFixed(),
      }));
      const { events: list, last } = fillEvents(parts, String(total), {
        clientOrderId,
        brokerOrderId: `broker-${index}`,
      });
      const end = found.canceled ? { ...last, status: 'canceled', updatedAt: START + 1_000 } : last;
      sent.push(...list, ...(found.canceled ? [event('canceled', START + 1_000, end)] : []));
      finals.push(end);
      return durable({
        clientOrderId,
        orderId: clientOrderId,
        side: found.buy ? 'buy' : 'sell',
        quantity: String(total),
      });
    });
    return { sent, finals, orders: rows };
  }

  test('repeats and any order lead to the same orders and the same holdings', () => {
    fc.assert(
      fc.property(fc.array(anOrder, { minLength: 1, maxLength: 4 }), fc.infiniteStream(fc.nat()), (orders, random) => {
        const { sent, orders: rows } = story(orders);
        const straight = bookWith(...rows.map((row) => structured(row)));
        apply(straight, ...events(sent));
        const shuffled = shuffle([...sent, ...sent.filter(() => next(random) % 3 === 0)], random);
        const mixed = bookWith(...rows.map((row) => structured(row)));
        apply(mixed, ...events(shuffled));
        expect(held(mixed)).toBe(held(straight));
        expect(mixed.gaps.size).toBe(0);
        for (const { clientOrderId } of rows) {
          const { status, filled_quantity: filled, avg_fill_price: average } = shown(mixed, clientOrderId);
          const expected = shown(straight, clientOrderId);
          expect([status, filled, average]).toEqual([
            expected.status,
            expected.filled_quantity,
            expected.avg_fill_price,
          ]);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('what is lost is seen as a gap, and a look-up closes it with the right number of shares', () => {
    fc.assert(
      fc.property(fc.array(anOrder, { minLength: 1, maxLength: 4 }), fc.infiniteStream(fc.nat()), (orders, random) => {
        const { sent, finals, orders: rows } = story(orders);
        const straight = bookWith(...rows.map((row) => structured(row)));
        apply(straight, ...events(sent));
        const book = bookWith(...rows.map((row) => structured(row)));
        const [early, late] = [[], []] as [BrokerEvent[], BrokerEvent[]];
        for (const found of shuffle(sent, random))
          if (next(random) % 3 !== 0) (next(random) % 2 === 0 ? early : late).push(found);
        apply(book, ...events(early));
        for (const report of finals) {
          apply(book, { kind: 'report', report, event: 'reconciled', at: START + 2_000 });
          const tracked = book.byClientId(report.clientOrderId);
          const rest = tracked === undefined ? undefined : impliedExecution(tracked, report);
          if (rest !== undefined)
            apply(book, { kind: 'executions', clientOrderId: report.clientOrderId, executions: [rest] });
        }
        apply(book, ...events(late));
        expect(book.gaps.size).toBe(0);
        expect(held(book)).toBe(held(straight));
        for (const { clientOrderId } of rows) {
          const found = shown(book, clientOrderId);
          const expected = shown(straight, clientOrderId);
          expect([found.status, found.filled_quantity]).toEqual([expected.status, expected.filled_quantity]);
        }
      }),
      { numRuns: 150 },
    );
  });
});

const structured = (order: ReturnType<typeof durable>): ReturnType<typeof durable> => ({ ...order });
const next = (random: fc.Stream<number>): number => random.next().value ?? 0;

function shuffle<T>(list: readonly T[], random: fc.Stream<number>): T[] {
  const mixed = [...list];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = next(random) % (at + 1);
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}
