import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlpacaError } from '../errors.ts';
import { replayLedger } from '../ledger/replay.ts';
import { availableQty } from '../orders/checks.ts';
import { isClosed } from '../orders/model.ts';
import { formatMoney, formatQty, parseScaled } from '../units/amounts.ts';
import { Core } from './make-core.ts';

type Json = Record<string, unknown>;
type Step =
  | { do: 'quote'; symbol: string; middle: number; spread: number; bidSize: number; askSize: number }
  | { do: 'trade'; symbol: string; price: number; size: number }
  | { do: 'submit'; order: Json }
  | { do: 'cancel'; pick: number }
  | { do: 'replace'; pick: number; limit: number; qty: number }
  | { do: 'wait'; seconds: number };

const symbol = fc.constantFrom('AAPL', 'MSFT');
const cents = fc.integer({ min: 9_980, max: 10_020 }).map((value) => value / 100);
const price = cents.map(String);
const size = fc.integer({ min: 0, max: 300 });

const simple = fc.record({
  symbol,
  side: fc.constantFrom('buy', 'sell'),
  qty: fc.oneof(fc.integer({ min: 1, max: 400 }).map(String), fc.constantFrom('0.5', '1.123456789')),
  type: fc.constantFrom('market', 'limit', 'stop', 'stop_limit', 'trailing_stop'),
  time_in_force: fc.constantFrom('day', 'day', 'gtc', 'ioc', 'fok', 'opg', 'cls'),
  limit: price,
  stop: price,
});
const order: fc.Arbitrary<Json> = fc.oneof(
  simple.map(({ limit, stop, ...rest }) => ({
    ...rest,
    ...(rest.type === 'limit' || rest.type === 'stop_limit' ? { limit_price: limit } : {}),
    ...(rest.type === 'stop' || rest.type === 'stop_limit' ? { stop_price: stop } : {}),
    ...(rest.type === 'trailing_stop' ? { trail_price: '1.5' } : {}),
  })),
  fc.record({
    symbol,
    side: fc.constantFrom('buy', 'sell'),
    notional: fc.integer({ min: 1, max: 9999 }).map(String),
    type: fc.constant('market'),
  }),
  fc
    .record({
      symbol,
      side: fc.constantFrom('buy', 'sell'),
      qty: fc.integer({ min: 1, max: 200 }).map(String),
      type: fc.constantFrom('market', 'limit'),
      limit: price,
      order_class: fc.constantFrom('bracket', 'oco', 'oto'),
      take: fc.integer({ min: 10, max: 400 }),
      loss: fc.integer({ min: 10, max: 400 }),
    })
    .map(({ limit, take, loss, ...rest }) => {
      const long = (rest.side === 'buy') !== (rest.order_class === 'oco');
      const away = (by: number): string => (100 + (long ? by : -by) / 100).toFixed(2);
      return {
        ...rest,
        ...(rest.type === 'limit' && rest.order_class !== 'oco' ? { limit_price: limit } : {}),
        ...(rest.order_class === 'oco' ? { type: 'limit' } : {}),
        stop_loss: { stop_price: away(-loss) },
        ...(rest.order_class === 'oto' ? {} : { take_profit: { limit_price: away(take) } }),
      };
    }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('quote' as const),
      symbol,
      middle: cents,
      spread: fc.integer({ min: -2, max: 12 }),
      bidSize: size,
      askSize: size,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('trade' as const), symbol, price: cents, size }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('submit' as const), order }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick: fc.nat(1000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      pick: fc.nat(1000),
      limit: cents,
      qty: fc.integer({ min: 1, max: 400 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 50_000 }) }),
  },
);

function pickOrder(core: Core, pick: number) {
  const orders = [...core.exchange.store.all()];
  return orders[pick % Math.max(1, orders.length)];
}

