import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { replayLedger } from '../ledger/replay.ts';
import { availableQty } from '../orders/checks.ts';
import { isClosed } from '../orders/model.ts';
import { formatMoney, formatQty, parseScaled } from '../units/amounts.ts';
import { Core } from './make-core.ts';
import { act, step } from './random-session.ts';

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
