import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Tick } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { Activity, Recent } from './collectors/activity.ts';
import { Marks } from './collectors/marks.ts';
import { buckets, parseMetrics, quantileBetween, total } from './collectors/prometheus.ts';
import { countOf, runsOf, type Range } from './collectors/ranges.ts';
import { createTickCollector } from './collectors/ticks.ts';
import { History, HISTORY_SECONDS, type Sample } from './history/history.ts';
import { Sampler } from './history/percentiles.ts';
import { LiveHub } from './live/hub.ts';
import { createTickWriter } from './storage/writer.ts';
import { firstDay, newYorkDay } from './trades/periods.ts';

const tick = (n: number): Tick => ({ n, s: 'AAPL', k: 't', t: n, r: n, p: 1, v: 1 });
const ticks = (from: number, to: number): Tick[] => Array.from({ length: to - from + 1 }, (_, at) => tick(from + at));

describe('collecting ticks', () => {
  test('whatever arrives late, twice, or not at all: what is written and what is repaired is every number once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            size: fc.integer({ min: 1, max: 5 }),
            fate: fc.constantFrom('arrives', 'lost', 'twice', 'again'),
          }),
          { maxLength: 40 },
        ),
        fc.integer({ min: 0, max: 30 }),
        async (messages, storedBefore) => {
          const written: number[] = [];
          const repaired: Range[] = [];
          const collector = createTickCollector({
            stored: () => Promise.resolve({ last: storedBefore, missing: [] }),
            write: (_epoch, batch) => {
              written.push(...batch.map(({ n }) => n));
              return Promise.resolve();
            },
            repair: (_epoch, range) => repaired.push(range),
          });
          let n = 0;
          let previous: Tick[] = [];
          for (const { size, fate } of messages) {
            const batch = ticks(n + 1, n + size);
            n += size;
            if (fate !== 'lost') await collector.accept('e', batch);
            if (fate === 'twice') await collector.accept('e', batch);
            if (fate === 'again') await collector.accept('e', previous);
            previous = batch;
          }
          for (let beat = 0; beat < 2; beat += 1) await collector.heartbeat('e', n);
          const all = [...written, ...repaired.flatMap(([from, to]) => ticks(from, to).map((each) => each.n))];
          const expected = Array.from({ length: Math.max(0, n - storedBefore) }, (_, at) => storedBefore + at + 1);
          expect(all.toSorted((a, b) => a - b)).toEqual(expected);
        },
      ),
      { seed: 20_131_007, numRuns: 300 },
    );
  });

  test('numbers that a heartbeat counts have a second to arrive before they count as lost', async () => {
    const repaired: Range[] = [];
    const collector = createTickCollector({
      stored: () => Promise.resolve({ last: 0, missing: [] }),
      write: () => Promise.resolve(),
      repair: (_epoch, range) => repaired.push(range),
    });
    await collector.heartbeat('e', 5);
    await collector.accept('e', ticks(1, 5));
    await collector.heartbeat('e', 8);
    expect(repaired).toEqual([]);
    await collector.heartbeat('e', 8);
    expect(repaired).toEqual([[6, 8]]);
  });

  test('what is missing of an epoch that was stored in part is repaired when it is heard of again', async () => {
    const repaired: Range[] = [];
    const collector = createTickCollector({
      stored: () => Promise.resolve({ last: 10, missing: [[3, 4]] }),
      write: () => Promise.resolve(),
      repair: (_epoch, range) => repaired.push(range),
    });
    await collector.accept('e', ticks(13, 14));
    expect(repaired).toEqual([
      [3, 4],
      [11, 12],
    ]);
    expect(repaired.map(countOf)).toEqual([2, 2]);
  });

  test('a batch with a hole in it is split at the hole', () => {
    expect(runsOf([...ticks(1, 2), ...ticks(5, 5)]).map((run) => run.map(({ n }) => n))).toEqual([[1, 2], [5]]);
  });
});

