import fc from 'fast-check';
import { AlpacaError } from '../errors.ts';
import type { Core } from './make-core.ts';

type Json = Record<string, unknown>;
export type Step =
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

/** Anything that a client or the market may do. */
export const step: fc.Arbitrary<Step> = fc.oneof(
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

/** Does it; a refusal is an answer. */
export function act(core: Core, what: Step): void {
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
