import { describe, expect, test } from '@jest/globals';
import { formatMoney, NANOS } from '../units/amounts.ts';
import { Account } from './account.ts';

const USD = 1_000_000;
const shares = (count: number): bigint => BigInt(count) * NANOS;

describe('the account', () => {
  test('profit is what a sale brings above the average cost', () => {
    const account = new Account(0n);
    account.book('AAPL', 'buy', 10 * USD, shares(10));
    account.book('AAPL', 'buy', 20 * USD, shares(10));
    const { realized } = account.book('AAPL', 'sell', 18 * USD, shares(5));
    expect(formatMoney(realized)).toBe('15');
    expect(formatMoney(account.positions.get('AAPL')?.cost ?? 0n)).toBe('225');
    expect(formatMoney(account.cash)).toBe('-210');
  });

  test('a short gains when it is bought back lower', () => {
    const account = new Account(0n);
    account.book('AAPL', 'sell', 20 * USD, shares(10));
    expect(account.held('AAPL')).toBe(-shares(10));
    const { realized } = account.book('AAPL', 'buy', 15 * USD, shares(10));
    expect(formatMoney(realized)).toBe('50');
    expect(account.positions.size).toBe(0);
    expect(formatMoney(account.cash)).toBe('50');
  });

  test('a fill through zero closes at the old cost and opens at its own price', () => {
    const account = new Account(0n);
    account.book('AAPL', 'buy', 10 * USD, shares(10));
    const { realized, position } = account.book('AAPL', 'sell', 12 * USD, shares(15));
    expect(formatMoney(realized)).toBe('20');
    expect(position).toBe(-shares(5));
    expect(formatMoney(account.positions.get('AAPL')?.cost ?? 0n)).toBe('-60');
  });

  test('closed at an uneven average, nothing of the cost is left behind', () => {
    const account = new Account(0n);
    account.book('AAPL', 'buy', 1 * USD, 333_333_333n);
    account.book('AAPL', 'buy', 2 * USD, 1_000_000_001n);
    account.book('AAPL', 'sell', 3 * USD, 700_000_000n);
    account.book('AAPL', 'sell', 3 * USD, 633_333_334n);
    expect(account.positions.size).toBe(0);
    expect(account.realized).toBe(account.cash);
  });
});