function act(core: Core, what: Step): void {
  try {
    if (what.do === 'quote') {
      const half = what.spread / 200;
      const bid = Number((what.middle - half).toFixed(2));
      core.quote(bid, Number((bid + what.spread / 100).toFixed(2)), what);
    } else if (what.do === 'trade') core.trade(what.price, what);
    else if (what.do === 'submit') {
      const amount = what.order['notional'] === undefined ? {} : { qty: undefined };
      core.submit({ ...what.order, ...amount });
    } else if (what.do === 'wait') core.wait(what.seconds);
    else {
      const found = pickOrder(core, what.pick);
      if (found === undefined) return;
      if (what.do === 'cancel') core.exchange.desk.cancel(found);
      else core.exchange.desk.replace(found, { limit_price: String(what.limit), qty: String(what.qty) });
    }
  } catch (error) {
    // A refusal is an answer; anything else is a defect.
    if (!(error instanceof AlpacaError)) throw error;
  }
}

/** Limits as each order was sent or replaced; a fill beyond one is a defect whatever else holds. */
function checkFills(core: Core): void {
  const fills = core.ledger().filter((entry) => entry.kind === 'fill');
  const filled = new Map<string, bigint>();
  for (const fill of fills) {
    const found = core.exchange.store.get(fill.order_id);
    if (found === undefined) throw new Error(`a fill of the unknown order ${fill.order_id}`);
    const paid = Number(parseScaled(fill.price, 6));
    if (found.limit !== null) {
      if (found.side === 'buy') expect(paid).toBeLessThanOrEqual(found.limit);
      else expect(paid).toBeGreaterThanOrEqual(found.limit);
    }
    filled.set(found.id, (filled.get(found.id) ?? 0n) + (parseScaled(fill.qty, 9) ?? 0n));
  }
  for (const found of core.exchange.store.all()) {
    expect(formatQty(found.filledQty)).toBe(formatQty(filled.get(found.id) ?? 0n));
    if (found.qty !== null) expect(found.filledQty <= found.qty).toBe(true);
    if (found.notional !== null) expect(found.filledValue <= found.notional).toBe(true);
    if (found.status === 'filled' && found.qty !== null) expect(found.filledQty).toBe(found.qty);
  }
}

function checkState(core: Core): void {
  const { exchange } = core;
  const entries = core.ledger();
  const replayed = replayLedger(entries, exchange.account.startingCash);
  expect(formatMoney(replayed.account.cash)).toBe(formatMoney(exchange.account.cash));
  expect(replayed.account.positions).toEqual(exchange.account.positions);
  for (const found of exchange.store.all()) {
    const seen = replayed.orders.get(found.id);
    // An exit that waits has had no event yet.
    if (found.status !== 'held') expect(seen?.status).toBe(found.status);
    expect(seen?.filled).toBe(found.filledQty);
  }
  const open = new Set(exchange.store.open());
  for (const found of exchange.store.all()) expect(open.has(found)).toBe(!isClosed(found.status));
  for (const name of ['AAPL', 'MSFT']) {
    expect(availableQty(exchange, name) >= 0n).toBe(true);
    const { book } = exchange.instruments.list(name);
    for (const side of ['buy', 'sell'] as const) {
      const queue = book.resting(side);
      for (const working of queue) expect(open.has(exchange.store.get(working.id) as never)).toBe(true);
      for (let i = 1; i < queue.length; i += 1) {
        const [first, second] = [queue[i - 1]?.limit ?? null, queue[i]?.limit ?? null];
        const better =
          first === null ? second !== null : second !== null && (side === 'buy' ? first > second : first < second);
        expect(better || (first === second && (queue[i - 1]?.seq ?? 0) < (queue[i]?.seq ?? 0))).toBe(true);
      }
    }
  }
}

describe('whatever is sent and however the market moves', () => {
  test('money and shares are conserved, limits kept, nothing is over-filled, and the ledger tells the same story', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.constantFrom('always' as const, 'regular' as const),
        (steps, hours) => {
          const core = new Core({ hours, startingCash: 200_000 });
          core.quote(99.9, 100.1);
          core.quote(99.9, 100.1, { symbol: 'MSFT' });
          for (const what of steps) act(core, what);
          checkFills(core);
          checkState(core);
        },
      ),
      { seed: 20_131_007, numRuns: 400 },
    );
  });
});
