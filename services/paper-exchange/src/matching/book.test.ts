import { describe, expect, test } from '@jest/globals';
import { NANOS } from '../units/amounts.ts';
import { Book, type Side, type WorkingOrder } from './book.ts';

const USD = 1_000_000;
let seq = 0;

function order(
  id: string,
  side: Side,
  shares: number,
  limit: number | null,
  extra: Partial<WorkingOrder> = {},
): WorkingOrder {
  seq += 1;
  const remaining = BigInt(Math.round(shares * 1e9));
  const price = limit === null ? null : Math.round(limit * USD);
  return {
    id,
    side,
    limit: price,
    seq,
    remaining,
    budget: null,
    whole: Number.isInteger(shares),
    extended: false,
    ...extra,
  };
}

const fills = (executions: { id: string; price: number; qty: bigint }[]) =>
  executions.map(({ id, price, qty }) => [id, price / USD, Number(qty) / 1e9]);

function quoted(bid: number, ask: number, bidSize = 100, askSize = 100): Book {
  const book = new Book();
  book.setQuote(bid * USD, bidSize, ask * USD, askSize);
  return book;
}

describe('the book', () => {
  test('a market order takes the quoted size and waits for the rest', () => {
    const book = quoted(99, 101);
    expect(fills(book.submit(order('a', 'buy', 250, null)))).toEqual([['a', 101, 100]]);
    book.setQuote(99 * USD, 100, 102 * USD, 100);
    expect(fills(book.matchQuote())).toEqual([['a', 102, 100]]);
    book.setQuote(99 * USD, 100, 103 * USD, 500);
    expect(fills(book.matchQuote())).toEqual([['a', 103, 50]]);
    expect(book.size).toBe(0);
  });

  test('what one order took is gone for the next until a new quote', () => {
    const book = quoted(99, 101);
    book.submit(order('a', 'buy', 80, null));
    expect(fills(book.submit(order('b', 'buy', 80, null)))).toEqual([['b', 101, 20]]);
    expect(book.market.askSize).toBe(0n);
    expect(book.market.bidSize).toBe(100n * NANOS);
  });

  test('what resting orders took is gone for one that arrives', () => {
    const book = new Book();
    book.rest(order('a', 'buy', 80, 101));
    book.rest(order('b', 'sell', 70, 99));
    book.setQuote(99 * USD, 100, 101 * USD, 100);
    expect(book.matchQuote()).toHaveLength(2);
    expect(fills(book.submit(order('c', 'buy', 80, null)))).toEqual([['c', 101, 20]]);
    expect(fills(book.submit(order('d', 'sell', 80, null)))).toEqual([['d', 99, 30]]);
  });

  test('a limit order is never filled beyond its limit and fills at the market’s better price', () => {
    const book = quoted(99, 101);
    expect(book.submit(order('a', 'buy', 10, 100))).toEqual([]);
    book.setQuote(99 * USD, 100, 100.01 * USD, 100);
    expect(book.matchQuote()).toEqual([]);
    book.setQuote(99 * USD, 100, 99.5 * USD, 100);
    expect(fills(book.matchQuote())).toEqual([['a', 99.5, 10]]);
  });

  test('the better limit goes first, at the same limit the earlier; market orders before all', () => {
    const book = quoted(99, 110);
    for (const [id, limit] of [
      ['low', 100],
      ['high', 105],
      ['high2', 105],
      ['any', null],
    ] as const) {
      book.rest(order(id, 'buy', 10, limit));
    }
    expect(book.resting('buy').map(({ id }) => id)).toEqual(['any', 'high', 'high2', 'low']);
    book.setQuote(99 * USD, 100, 100 * USD, 25);
    expect(fills(book.matchQuote())).toEqual([
      ['any', 100, 10],
      ['high', 100, 10],
      ['high2', 100, 5],
    ]);
  });

  test('sells mirror buys', () => {
    const book = quoted(99, 101);
    book.rest(order('high', 'sell', 10, 105));
    book.rest(order('low', 'sell', 10, 100));
    book.setQuote(104 * USD, 100, 106 * USD, 100);
    expect(fills(book.matchQuote())).toEqual([['low', 104, 10]]);
    book.setQuote(105 * USD, 100, 106 * USD, 100);
    expect(fills(book.matchQuote())).toEqual([['high', 105, 10]]);
  });

  test('a print at or through a limit fills it, up to the print’s size over both sides', () => {
    const book = quoted(99, 101);
    book.rest(order('a', 'buy', 60, 100));
    book.rest(order('b', 'buy', 60, 100));
    book.rest(order('waiting', 'buy', 60, null));
    expect(fills(book.matchTrade(100 * USD, 100))).toEqual([
      ['a', 100, 60],
      ['b', 100, 40],
    ]);
    expect(book.matchTrade(100.01 * USD, 100)).toEqual([]);
  });

  test('a symbol without quotes trades at its last print', () => {
    const book = new Book();
    expect(book.submit(order('a', 'buy', 150, null))).toEqual([]);
    book.setTrade(50 * USD, 100);
    expect(fills(book.matchTrade(50 * USD, 100))).toEqual([['a', 50, 100]]);
    book.setTrade(51 * USD, 100);
    expect(fills(book.matchTrade(51 * USD, 100))).toEqual([['a', 51, 50]]);
    expect(fills(book.submit(order('b', 'sell', 50, null)))).toEqual([['b', 51, 50]]);
  });

  test('an order in whole shares takes no fraction of one', () => {
    const book = quoted(99, 101, 100, 10.7);
    expect(fills(book.submit(order('a', 'buy', 20, null)))).toEqual([['a', 101, 10]]);
    expect(fills(book.submit(order('b', 'buy', 0.5, null)))).toEqual([['b', 101, 0.5]]);
  });

  test('a notional order buys nano-shares until its money is used up', () => {
    const book = quoted(99, 3);
    const budget = 10n * 10n ** 15n;
    const executions = book.submit(order('a', 'buy', 0, null, { budget, whole: false }));
    expect(executions).toEqual([{ id: 'a', price: 3 * USD, qty: 3_333_333_333n }]);
    expect(book.size).toBe(0);
  });

  test('the first bite can be capped; the rest waits for the next quote', () => {
    const book = quoted(99, 101);
    expect(fills(book.submit(order('a', 'buy', 10, null), 4n * NANOS))).toEqual([['a', 101, 4]]);
    expect(book.size).toBe(1);
    book.setQuote(99 * USD, 100, 101 * USD, 100);
    expect(fills(book.matchQuote())).toEqual([['a', 101, 6]]);
  });

  test('ineligible orders keep their place and are passed over', () => {
    const book = quoted(99, 110);
    book.rest(order('day', 'buy', 10, 101));
    book.rest(order('late', 'buy', 10, 101, { extended: true }));
    book.setQuote(99 * USD, 100, 100 * USD, 100);
    expect(fills(book.matchQuote(({ extended }) => extended))).toEqual([['late', 100, 10]]);
    expect(fills(book.matchQuote())).toEqual([['day', 100, 10]]);
  });

  test('a side that is not there trades with nobody', () => {
    const book = quoted(99, 0, 100, 0);
    expect(book.submit(order('a', 'buy', 10, null))).toEqual([]);
    expect(book.available('buy', null)).toBe(0n);
    expect(book.available('sell', 99 * USD)).toBe(100n * NANOS);
    expect(book.available('sell', 99.01 * USD)).toBe(0n);
  });

  test('a removed order is gone, and removing it again gives nothing', () => {
    const book = quoted(99, 101);
    book.rest(order('a', 'buy', 10, 90));
    expect(book.remove('a')?.id).toBe('a');
    expect(book.remove('a')).toBeUndefined();
  });
});
