import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMetrics } from '@papergate/service-kit';
import { Exposure } from '../exposure/exposure.ts';
import { sumOthers } from '../exposure/totals.ts';
import { createInstruments } from '../instruments.ts';
import { compileLimits } from '../limits/compile.ts';
import { makeExposure, makeLimits, NOON, order } from '../testing/make.ts';
import { abs, attos, attosText, nanos, nanosText } from '../units.ts';
import { createHandler } from './handler.ts';
import { Traffic } from './traffic.ts';

const limits = makeLimits((set) => {
  set.position_limits = {
    max_position_quantity: '60',
    max_position_value: '5000',
    max_symbol_concentration_percent: 0.6,
    max_gross_exposure: '9000',
    max_net_exposure: '6000',
    max_open_positions: 2,
    max_buying_power_percent: 100,
    allow_short: true,
  };
  set.order_validation.max_open_orders = 12;
  set.order_validation.max_orders_per_second = 1_000;
  set.order_validation.max_orders_per_minute = 1_000;
  set.loss_limits.max_daily_loss = '1000000000';
});
const compiled = compileLimits(limits);
const MARKS = { AAPL: 100, MSFT: 90, SPY: 110 };
const PRICES: Record<string, bigint> = Object.fromEntries(
  Object.entries(MARKS).map(([symbol, usd]) => [symbol, nanos(String(usd))]),
);

const instruments = createInstruments(createMetrics('risk-manager', { runtime: false }));

function handlerOf(exposure: Exposure) {
  return createHandler({
    exposure,
    limits: compiled,
    traffic: new Traffic(compiled.order),
    scope: { refusal: () => undefined },
    rules: { rejected: () => undefined },
    recorder: { record: () => undefined },
    instruments,
    since: () => '',
    now: () => NOON,
  });
}

/** What is really held, reckoned from the fills alone. */
function assertWithinLimits(held: ReadonlyMap<string, bigint>): void {
  let gross = 0n;
  let net = 0n;
  let open = 0;
  for (const [symbol, quantity] of held) {
    const value = quantity * (PRICES[symbol] ?? 0n);
    if (abs(quantity) > nanos('60')) throw new Error(`${symbol} came to ${nanosText(quantity)} shares`);
    if (abs(value) > attos('5000')) throw new Error(`${symbol} came to ${attosText(value)} USD`);
    gross += abs(value);
    net += value;
    if (quantity !== 0n) open += 1;
  }
  if (gross > attos('9000')) throw new Error(`gross exposure came to ${attosText(gross)}`);
  if (abs(net) > attos('6000')) throw new Error(`net exposure came to ${attosText(net)}`);
  if (open > 2) throw new Error(`${open} positions are open`);
}

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('check' as const),
      symbol: fc.constantFrom('AAPL', 'MSFT', 'SPY'),
      side: fc.constantFrom('buy' as const, 'sell' as const),
      quantity: fc.integer({ min: 1, max: 70 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ act: fc.constant('fill' as const), which: fc.nat(), part: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('end' as const), which: fc.nat() }) },
);

