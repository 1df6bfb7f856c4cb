import { describe, expect, test } from '@jest/globals';
import { judge, verdictOf, type Judged } from './judge.ts';
import { SUITES } from './suites.ts';

const SECONDS = 10;
const orderStress = SUITES.find(({ name }) => name === 'order-stress')!;

type Metrics = Record<string, Record<string, number>>;

const good: Metrics = {
  orders_sent: { count: 1000 },
  orders_succeeded: { count: 1000 },
  rounds_settled: { count: 10 },
  order_latency: { count: 1000, avg: 40, med: 30, 'p(99)': 300 },
};

function judged(metrics: Metrics, over: Partial<Judged> = {}) {
  return judge({
    suite: orderStress,
    load: { orders_per_round: 100, rounds_per_second: 1 },
    seconds: SECONDS,
    exitCode: 0,
    endedBy: undefined,
    stderrTail: [],
    summary: new Map(Object.entries(metrics)),
    ...over,
  });
}

const failed = (metrics: Metrics, over: Partial<Judged> = {}) =>
  judged(metrics, over)
    .filter(({ status }) => status === 'failed')
    .map(({ name }) => name.slice('order-stress: '.length));

const without = (metric: string) => Object.fromEntries(Object.entries(good).filter(([name]) => name !== metric));
const having = (metric: string, stats: Record<string, number>) => ({
  ...good,
  [metric]: { ...good[metric], ...stats },
});

describe('the judgement of a suite', () => {
  test('passes figures that hold every floor', () => {
    expect(failed(good)).toEqual([]);
  });

  test.each([
    ['a mean at its limit', having('order_latency', { avg: 100 }), []],
    ['a mean above its limit', having('order_latency', { avg: 100.001 }), ['order latency, mean']],
    ['a p99 above its limit', having('order_latency', { 'p(99)': 501 }), ['order latency, p99']],
    ['a share at its limit', having('orders_succeeded', { count: 950 }), []],
    ['a share below its limit', having('orders_succeeded', { count: 949 }), ['orders accepted']],
    ['nothing accepted', having('orders_succeeded', { count: 0 }), ['orders accepted']],
    [
      'dropped iterations, which are missing from what was sent',
      having('orders_sent', { count: 980 }),
      ['orders sent'],
    ],
    [
      'samples that are missing',
      having('order_latency', { count: 900 }),
      ['order latency, mean', 'order latency, p99'],
    ],
    [
      'a latency without samples',
      having('order_latency', { count: 0, avg: 0, 'p(99)': 0 }),
      ['order latency, mean', 'order latency, p99'],
    ],
    ['a latency that is not there', without('order_latency'), ['order latency, mean', 'order latency, p99']],
    ['a counter that is not there', without('rounds_settled'), ['rounds whose order filled']],
    [
      'no metrics at all',
      {},
      ['orders sent', 'orders accepted', 'order latency, mean', 'order latency, p99', 'rounds whose order filled'],
    ],
  ])('sees %s', (_title, metrics: Metrics, expected) => {
    expect(failed(metrics)).toEqual(expected);
  });

  test('never takes more answers than were planned for more than all', () => {
    const check = judged(having('orders_succeeded', { count: 1001 })).find(({ name }) =>
      name.endsWith('orders accepted'),
    );
    expect(check).toMatchObject({ observed: 100, detail: '1001 of 1000' });
  });

  test('fails a plan that asks for less than the floors speak of', () => {
    expect(failed(good, { load: { orders_per_round: 50, rounds_per_second: 1 } })).toContain('planned load');
    expect(failed(good, { load: {} })).toContain('planned load');
  });

  test('tells "too slow" from "the test broke", and fails both even where the figures are good', () => {
    const text = (exitCode: number | undefined, endedBy?: string) =>
      judged(good, { exitCode, endedBy, stderrTail: ['GoError: no such host'] }).find(({ name }) =>
        name.endsWith('k6 verdict'),
      );
    expect(text(99)).toMatchObject({ status: 'failed', observed: 'too slow (exit 99)' });
    expect(text(107)).toMatchObject({
      status: 'failed',
      observed: 'broke (exit 107)',
      detail: expect.stringContaining('no such host'),
    });
    expect(text(undefined, 'SIGKILL')).toMatchObject({ status: 'failed', observed: 'broke (ended by SIGKILL)' });
    expect(text(0)).toMatchObject({ status: 'passed' });
  });

  test('fails where k6 left no summary, with the reason', () => {
    const checks = judged({}, { summary: { reason: 'k6 left no summary: ENOENT' } });
    expect(checks.at(-1)).toMatchObject({
      name: 'order-stress: k6 summary',
      status: 'failed',
      detail: 'k6 left no summary: ENOENT',
    });
  });

  test.each([
    [0, 'held'],
    [99, 'too slow'],
    [1, 'broke'],
    [105, 'broke'],
    [107, 'broke'],
    [255, 'broke'],
    [undefined, 'broke'],
  ])('takes exit code %s for "%s"', (code, verdict) => {
    expect(verdictOf(code)).toBe(verdict);
  });
});
