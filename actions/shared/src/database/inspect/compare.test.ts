import { describe, expect, test } from '@jest/globals';
import type { Contents } from '../types.ts';
import { compareContents } from './compare.ts';

const WHOLE: Contents = {
  tables: [{ name: 't', rows: 2, hash: '5' }],
  sequences: [{ name: 's', low: '10', high: '13' }],
  objects: [{ kind: 'index', name: 'i', sha256: 'x' }],
};
const next = (value: string): Contents => ({ ...WHOLE, sequences: [{ name: 's', low: value, high: value }] });

describe('two databases', () => {
  test.each(['10', '12', '13'])(
    'are the same where a sequence goes on within what was seen around the dump: %s',
    (value) => {
      expect(compareContents(WHOLE, next(value))).toEqual([]);
    },
  );

  test.each(['9', '14', '-11', '99999999999999999999'])('differ where it does not: %s', (value) => {
    expect(compareContents(WHOLE, next(value))).toEqual([`sequence s goes on with ${value}, expected 10…13`]);
  });

  test('with a sequence that counts down are compared the other way round', () => {
    const down: Contents = { ...WHOLE, sequences: [{ name: 's', low: '-3', high: '-9' }] };
    expect(compareContents(down, next('-6'))).toEqual([]);
    expect(compareContents(down, next('-2'))).toHaveLength(1);
  });

  test('on servers of two major versions have definitions in two wordings: names count, content as ever', () => {
    const other: Contents = { ...next('11'), objects: [{ kind: 'index', name: 'i', sha256: 'y' }] };
    expect(compareContents(WHOLE, other)).toEqual(['index i is defined differently']);
    expect(compareContents(WHOLE, other, { expected: 180001, found: 180009 })).toHaveLength(1);
    expect(compareContents(WHOLE, other, { expected: 170002, found: 180004 })).toEqual([]);
    const less: Contents = { ...other, objects: [], tables: [{ name: 't', rows: 2, hash: '6' }] };
    expect(compareContents(WHOLE, less, { expected: 170002, found: 180004 })).toHaveLength(2);
  });

  test('that have nothing in common differ in every single thing', () => {
    expect(compareContents(WHOLE, { tables: [], sequences: [], objects: [] })).toHaveLength(3);
    expect(compareContents({ tables: [], sequences: [], objects: [] }, WHOLE)).toHaveLength(3);
  });
});
