import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accountJson } from '../account/views.ts';
import { orderJson } from '../orders/model.ts';
import { Core, type CoreOptions } from '../testing/make-core.ts';
import { act, step } from '../testing/random-session.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'px-state-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = (folder = dir): string => join(folder, 'exchange.jsonl');

/** Everything that a client can see of the account, and what the floor has in its books. */
function seen({ exchange }: Core): unknown {
  const { account, store, ledger, settings, instruments } = exchange;
  return {
    orders: [...store.all()].map((order) => [orderJson(order, true), order.triggered, order.parent?.id]),
    open: [...store.open()].map(({ id }) => id).sort(),
    cash: account.cash,
    realized: account.realized,
    positions: [...account.positions.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)),
    ledger: ledger.read(0, Infinity),
    fills: ledger.fills(),
    settings: { ...settings },
    books: ['AAPL', 'MSFT'].map((symbol) => {
      const { book } = instruments.list(symbol);
      return [book.resting('buy'), book.resting('sell')].map((side) => side.map((order) => ({ ...order })));
    }),
  };
}

/** A new process on what the old one, killed this moment, has left. */
function killed(core: Core, options: CoreOptions = {}): Core {
  const copy = mkdtempSync(join(dir, 'copy-'));
  cpSync(file(), file(copy));
  const at = new Date(core.clock.now() / 1000).toISOString();
  return new Core({ ...options, at, lastId: core.lastId, stateDir: copy });
}

function market(core: Core): void {
  for (const symbol of ['AAPL', 'MSFT']) {
    core.quote(99.9, 100.1, { symbol, bidSize: 50, askSize: 50 });
    core.trade(100, { symbol, size: 10 });
    // A second one: the first may have elected a stop that took from the quote.
    core.quote(99.9, 100.1, { symbol, bidSize: 50, askSize: 50 });
  }
}

