import { describe, expect, test } from '@jest/globals';
import { NOON } from '../testing/make.ts';
import { attos, attosText } from '../units.ts';
import { readAccount } from './account.ts';
import { Funds } from './funds.ts';

const standing = { buyingPower: attos('1000'), shorting: true, blocked: false };
const claimed = (funds: Funds): string => attosText(funds.claimed);

describe('what orders claim of the buying power', () => {
  test('is counted until the broker’s own figure has surely heard of the order', () => {
    const funds = new Funds();
    funds.claim('a', attos('100'));
    funds.claim('b', attos('50'));
    funds.tell('a', NOON);
    funds.observe(standing, NOON);
    expect(claimed(funds)).toBe('150');
    funds.tell('a', NOON + 500);
    funds.observe(standing, NOON + 1);
    expect(claimed(funds)).toBe('50');
    funds.observe(standing, NOON + 100_000);
    expect(claimed(funds)).toBe('50');
  });

  test('ends with an order that came to nothing, and is changed by one that is asked again', () => {
    const funds = new Funds();
    funds.claim('a', attos('100'));
    funds.claim('a', attos('60'));
    expect(claimed(funds)).toBe('60');
    funds.drop('a');
    funds.drop('a');
    funds.drop('never');
    expect(claimed(funds)).toBe('0');
  });

  test('does not stay for ever where the messages about an order were lost', () => {
    const funds = new Funds();
    funds.claim('open', attos('1'));
    funds.claim('gone', attos('2'));
    funds.tellAllBut(new Set(['open']), NOON);
    funds.observe(standing, NOON + 1);
    expect(claimed(funds)).toBe('1');
  });
});

describe('the account as execution-engine tells it', () => {
  test('is read with what it says of buying power, short sales and blocks', () => {
    const body = { equity: '1000.5', buying_power: '-3', trading_blocked: true, shorting_enabled: false };
    expect(readAccount(200, body)).toEqual({
      equity: attos('1000.5'),
      standing: { buyingPower: attos('-3'), shorting: false, blocked: true },
    });
    expect(readAccount(200, { equity: '1', buying_power: '2' }).standing).toEqual({
      buyingPower: attos('2'),
      shorting: true,
      blocked: false,
    });
    expect(readAccount(200, { equity: '1' }).standing).toBeUndefined();
  });

  test.each([
    [502, { equity: '1' }],
    [200, {}],
    [200, { equity: 1 }],
    [200, { equity: 'many' }],
    [200, undefined],
  ])('is none as %i %j', (status, body) => {
    expect(() => readAccount(status, body)).toThrow();
  });
});
