import { describe, expect, test } from '@jest/globals';
import { SUITES, type StageResult } from '@papergate/delivery';
import { floorsOf, heldTo } from './floors.ts';

const P99 = 'order-stress: order latency, p99';
const SHARE = 'order-stress: orders accepted';

describe('floors of a caller', () => {
  test('may be as strict as the suites’ own, or stricter', () => {
    const floors = { [P99]: '<= 200', [SHARE]: '>= 99.5' };
    expect(floorsOf(floors)).toEqual(floors);
    expect(floorsOf({ [P99]: '<= 500' })).toEqual({ [P99]: '<= 500' });
    expect(floorsOf(undefined)).toEqual({});
  });

  test('exist for every figure that a suite measures', () => {
    const all = SUITES.flatMap(({ name, floors }) =>
      floors.map((floor) => [`${name}: ${floor.name}`, floor.kind === 'share' ? '>= 100' : '<= 1'] as const),
    );
    expect(Object.keys(floorsOf(Object.fromEntries(all)))).toHaveLength(all.length);
  });

  test.each<[string, unknown, string]>([
    ['lower than the own', { [P99]: '<= 500.1' }, 'FLOOR_LOWERED'],
    ['lower than the own', { [SHARE]: '>= 94.9' }, 'FLOOR_LOWERED'],
    ['the other way round', { [P99]: '>= 1' }, 'INPUT_INVALID'],
    ['no number', { [P99]: '<= fast' }, 'INPUT_INVALID'],
    ['no number that anything holds', { [P99]: '<= NaN' }, 'INPUT_INVALID'],
    ['no text', { [P99]: 200 }, 'INPUT_INVALID'],
    ['a list', [P99], 'INPUT_INVALID'],
    ['of no suite', { 'order-stress: order latency': '<= 1' }, 'FLOOR_UNKNOWN'],
    ['of no suite', { __proto__x: '<= 1' }, 'FLOOR_UNKNOWN'],
  ])('that are %s are refused', (_what, given, code) => {
    expect(() => floorsOf(given)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
  });
});

describe('a result', () => {
  const result = (observed: number | string | undefined, status: 'passed' | 'failed' = 'passed'): StageResult => ({
    status,
    checks: [
      { name: P99, status, limit: '<= 500', unit: 'ms', ...(observed === undefined ? {} : { observed }) },
      { name: 'k6', status: 'passed' },
    ],
  });

  test.each<[number | string | undefined, 'passed' | 'failed', 'passed' | 'failed']>([
    [199, 'passed', 'passed'],
    [200, 'passed', 'passed'],
    [201, 'passed', 'failed'],
    ['nothing', 'passed', 'failed'],
    [undefined, 'passed', 'failed'],
    [Number.NaN, 'passed', 'failed'],
    [100, 'failed', 'failed'],
  ])('of %s that has %s comes to %s under a stricter floor', (observed, was, is) => {
    const held = heldTo(result(observed, was), { [P99]: '<= 200' });
    expect(held.status).toBe(is);
    expect(held.checks[0]).toMatchObject({ status: is, limit: '<= 200' });
    expect(held.checks[1]?.status).toBe('passed');
  });

  test('without stricter floors stays as it is', () => {
    expect(heldTo(result(400), {})).toEqual(result(400));
  });
});
