import { describe, expect, test } from '@jest/globals';
import type { RiskLimits } from '@papergate/config';
import type { ServiceAnswer } from '@papergate/service-kit';
import type { Exposure } from '../exposure/exposure.ts';
import { compileLimits } from '../limits/compile.ts';
import { makeExposure, makeLimits, markAt, NOON } from '../testing/make.ts';
import { nanos } from '../units.ts';
import type { GuardRow } from './guards.ts';
import { Protection } from './protection.ts';

function setUp(
  position: { quantity: string; price: string },
  change?: (limits: RiskLimits) => void,
  stored: GuardRow[] = [],
) {
  const exposure: Exposure = makeExposure({ AAPL: position });
  const clock = { now: NOON };
  const sent: Record<string, unknown>[] = [];
  const answer: { status: number | 'silence' } = { status: 200 };
  const rows = new Map(stored.map((row) => [row.symbol, row]));
  const database = { down: false };
  const open: { order_id: string; side: string }[] = [];
  const canceled: string[] = [];
  const protection = new Protection({
    exposure,
    store: {
      load: () => (database.down ? Promise.reject(new Error('down')) : Promise.resolve([...rows.values()])),
      save: (saved, gone) => {
        if (database.down) return Promise.reject(new Error('down'));
        for (const symbol of gone) rows.delete(symbol);
        for (const { symbol, openedAt, best, attempt } of saved) rows.set(symbol, { symbol, openedAt, best, attempt });
        return Promise.resolve();
      },
    },
    limits: compileLimits(makeLimits(change)),
    engine: {
      get: () => Promise.resolve({ status: 200, body: { orders: open }, headers: new Headers() }),
      send: (method, path, body) => {
        if (method === 'DELETE') {
          canceled.push(path);
          return Promise.resolve({ status: 200, body: {}, headers: new Headers() });
        }
        sent.push(body as Record<string, unknown>);
        if (answer.status === 'silence') return Promise.reject(new Error('no answer'));
        return Promise.resolve({ status: answer.status, body: {}, headers: new Headers() } satisfies ServiceAnswer);
      },
    },
    logger: { info: () => undefined, warn: () => undefined },
    onPlaced: () => undefined,
    now: () => clock.now,
  });
  const mark = async (usd: number): Promise<void> => {
    markAt(exposure, 'AAPL', usd, clock.now);
    await protection.run();
  };
  return { exposure, clock, sent, answer, mark, rows, database, open, canceled };
}

const id = (attempt: number): string => `protect-AAPL-${NOON.toString(36)}-${attempt}`;