describe('the exchange’s memory', () => {
  test('whatever happened, a killed exchange comes back as it was and goes on as if it had not been away', () => {
    let restarts = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 3, maxLength: 40 }),
        fc.array(step, { minLength: 1, maxLength: 15 }),
        fc.constantFrom('always' as const, 'regular' as const),
        (before, after, hours) => {
          rmSync(file(), { force: true });
          const options: CoreOptions = { hours, startingCash: 200_000, stateDir: dir };
          const core = new Core(options);
          market(core);
          for (const what of before) act(core, what);
          // Time alone writes at the next heartbeat, which a quote of no size stands for.
          core.quote(99.9, 100.1, { bidSize: 0, askSize: 0 });
          const again = killed(core, options);
          expect(seen(again)).toEqual(seen(core));
          restarts += 1;
          for (const one of [core, again]) {
            market(one);
            for (const what of after) act(one, what);
          }
          expect(seen(again)).toEqual(seen(core));
        },
      ),
      { seed: 20_131_007, numRuns: 150 },
    );
    expect(restarts).toBe(150);
  });

  test('an entry that was replaced keeps its exits, and they their new entry', () => {
    const core = new Core({ stateDir: dir });
    core.quote(99, 101);
    const exits = { take_profit: { limit_price: '120' }, stop_loss: { stop_price: '80' } };
    const entry = core.submit({ type: 'limit', limit_price: '90', order_class: 'bracket', ...exits });
    const replacement = core.replace(entry, { limit_price: '91' });
    const again = killed(core);
    expect(seen(again)).toEqual(seen(core));
    for (const leg of again.order(replacement)['legs'] as { id: string }[]) {
      expect(again.exchange.store.get(leg.id)?.parent?.id).toBe(replacement);
    }
  });

  test('keeps the account’s number and id, so that clients find the same account', () => {
    const core = new Core({ stateDir: dir });
    const { exchange } = killed(core);
    const show = (one: Core['exchange']) => accountJson(one, one.identity, one.settings, 0);
    expect(show(exchange)).toEqual(show(core.exchange));
  });

  test('remembers client_order_ids: a second order under one of them is refused after a restart too', () => {
    const core = new Core({ stateDir: dir });
    core.quote(99, 101);
    core.submit({ client_order_id: 'once' });
    const again = killed(core);
    again.quote(99, 101);
    expect(again.refusal({ client_order_id: 'once' })).toMatchObject({ status: 422 });
  });

  test('a line that a kill cut off never counted; what came before it does', () => {
    const core = new Core({ stateDir: dir });
    core.quote(99, 101);
    const id = core.submit({ type: 'limit', limit_price: '90' });
    appendFileSync(file(), '{"l":{"seq":99,"kind":"fi');
    expect(killed(core).status(id)).toBe('new');
  });

  test('damage inside the file is said, with the line, and nothing starts on half a memory', () => {
    const core = new Core({ stateDir: dir });
    core.quote(99, 101);
    core.submit();
    const lines = readFileSync(file(), 'utf8').split('\n');
    writeFileSync(file(), [lines[0], 'garbage', ...lines.slice(1)].join('\n'));
    expect(() => killed(core)).toThrow(/line 2 cannot be read/);
    truncateSync(file(), 0);
    expect(() => killed(core)).toThrow(/first line/);
  });

  test('a fill that was edited does not amount to its cash, and is refused', () => {
    const core = new Core({ stateDir: dir });
    core.quote(99, 101);
    core.submit();
    const text = readFileSync(file(), 'utf8');
    expect(text).toContain('"price":"101"');
    writeFileSync(file(), text.replace('"price":"101"', '"price":"100"'));
    expect(() => killed(core)).toThrow(/cash is not what the fills amount to/);
  });

  test('another starting cash than it began with is refused by name', () => {
    const core = new Core({ stateDir: dir });
    expect(() => killed(core, { startingCash: 5 })).toThrow(/starting cash/);
  });

  test('a reset empties the file as well', () => {
    const core = new Core({ stateDir: dir });
    core.quote(99, 101);
    core.submit();
    core.exchange.reset();
    expect(seen(killed(core))).toMatchObject({ orders: [], ledger: [], positions: [] });
  });

  test('compaction forgets old closed orders and entries, and keeps numbers, money and open orders', () => {
    const core = new Core({ stateDir: dir, startingCash: 100_000_000 });
    const resting = core.submit({ symbol: 'MSFT', type: 'limit', limit_price: '1', time_in_force: 'gtc' });
    core.quote(99, 101, { bidSize: 1e9, askSize: 1e9 });
    for (let n = 0; n < 21_000; n += 1) core.submit({ side: n % 2 === 0 ? 'buy' : 'sell', qty: '1' });
    const once = killed(core, { startingCash: 100_000_000 });
    expect(once.exchange.account.cash).toBe(core.exchange.account.cash);
    core.exchange.reset();
    const fresh = statSync(file()).size;
    expect(fresh).toBeLessThan(2000);
    expect(once.exchange.ledger.size).toBeGreaterThan(60_000);
    expect(once.status(resting)).toBe('new');
    // The restart that read all of it has compacted it; the next one finds the rest only.
    const twice = killedFrom(once);
    expect(twice.exchange.ledger.size).toBe(once.exchange.ledger.size);
    expect(twice.exchange.ledger.base).toBe(once.exchange.ledger.size - 50_000);
    expect(twice.ledger()).toHaveLength(50_000);
    expect(twice.exchange.store.size).toBe(20_001);
    expect(twice.exchange.account.cash).toBe(once.exchange.account.cash);
    expect(twice.status(resting)).toBe('new');
    twice.quote(99, 101);
    twice.submit({ qty: '1' });
    expect(twice.ledger().at(-1)?.seq).toBe(twice.exchange.ledger.size);
  });
});

let copies = 0;
function killedFrom(core: Core): Core {
  copies += 1;
  const { stateDir } = core;
  const copy = join(dir, `again-${copies}`);
  cpSync(stateDir ?? '', copy, { recursive: true });
  return new Core({ startingCash: 100_000_000, lastId: core.lastId, stateDir: copy });
}
