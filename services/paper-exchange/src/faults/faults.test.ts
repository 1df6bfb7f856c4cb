import { describe, expect, jest, test } from '@jest/globals';
import { EventGate } from './event-gate.ts';
import { Faults } from './faults.ts';

type Json = Record<string, unknown>;

describe('faults', () => {
  test('strike once unless told otherwise, and only where all of their match agrees', () => {
    const faults = new Faults(1);
    faults.add({ kind: 'status', match: { method: 'post', path: '/v2/orders', symbol: 'AAPL' } });
    expect(faults.strike('status', { method: 'POST', path: '/v2/orders', symbol: 'MSFT' })).toBeUndefined();
    expect(faults.strike('status', { method: 'GET', path: '/v2/orders', symbol: 'AAPL' })).toBeUndefined();
    expect(faults.strike('status', { method: 'POST', path: '/v2/orders' })).toBeUndefined();
    expect(faults.strike('delay', { method: 'POST', path: '/v2/orders', symbol: 'AAPL' })).toBeUndefined();
    expect(faults.strike('status', { method: 'POST', path: '/v2/orders', symbol: 'AAPL' })).toMatchObject({
      status: 500,
    });
    expect(faults.strike('status', { method: 'POST', path: '/v2/orders', symbol: 'AAPL' })).toBeUndefined();
    expect(faults.list()).toMatchObject([{ times: 0, struck: 1 }]);
  });

  test('a path that ends in a star is a beginning', () => {
    const faults = new Faults(1);
    faults.add({ kind: 'delay', match: { path: '/v2/orders*' }, times: null });
    expect(faults.strike('delay', { path: '/v2/orders/7' })).toBeDefined();
    expect(faults.strike('delay', { path: '/v2/positions' })).toBeUndefined();
  });

  test('chance comes from the seed', () => {
    const run = (seed: number): boolean[] => {
      const faults = new Faults(seed);
      faults.add({ kind: 'drop_event', times: null, probability: 0.3 });
      return Array.from({ length: 200 }, () => faults.strike('drop_event', {}) !== undefined);
    };
    expect(run(4)).toEqual(run(4));
    const hits = run(4).filter(Boolean).length;
    expect(hits).toBeGreaterThan(35);
    expect(hits).toBeLessThan(85);
  });

  test.each<[unknown, string]>([
    [null, 'a fault must be a JSON object'],
    [{}, 'kind is undefined, allowed: lost_answer'],
    [{ kind: 'nope' }, 'kind is "nope"'],
    [{ kind: 'delay', delay: 5 }, 'unknown key delay'],
    [{ kind: 'delay', ms: -1 }, 'ms is -1, allowed: a number from 0 to 600000'],
    [{ kind: 'delay', times: 0 }, 'times is 0, allowed: a whole number from 1'],
    [{ kind: 'status', status: 200 }, 'status is 200, allowed: a whole number from 400 to 599'],
    [{ kind: 'status', probability: 2 }, 'probability is 2'],
    [{ kind: 'status', match: { url: 'x' } }, 'unknown key match.url'],
    [{ kind: 'status', match: { path: 5 } }, 'match.path must be text'],
    [{ kind: 'status', match: 'x' }, 'match must be a JSON object'],
  ])('%j is refused', (request, message) => {
    expect(() => new Faults(1).add(request)).toThrow(message);
  });
});

describe('the gate of events', () => {
  function gate() {
    const faults = new Faults(1);
    const out: unknown[] = [];
    const made = new EventGate({
      faults,
      publish: (update: Json) => out.push(update['n']),
      disconnect: () => out.push('cut'),
      patienceMs: 50,
    });
    const send = (n: number, event = 'fill') => made.send({ n }, { symbol: 'AAPL', event });
    return { faults, out, send, made };
  }

  test('drops, doubles and cuts', () => {
    const { faults, out, send } = gate();
    faults.add({ kind: 'drop_event', match: { event: 'fill' } });
    faults.add({ kind: 'duplicate_event', match: { event: 'new' } });
    faults.add({ kind: 'disconnect', match: { event: 'canceled' } });
    send(1, 'new');
    send(2);
    send(3);
    send(4, 'canceled');
    expect(out).toEqual([1, 1, 3, 4, 'cut']);
  });

  test('lets the next event overtake, or none where none comes', () => {
    jest.useFakeTimers();
    try {
      const { faults, out, send, made } = gate();
      faults.add({ kind: 'reorder_event', times: 2 });
      send(1);
      expect(out).toEqual([]);
      send(2);
      expect(out).toEqual([2, 1]);
      send(3);
      jest.advanceTimersByTime(60);
      expect(out).toEqual([2, 1, 3]);
      send(4);
      made.close();
      jest.advanceTimersByTime(60);
      expect(out).toEqual([2, 1, 3, 4]);
    } finally {
      jest.useRealTimers();
    }
  });

  test('an event is late only where the fault names it', () => {
    jest.useFakeTimers();
    try {
      const { faults, out, send } = gate();
      faults.add({ kind: 'delay', ms: 30, times: null });
      send(1);
      faults.add({ kind: 'delay', ms: 30, match: { event: 'fill' } });
      send(2);
      send(3);
      expect(out).toEqual([1, 3]);
      jest.advanceTimersByTime(31);
      expect(out).toEqual([1, 3, 2]);
    } finally {
      jest.useRealTimers();
    }
  });
});