describe('writing ticks', () => {
  test('one row that the database refuses does not keep the others out', async () => {
    const stored: number[] = [];
    const refused: number[] = [];
    const writer = createTickWriter({
      lingerMs: 1,
      store: (_epoch, batch) => {
        if (batch.some(({ n }) => n % 37 === 0))
          return Promise.reject(Object.assign(new Error('bad'), { code: '22021' }));
        stored.push(...batch.map(({ n }) => n));
        return Promise.resolve(batch.length);
      },
      onRefused: (_epoch, { n }) => refused.push(n),
    });
    await writer.write('e', ticks(1, 100));
    await until('all to be settled', () => writer.held === 0);
    expect(refused).toEqual([37, 74]);
    expect(stored.toSorted((a, b) => a - b)).toEqual(
      ticks(1, 100)
        .map(({ n }) => n)
        .filter((n) => n % 37 !== 0),
    );
  });

  test('a writer that cannot store says so, holds its caller back, and gives up only when it is closed', async () => {
    const writer = createTickWriter({
      lingerMs: 1,
      retryMs: 1,
      maxHeld: 10,
      store: () => Promise.reject(new Error('no route')),
    });
    await writer.write('e', ticks(1, 9));
    let resumed = false;
    const blocked = writer.write('e', ticks(10, 19)).then(() => {
      resumed = true;
      return undefined;
    });
    await until('trouble', () => writer.trouble === 'no route');
    expect(resumed).toBe(false);
    expect(await writer.close(20)).toBe(19);
    await blocked;
  });

  test('keeps the order of epochs and never mixes two in one batch', async () => {
    const batches: [string, number][] = [];
    const writer = createTickWriter({
      lingerMs: 5,
      store: (epoch, batch) => {
        batches.push([epoch, batch.length]);
        return Promise.resolve(batch.length);
      },
    });
    void writer.write('a', ticks(1, 3));
    void writer.write('a', ticks(4, 5));
    void writer.write('b', ticks(1, 2));
    void writer.write('a', ticks(6, 6));
    await until('all', () => writer.held === 0);
    expect(batches).toEqual([
      ['a', 5],
      ['b', 2],
      ['a', 1],
    ]);
  });
});

describe('Prometheus text', () => {
  const text = [
    '# HELP a_total words',
    '# TYPE a_total counter',
    'a_total{x="1",y="a\\"b\\\\c\\nd"} 2',
    'a_total{x="2"} 3.5 1700000000000',
    'h_bucket{le="0.1"} 10',
    'h_bucket{le="0.2"} 30',
    'h_bucket{le="+Inf"} 40',
    'nan NaN',
    'not a sample',
    '',
  ].join('\n');

  test('is read with labels, exponents and escapes; what is no sample is left out', () => {
    const samples = parseMetrics(text);
    expect(samples).toHaveLength(5);
    expect(samples[0]).toEqual({ name: 'a_total', labels: { x: '1', y: 'a"b\\c\nd' }, value: 2 });
    expect(total(samples, 'a_total')).toBe(5.5);
    expect(total(samples, 'b_total')).toBeUndefined();
    expect(parseMetrics('x 1e-3\ny +Inf')).toMatchObject([{ value: 0.001 }, { value: Infinity }]);
  });

  test('quantiles are of what was counted between two scrapes', () => {
    const after = buckets(parseMetrics(text), 'h');
    const before = new Map([
      [0.1, 10],
      [0.2, 10],
      [Infinity, 10],
    ]);
    expect(quantileBetween(before, after, 0.5)).toBeCloseTo(0.175);
    expect(quantileBetween(before, after, 0.99)).toBe(0.2);
    expect(quantileBetween(after, after, 0.5)).toBeUndefined();
    expect(quantileBetween(new Map(), after, 0.1)).toBeCloseTo(0.04);
  });
});

