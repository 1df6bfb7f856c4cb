import { describe, expect, test } from '@jest/globals';
import type { Signal } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { Outbox, type DropReason } from './outbox.ts';

const signal = (id: string): Signal => ({
  id,
  strategy: 'reverter',
  symbol: 'AAPL',
  side: 'buy',
  quantity: '5',
  price: 1_000_000,
  reason: 'test',
  tick_n: 1,
  event_time: 1,
});

/** A table of signals in memory that can be told to fail, before or after it has kept the rows. */
class Table {
  readonly rows = new Set<string>();
  failures: ('before' | 'after')[] = [];

  async store(signals: readonly Signal[]): Promise<Set<string>> {
    await Promise.resolve();
    const failure = this.failures.shift();
    if (failure === 'before') throw new Error('the database is away');
    const fresh = new Set(signals.map(({ id }) => id).filter((id) => !this.rows.has(id)));
    for (const id of fresh) this.rows.add(id);
    if (failure === 'after') throw new Error('the answer was lost');
    return fresh;
  }
}

function outbox(table: Table, options: { now?: () => number; maxAgeMs?: number; capacity?: number } = {}) {
  const published: string[] = [];
  const dropped: [string, DropReason][] = [];
  const under = new Outbox({
    store: (signals) => table.store(signals),
    publish: async ({ id }) => {
      await Promise.resolve();
      expect(table.rows.has(id)).toBe(true);
      published.push(id);
    },
    onDropped: ({ id }, reason) => dropped.push([id, reason]),
    retryMs: 1,
    ...options,
  });
  return { under, published, dropped };
}

describe('the outbox', () => {
  test('commits first and then publishes, in order', async () => {
    const { under, published, dropped } = outbox(new Table());
    const ids = Array.from({ length: 450 }, (_, index) => `s${index}`);
    for (const id of ids) under.add(signal(id), 0);
    await until('all of them', () => published.length === 450);
    expect(published).toEqual(ids);
    expect(dropped).toEqual([]);
  });

  test('does not publish what an earlier run had stored', async () => {
    const table = new Table();
    table.rows.add('old');
    const { under, published, dropped } = outbox(table);
    under.add(signal('old'), 0);
    under.add(signal('new'), 0);
    await until('the new one', () => published.length === 1);
    expect(published).toEqual(['new']);
    expect(dropped).toEqual([['old', 'known']]);
  });

  test('a database that is away for a moment only delays', async () => {
    const table = new Table();
    table.failures = ['before', 'before', 'before'];
    const { under, published } = outbox(table);
    under.add(signal('a'), 0);
    await until('the signal', () => published.length === 1);
  });

  test('a commit whose answer was lost is published all the same', async () => {
    const table = new Table();
    table.failures = ['after'];
    const { under, published, dropped } = outbox(table);
    under.add(signal('a'), 0);
    await until('the signal', () => published.length === 1);
    expect(dropped).toEqual([]);
  });

  test('what cannot be stored in time is given up: a signal is about now', async () => {
    let now = 0;
    const table = new Table();
    table.failures = Array.from({ length: 5 }, () => 'before' as const);
    const { under, published, dropped } = outbox(table, {
      now: () => {
        now += 40;
        return now;
      },
      maxAgeMs: 100,
    });
    under.add(signal('a'), 0);
    await until('it to be given up', () => dropped.length === 1);
    expect(dropped).toEqual([['a', 'expired']]);
    table.failures = [];
    under.add(signal('b'), 0);
    await until('the next one', () => published.length === 1);
    expect(published).toEqual(['b']);
  });

  test('it does not grow beyond its capacity', async () => {
    const table = new Table();
    const { under, dropped, published } = outbox(table, { capacity: 2 });
    for (const id of ['a', 'b', 'c']) under.add(signal(id), 0);
    expect(dropped).toEqual([['c', 'full']]);
    await until('the two', () => published.length === 2);
  });

  test('closing finishes what is queued', async () => {
    const { under, published } = outbox(new Table());
    for (const id of ['a', 'b', 'c']) under.add(signal(id), 0);
    await under.close();
    expect(published).toEqual(['a', 'b', 'c']);
  });

  test('closing does not wait for a database that is gone', async () => {
    const table = new Table();
    table.failures = Array.from({ length: 10_000 }, () => 'before' as const);
    const { under, dropped } = outbox(table, { maxAgeMs: 60_000 });
    under.add(signal('a'), 0);
    await under.close();
    expect(dropped).toEqual([['a', 'expired']]);
  });
});