describe('protection', () => {
  test.each([
    ['a long position at its stop', '10', 98, 'sell'],
    ['a long position at its target', '10', 104, 'sell'],
    ['a short position at its stop', '-10', 102, 'buy'],
    ['a short position at its target', '-10', 96, 'buy'],
  ])('closes %s, not a cent before', async (_name, quantity, at, side) => {
    const { sent, mark } = setUp({ quantity, price: '100' });
    await mark(at > 100 ? at - 0.01 : at + 0.01);
    expect(sent).toEqual([]);
    await mark(at);
    expect(sent).toEqual([{ symbol: 'AAPL', side, type: 'market', quantity: '10', client_order_id: id(1) }]);
  });

  test('a trailing stop follows the best price', async () => {
    const { sent, mark } = setUp({ quantity: '10', price: '100' }, (limits) => {
      limits.stop_loss.trailing = true;
      limits.take_profit.enabled = false;
    });
    await mark(110);
    await mark(107.81);
    expect(sent).toEqual([]);
    await mark(107.8);
    expect(sent).toHaveLength(1);
  });

  test('sends one order, and another only when the position is still open after a while', async () => {
    const { clock, sent, mark } = setUp({ quantity: '10', price: '100' });
    await mark(97);
    await mark(96);
    expect(sent).toHaveLength(1);
    clock.now += 5_000;
    await mark(96);
    expect(sent.map(({ client_order_id: found }) => found)).toEqual([id(1), id(2)]);
  });

  test('repeats the very same order when the answer was lost', async () => {
    const { answer, clock, sent, mark } = setUp({ quantity: '10', price: '100' });
    answer.status = 'silence';
    await mark(97);
    answer.status = 200;
    clock.now += 5_000;
    await mark(97);
    expect(sent.map(({ client_order_id: found }) => found)).toEqual([id(1), id(1)]);
  });

  test('a position that was opened anew is protected under a new id', async () => {
    const { clock, exposure, sent, mark } = setUp({ quantity: '10', price: '100' });
    await mark(97);
    exposure.setPosition('AAPL', 0n, 0n, undefined);
    await mark(97);
    exposure.setPosition('AAPL', nanos('10'), nanos('100'), NOON + 60_000);
    clock.now += 60_000;
    await mark(97);
    expect(sent.map(({ client_order_id: found }) => found)).toEqual([
      id(1),
      `protect-AAPL-${(NOON + 60_000).toString(36)}-1`,
    ]);
  });

  test('counts the orders that close the position already, and splits what one order may not be for', async () => {
    const { exposure, sent, mark } = setUp({ quantity: '700', price: '100' });
    exposure.reserve(
      { clientOrderId: 'x', symbol: 'AAPL', side: 'sell', quantity: nanos('600'), remaining: nanos('600'), at: NOON },
      0n,
    );
    await mark(97);
    expect(sent[0]).toMatchObject({ quantity: '100' });
    const big = setUp({ quantity: '700', price: '100' });
    await big.mark(97);
    expect(big.sent[0]).toMatchObject({ quantity: '257' });
    const covered = setUp({ quantity: '10', price: '100' });
    covered.exposure.reserve(
      { clientOrderId: 'x', symbol: 'AAPL', side: 'sell', quantity: nanos('10'), remaining: nanos('10'), at: NOON },
      0n,
    );
    await covered.mark(97);
    expect(covered.sent).toEqual([]);
  });

  test('does nothing while halted, on an old price, or when it is switched off', async () => {
    const halted = setUp({ quantity: '10', price: '100' });
    halted.exposure.state = 'HALTED';
    await halted.mark(90);
    expect(halted.sent).toEqual([]);
    halted.exposure.state = 'REDUCING';
    halted.clock.now += 1;
    await halted.mark(90);
    expect(halted.sent).toHaveLength(1);
    const off = setUp({ quantity: '10', price: '100' }, (limits) => {
      limits.stop_loss.enabled = false;
      limits.take_profit.enabled = false;
    });
    await off.mark(50);
    expect(off.sent).toEqual([]);
  });

  test('prices that clients post move no stop while the exchange speaks', async () => {
    const { clock, exposure, sent, mark } = setUp({ quantity: '10', price: '100' });
    const tick = { n: 1, s: 'AAPL', k: 't' as const, t: 0, r: 0, p: 50e6, b: 50e6, a: 50e6, x: true as const };
    exposure.mark(tick, clock.now + 1, 15_000);
    await mark(100);
    expect(sent).toEqual([]);
    clock.now += 15_001;
    exposure.mark(tick, clock.now, 15_000);
    expect(exposure.symbol('AAPL').bid).toBe(50e6);
  });

  const trailing = (limits: RiskLimits): void => {
    limits.stop_loss.trailing = true;
    limits.take_profit.enabled = false;
  };

  test('a trailing stop knows the best price between two looks, and not a stub quote', async () => {
    const { clock, exposure, sent, mark } = setUp({ quantity: '10', price: '100' }, trailing);
    exposure.widestSpread = 0.02;
    const quote = (bid: number, ask: number) =>
      exposure.mark(
        { n: 1, s: 'AAPL', k: 'q', t: 0, r: 0, b: bid * 1e6, a: ask * 1e6, bs: 1, as: 1 },
        clock.now,
        15_000,
      );
    quote(90, 200_000);
    await mark(100);
    expect(sent).toEqual([]);
    quote(109.9, 110.1);
    await mark(107.81);
    expect(sent).toEqual([]);
    await mark(107.8);
    expect(sent).toHaveLength(1);
  });

  test('a trailing stop goes on from the best price after a restart, and not from that of another position', async () => {
    const first = setUp({ quantity: '10', price: '100' }, trailing);
    await first.mark(110);
    expect([...first.rows.values()]).toEqual([{ symbol: 'AAPL', openedAt: NOON, best: nanos('110'), attempt: 1 }]);
    const again = setUp({ quantity: '10', price: '100' }, trailing, [...first.rows.values()]);
    await again.mark(107.8);
    expect(again.sent).toHaveLength(1);
    expect(again.rows.get('AAPL')?.attempt).toBe(2);
    const other = setUp({ quantity: '10', price: '100' }, trailing, [
      { symbol: 'AAPL', openedAt: NOON - 1, best: nanos('110'), attempt: 7 },
    ]);
    await other.mark(107.8);
    expect(other.sent).toEqual([]);
    await other.mark(105.6);
    expect(other.sent.map(({ client_order_id: found }) => found)).toEqual([id(1)]);
  });

  test.each([
    ['was closed and opened again', ['0', '10']],
    ['was turned and turned back', ['-10', '10']],
  ])('a trailing stop of a position that %s knows nothing of the one before', async (_what, quantities) => {
    const { clock, exposure, sent, mark } = setUp({ quantity: '10', price: '100' }, trailing);
    await mark(110);
    for (const [i, quantity] of quantities.entries()) {
      exposure.setPosition('AAPL', nanos(quantity), nanos('100'), NOON + 60_000 * (i + 1));
    }
    clock.now += 120_000;
    await mark(107.8);
    expect(sent).toEqual([]);
    await mark(105.64);
    expect(sent).toHaveLength(1);
  });

  test('a position that is closed leaves nothing behind, and what could not be stored is stored later', async () => {
    const { database, exposure, mark, rows } = setUp({ quantity: '10', price: '100' }, trailing);
    await mark(100);
    database.down = true;
    await mark(110);
    expect(rows.size).toBe(0);
    database.down = false;
    await mark(109);
    expect(rows.get('AAPL')?.best).toBe(nanos('110'));
    exposure.setPosition('AAPL', 0n, 0n, undefined);
    await mark(109);
    expect(rows.size).toBe(0);
  });

  test('orders of ours in the way are canceled first; what stays is left to the broker', async () => {
    const { canceled, clock, exposure, open, sent, mark } = setUp({ quantity: '10', price: '100' });
    const one = nanos('1');
    open.push({ order_id: 'buys', side: 'buy' }, { order_id: 'sells', side: 'sell' });
    exposure.reserve({ clientOrderId: 'x', symbol: 'AAPL', side: 'buy', quantity: one, remaining: one, at: NOON }, 0n);
    await mark(97);
    expect([sent, canceled]).toEqual([[], ['/orders/buys']]);
    exposure.release('x');
    await mark(97);
    expect(sent).toHaveLength(1);
    const stuck = setUp({ quantity: '10', price: '100' });
    stuck.exposure.reserve(
      { clientOrderId: 'x', symbol: 'AAPL', side: 'buy', quantity: one, remaining: one, at: NOON },
      0n,
    );
    await stuck.mark(97);
    expect(stuck.sent).toEqual([]);
    stuck.clock.now += 5_000;
    await stuck.mark(97);
    expect(stuck.sent).toHaveLength(1);
    expect(clock.now).toBe(NOON);
  });
});