describe('days of New York', () => {
  test.each([
    ['2026-03-04T04:59:59Z', '2026-03-03'],
    ['2026-03-04T05:00:00Z', '2026-03-04'],
    ['2026-03-08T06:59:59Z', '2026-03-08'],
    ['2026-07-02T03:59:59Z', '2026-07-01'],
    ['2026-07-02T04:00:00Z', '2026-07-02'],
  ])('%s is on %s', (at, day) => expect(newYorkDay(Date.parse(at))).toBe(day));

  test.each([
    ['week', '2026-03-04T15:00:00Z', '2026-03-02'],
    ['week', '2026-03-02T05:00:00Z', '2026-03-02'],
    ['week', '2026-03-01T15:00:00Z', '2026-02-23'],
    ['month', '2026-03-01T04:00:00Z', '2026-02-01'],
    ['today', '2026-03-01T04:00:00Z', '2026-02-28'],
    ['all', '2026-03-01T04:00:00Z', null],
  ] as const)('the %s of %s begins on %s', (period, at, day) => expect(firstDay(period, Date.parse(at))).toBe(day));
});

describe('numbers of a stretch of time', () => {
  test('percentiles are by nearest rank, and a stretch without a value is null, not zero', () => {
    const sampler = new Sampler();
    for (let value = 1; value <= 100; value += 1) sampler.add(value);
    expect(sampler.take()).toEqual({ p50: 50, p95: 95, p99: 99, count: 100 });
    expect(sampler.take()).toBeNull();
  });

  test('a reservoir keeps its size, counts all, and stays close to the truth', () => {
    let state = 7;
    const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
    const sampler = new Sampler(1_000, random);
    for (let value = 1; value <= 100_000; value += 1) sampler.add(value);
    const found = sampler.take();
    expect(found?.count).toBe(100_000);
    expect(Math.abs((found?.p50 ?? 0) - 50_000)).toBeLessThan(5_000);
  });

  test('the history is the last hour, oldest first', () => {
    const history = new History();
    for (let at = 0; at < HISTORY_SECONDS + 10; at += 1) history.add({ at: String(at) } as Sample);
    const list = history.list();
    expect([list.length, list[0]?.at, list.at(-1)?.at]).toEqual([HISTORY_SECONDS, '10', String(HISTORY_SECONDS + 9)]);
    expect(history.list(2).map(({ at }) => at)).toEqual([String(HISTORY_SECONDS + 8), String(HISTORY_SECONDS + 9)]);
    expect(history.last?.at).toBe(String(HISTORY_SECONDS + 9));
  });
});

describe('small things', () => {
  test('a mark is the middle of the quote, else the last trade', () => {
    const marks = new Marks();
    const base = { s: 'AAPL', t: 0, r: 5 };
    marks.accept([{ ...base, n: 1, k: 't', p: 100, v: 1 }]);
    expect(marks.get('AAPL')?.price).toBe(100);
    marks.accept([
      { ...base, n: 2, k: 'q', b: 90, bs: 1, a: 95, as: 1 },
      { ...base, n: 3, k: 't', p: 200, v: 1 },
    ]);
    expect(marks.get('AAPL')?.price).toBe(93);
    marks.accept([{ ...base, n: 4, k: 'q', b: 80, bs: 1 }]);
    expect(marks.get('AAPL')?.price).toBe(93);
    expect(marks.get('MSFT')).toBeUndefined();
  });

  test('recent things are the newest, newest first', () => {
    const recent = new Recent<number>(3);
    for (let at = 0; at < 20; at += 1) recent.add(at);
    expect(recent.list()).toEqual([19, 18, 17]);
    expect(recent.list(1)).toEqual([19]);
  });

  test('an order that changes ten times is one order', () => {
    const activity = new Activity();
    for (let at = 0; at < 10; at += 1) activity.order({ order_id: 'o-1' } as Parameters<Activity['order']>[0]);
    activity.order({ order_id: 'o-2' } as Parameters<Activity['order']>[0]);
    expect(activity.counts.orders).toBe(2);
  });

  test('a live client that takes nothing is not sent more, and the others are', () => {
    const hub = new LiveHub();
    const sent: string[] = [];
    const socket = (name: string, bufferedAmount: number) => ({
      bufferedAmount,
      send: () => void sent.push(name),
      terminate: () => undefined,
    });
    hub.join(socket('slow', 2_000_000));
    hub.join(socket('quick', 0));
    hub.broadcast({ type: 'metrics' });
    expect(sent).toEqual(['quick']);
  });
});