describe('reservations', () => {
  test('whatever is approved stays within every limit, in whichever order and however partially it is filled', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const exposure = makeExposure({}, MARKS);
        const handle = handlerOf(exposure);
        const held = new Map<string, bigint>();
        const open: { id: string; symbol: string; side: 'buy' | 'sell'; quantity: bigint; filled: bigint }[] = [];
        for (const [index, now] of steps.entries()) {
          if (now.act === 'check') {
            const { symbol, side, quantity } = now;
            const id = `o-${index}`;
            const answer = handle({
              type: 'check',
              order: order({ client_order_id: id, symbol, side, quantity: String(quantity) }),
            });
            if ('allowed' in answer && answer.allowed)
              open.push({ id, symbol, side, quantity: nanos(String(quantity)), filled: 0n });
          } else if (open.length > 0) {
            const at = now.which % open.length;
            const target = open[at];
            if (target === undefined) continue;
            const rest = target.quantity - target.filled;
            const part = now.act === 'end' ? 0n : now.part === 4 ? rest : (rest * BigInt(now.part)) / 4n;
            target.filled += part;
            const quantity = (held.get(target.symbol) ?? 0n) + (target.side === 'buy' ? part : -part);
            held.set(target.symbol, quantity);
            exposure.setPosition(target.symbol, quantity, PRICES[target.symbol] ?? 0n, NOON);
            exposure.shrink(target.id, target.filled);
            if (now.act === 'end' || target.filled === target.quantity) {
              exposure.release(target.id);
              open.splice(at, 1);
            }
          }
          assertWithinLimits(held);
        }
        // However the rest ends: all filled in one go, on either side first.
        for (const first of ['buy', 'sell'] as const) {
          const worst = new Map(held);
          for (const { symbol, side, quantity, filled } of open.filter((entry) => entry.side === first)) {
            worst.set(symbol, (worst.get(symbol) ?? 0n) + (side === 'buy' ? quantity - filled : filled - quantity));
          }
          assertWithinLimits(worst);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the sums of reservations are those of the orders that are open', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd');
    const action = fc.oneof(
      fc.record({
        act: fc.constant('reserve' as const),
        id: ids,
        side: fc.constantFrom('buy' as const, 'sell' as const),
        quantity: fc.integer({ min: 1, max: 9 }),
      }),
      fc.record({ act: fc.constant('shrink' as const), id: ids, filled: fc.integer({ min: 0, max: 12 }) }),
      fc.record({ act: fc.constant('release' as const), id: ids }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const exposure = makeExposure();
        for (const now of actions) {
          if (now.act === 'release') exposure.release(now.id);
          else if (now.act === 'shrink') exposure.shrink(now.id, nanos(String(now.filled)));
          else {
            const quantity = nanos(String(now.quantity));
            exposure.reserve(
              { clientOrderId: now.id, symbol: 'AAPL', side: now.side, quantity, remaining: quantity, at: NOON },
              0n,
            );
          }
          let [buys, sells] = [0n, 0n];
          for (const { side, remaining } of exposure.reservations.values()) {
            if (remaining < 0n) throw new Error('a reservation went below zero');
            if (side === 'buy') buys += remaining;
            else sells += remaining;
          }
          const { buys: foundBuys, sells: foundSells } = exposure.symbol('AAPL');
          if (foundBuys !== buys || foundSells !== sells) throw new Error('the sums are not those of the reservations');
        }
      }),
    );
  });

  test('a late message about fewer fills does not make a reservation grow back', () => {
    const exposure = makeExposure();
    const quantity = nanos('10');
    exposure.reserve({ clientOrderId: 'x', symbol: 'AAPL', side: 'buy', quantity, remaining: quantity, at: NOON }, 0n);
    exposure.shrink('x', nanos('6'));
    exposure.shrink('x', nanos('2'));
    expect(nanosText(exposure.symbol('AAPL').buys)).toBe('4');
  });

  test('a hundred orders of the same moment cannot pass a limit together', () => {
    const exposure = makeExposure();
    const handle = handlerOf(exposure);
    const answers = Array.from({ length: 100 }, (_, index) =>
      handle({ type: 'check', order: order({ client_order_id: `o-${index}`, quantity: '7' }) }),
    );
    const allowed = answers.filter((answer) => 'allowed' in answer && answer.allowed).length;
    expect(allowed).toBe(7);
    expect(nanosText(exposure.symbol('AAPL').buys)).toBe('49');
  });

  test('the same order asked for twice is reserved once, and given back once', () => {
    const exposure = makeExposure();
    const handle = handlerOf(exposure);
    const ask = () => handle({ type: 'check', order: order({ quantity: '30' }) });
    expect(ask()).toMatchObject({ allowed: true });
    expect(ask()).toMatchObject({ allowed: true });
    expect(nanosText(exposure.symbol('AAPL').buys)).toBe('30');
    expect(handle({ type: 'release', client_order_id: 'order-1' })).toEqual({ ok: true });
    expect(sumOthers(exposure, undefined)).toEqual({ gross: 0n, high: 0n, low: 0n, open: 0, pnl: 0n });
  });

  test('a symbol without a mark is valued at what was paid, or at what is offered', () => {
    const exposure = makeExposure({ TSLA: { quantity: '10', price: '200' } });
    exposure.reserve(
      { clientOrderId: 'x', symbol: 'QQQ', side: 'buy', quantity: nanos('2'), remaining: nanos('2'), at: NOON },
      nanos('300'),
    );
    expect(sumOthers(exposure, undefined)).toEqual({
      gross: attos('2600'),
      high: attos('2600'),
      low: attos('2000'),
      open: 2,
      pnl: 0n,
    });
  });

  test('what is no request is answered with what is allowed', () => {
    const handle = handlerOf(makeExposure());
    expect(() => handle({ type: 'buy' })).toThrow('type is "buy", allowed: "check", "checks", "release", "state"');
    expect(() => handle(null)).toThrow('allowed');
    expect(() => handle({ type: 'check', order: order({ quantity: 'many' }) })).toThrow(
      '"many" is not a decimal number',
    );
  });

  test('the state carries the equity once it is known', () => {
    const exposure = makeExposure();
    const handle = handlerOf(exposure);
    expect(handle({ type: 'state' })).toMatchObject({ state: 'ACTIVE', reason: 'test', equity: '1000000' });
    const unknown = handlerOf(new Exposure());
    expect(unknown({ type: 'state' })).toMatchObject({ state: 'HALTED', equity: null });
  });
});
