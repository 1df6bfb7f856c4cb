import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NOON } from '../testing/make.ts';
import { nanos } from '../units.ts';
import { Exposure, shareOf, type Totals } from './exposure.ts';
import { sumOthers } from './totals.ts';

const SYMBOLS = ['AAPL', 'MSFT', 'SPY', 'TSLA'];
const symbol = fc.constantFrom(...SYMBOLS);
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const quantity = fc.integer({ min: -20, max: 20 });

/** Everything that may happen to an exposure. */
const step = fc.oneof(
  fc.record({ act: fc.constant('mark' as const), symbol, usd: fc.integer({ min: 1, max: 300 }), trade: fc.boolean() }),
  fc.record({ act: fc.constant('snapshot' as const), symbol, usd: fc.integer({ min: 0, max: 300 }) }),
  fc.record({ act: fc.constant('position' as const), symbol, quantity, usd: fc.integer({ min: 1, max: 300 }) }),
  fc.record({ act: fc.constant('reserve' as const), symbol, id, quantity, traded: fc.boolean() }),
  fc.record({ act: fc.constant('shrink' as const), id, filled: fc.nat(20) }),
  fc.record({ act: fc.constant('release' as const), id }),
  fc.record({ act: fc.constant('trade' as const), id }),
  fc.record({ act: fc.constant('look' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function apply(exposure: Exposure, now: Step): void {
  switch (now.act) {
    case 'mark': {
      const price = now.usd * 1e6;
      const prices = now.trade ? { p: price } : { b: price, a: price + 10_000 };
      exposure.mark({ n: 1, s: now.symbol, k: now.trade ? 't' : 'q', t: 0, r: 0, ...prices }, NOON, 15_000);
      return;
    }
    case 'snapshot':
      exposure.setMark(now.symbol, { bid: now.usd * 1e6, ask: now.usd * 1e6, last: 0 }, NOON);
      return;
    case 'position':
      exposure.setPosition(now.symbol, nanos(String(now.quantity)), nanos(String(now.usd)), NOON);
      return;
    case 'reserve': {
      const shares = nanos(String(Math.abs(now.quantity) + 1));
      const side = now.quantity < 0 ? 'sell' : 'buy';
      const order = { clientOrderId: now.id, symbol: now.symbol, side, quantity: shares, remaining: shares } as const;
      exposure.reserve({ ...order, traded: now.traded, at: NOON }, nanos('50'));
      return;
    }
    case 'shrink':
      exposure.shrink(now.id, nanos(String(now.filled)));
      return;
    case 'release':
      exposure.release(now.id);
      return;
    case 'trade':
      exposure.addTrade(now.id);
      return;
    case 'look':
      exposure.totals();
  }
}

function summed(exposure: Exposure, except?: string): Totals {
  const totals = { gross: 0n, high: 0n, low: 0n, open: 0, pnl: 0n };
  for (const known of exposure.symbols.values()) {
    if (known.symbol === except) continue;
    const share = shareOf(known);
    totals.gross += share.gross;
    totals.high += share.high;
    totals.low += share.low;
    totals.open += share.open;
    totals.pnl += share.pnl;
  }
  return totals;
}

describe('what an exposure keeps as it goes', () => {
  test('is what it would come to if it were added up anew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const exposure = new Exposure();
        for (const now of steps) {
          apply(exposure, now);
          // Not after every step: what changed in between has to be made up for.
          if (now.act !== 'look') continue;
          expect(exposure.totals()).toEqual(summed(exposure));
        }
        for (const except of SYMBOLS) expect(sumOthers(exposure, except)).toEqual(summed(exposure, except));
        const open = [...exposure.reservations.values()];
        expect(exposure.possibleTrades - exposure.tradesToday).toBe(
          open.filter(({ traded }) => traded !== true).length,
        );
        for (const known of exposure.symbols.values()) {
          expect(known.open).toEqual(new Set(open.filter((order) => order.symbol === known.symbol)));
        }
      }),
      { numRuns: 300 },
    );
  });
});
