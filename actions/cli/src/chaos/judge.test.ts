import { describe, expect, test } from '@jest/globals';
import { judge, nanos, type Books, type LedgerLine, type OrderLine } from './judge.ts';

const order = (id: string, change: Partial<OrderLine> = {}): OrderLine => ({
  order_id: `row-${id}`,
  client_order_id: id,
  status: 'filled',
  quantity: '3',
  filled_quantity: '3',
  reject_code: null,
  reject_reason: null,
  ...change,
});

const placed = (id: string): LedgerLine => ({ seq: 1, kind: 'order', client_order_id: id, qty: '3' });
const fill = (id: string, qty = '3', after = 'filled'): LedgerLine => ({
  seq: 2,
  kind: 'fill',
  client_order_id: id,
  qty,
  order_status: after,
});

/** Three orders whose books agree: filled in two parts, refused by the exchange, canceled before it was sent. */
function good(): Books & {
  told: Map<string, { outcome: 'acknowledged' | 'refused' | 'unanswered'; orderId?: string }>;
} {
  return {
    told: new Map([
      ['a', { outcome: 'acknowledged', orderId: 'row-a' }],
      ['b', { outcome: 'acknowledged', orderId: 'row-b' }],
      ['c', { outcome: 'acknowledged', orderId: 'row-c' }],
      ['d', { outcome: 'refused' }],
      ['e', { outcome: 'unanswered' }],
    ]),
    ledger: [
      placed('a'),
      fill('a', '1.2', 'partially_filled'),
      fill('a', '1.8'),
      { seq: 3, kind: 'refusal', client_order_id: 'b' },
    ],
    orders: [
      order('a'),
      order('b', { status: 'rejected', filled_quantity: '0', reject_code: '40310000' }),
      order('c', { status: 'canceled', filled_quantity: '0', reject_reason: 'canceled before it was sent' }),
    ],
    trades: [
      { client_order_id: 'a', execution_id: 'x1', quantity: '1.2' },
      { client_order_id: 'a', execution_id: 'x2', quantity: '1.8' },
    ],
    positions: { ours: new Map([['AAPL', '3']]), exchange: new Map([['AAPL', '3.000']]) },
    cash: { ours: '100.001', exchange: '100' },
    alarms: [],
  };
}

const changed = (change: (books: ReturnType<typeof good>) => Partial<Books>): string[] => {
  const books = good();
  return judge({ ...books, ...change(books) }).map(({ verdict }) => verdict);
};

describe('the judge', () => {
  test('finds nothing where the books agree', () => {
    expect(judge(good())).toEqual([]);
  });

  test('counts in billionths, exactly', () => {
    expect([nanos('0.1') + nanos('0.2'), nanos('-1.5'), nanos('12')]).toEqual([
      nanos('0.3'),
      -1_500_000_000n,
      12_000_000_000n,
    ]);
  });

  test.each<[string, string[], (books: ReturnType<typeof good>) => Partial<Books>]>([
    ['an acknowledged order without a row', ['lost', 'phantom'], ({ orders }) => ({ orders: orders.slice(1) })],
    [
      'an acknowledged order that never reached the exchange',
      ['lost', 'phantom'],
      ({ ledger }) => ({ ledger: ledger.slice(3) }),
    ],
    ['a rejection that the exchange never gave', ['lost'], ({ ledger }) => ({ ledger: ledger.slice(0, 3) })],
    ['a fill that was not booked', ['lost', 'wrong position'], ({ trades }) => ({ trades: trades.slice(1) })],
    [
      'a fill that was booked twice',
      ['duplicated', 'wrong position'],
      ({ trades }) => ({ trades: [...trades, ...trades.slice(1)] }),
    ],
    ['an order that the exchange took twice', ['duplicated'], ({ ledger }) => ({ ledger: [placed('a'), ...ledger] })],
    [
      'an acknowledgement of another row',
      ['duplicated'],
      ({ orders }) => ({ orders: [order('a', { order_id: 'other' }), ...orders.slice(1)] }),
    ],
    [
      'more filled than was ordered',
      ['duplicated'],
      ({ orders }) => ({ orders: [order('a', { quantity: '2' }), ...orders.slice(1)] }),
    ],
    [
      'an order at the exchange that nobody stored',
      ['phantom'],
      ({ ledger }) => ({ ledger: [...ledger, placed('z')] }),
    ],
    [
      'a refused order that stands',
      ['phantom', 'lost'],
      ({ orders }) => ({ orders: [...orders, order('d', { status: 'canceled', filled_quantity: '0' })] }),
    ],
    [
      'trades that the exchange does not know',
      ['lost', 'phantom'],
      ({ orders, trades }) => ({
        orders: [...orders, order('e')],
        trades: [...trades, { client_order_id: 'e', execution_id: 'x3', quantity: '3' }],
      }),
    ],
    [
      'an end that the exchange does not share',
      ['phantom'],
      ({ orders }) => ({ orders: [order('a', { status: 'canceled' }), ...orders.slice(1)] }),
    ],
    [
      'an order that does not end',
      ['unsettled', 'phantom'],
      ({ orders }) => ({ orders: [order('a', { status: 'unknown' }), ...orders.slice(1)] }),
    ],
    [
      'another position',
      ['wrong position'],
      ({ positions }) => ({ positions: { ...positions, exchange: new Map([['AAPL', '-3']]) } }),
    ],
    [
      'a position on one side only',
      ['wrong position'],
      ({ positions }) => ({
        positions: {
          ...positions,
          exchange: new Map([
            ['AAPL', '3'],
            ['SPY', '1'],
          ]),
        },
      }),
    ],
    ['other cash', ['wrong position'], ({ cash }) => ({ cash: { ...cash, exchange: '100.02' } })],
    ['no cash', ['wrong position'], ({ cash }) => ({ cash: { ...cash, ours: undefined } })],
    ['an alarm of the engine', ['alarm'], () => ({ alarms: [{ code: 'ORDER_OVERFILL', message: 'm' }] })],
  ])('finds %s', (_name, verdicts, change) => {
    expect(changed(change)).toEqual(verdicts);
  });
});
