import { describe, expect, test } from '@jest/globals';
import { Core } from '../testing/make-core.ts';
import type { LedgerEntry } from './ledger.ts';
import { replayLedger } from './replay.ts';

function played() {
  const core = new Core();
  core.quote(99, 101, { askSize: 6 });
  const id = core.submit();
  core.quote(99, 102);
  core.submit({ side: 'sell', type: 'limit', limit_price: '120', qty: '4' });
  core.refusal({ symbol: 'NOPE' });
  return { core, id, cash: core.exchange.account.startingCash };
}

describe('the ledger', () => {
  test('folds back into the state it came from', () => {
    const { core, id, cash } = played();
    const { account, orders } = replayLedger(core.ledger(), cash);
    expect(account.cash).toBe(core.exchange.account.cash);
    expect(account.positions).toEqual(core.exchange.account.positions);
    expect(orders.get(id)).toMatchObject({ status: 'filled', filled: 10_000_000_000n });
    expect([...orders.values()].map(({ status }) => status)).toEqual(['filled', 'new']);
  });

  test('is numbered 1, 2, 3… and read in pieces', () => {
    const { core } = played();
    const all = core.ledger();
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
    expect(core.exchange.ledger.read(2, 3)).toEqual(all.slice(2, 5));
    expect(core.exchange.ledger.read(all.length, 3)).toEqual([]);
  });

  test.each<[string, (entries: LedgerEntry[]) => LedgerEntry[], string]>([
    ['a gap', (entries) => entries.filter(({ seq }) => seq !== 3), 'ledger entry 4 follows 2'],
    [
      'an unknown order',
      (entries) => entries.slice(1).map((entry, i) => ({ ...entry, seq: i + 1 })),
      'which no entry opened',
    ],
    [
      'cash that does not add up',
      (entries) => entries.map((entry) => (entry.kind === 'fill' ? { ...entry, cash: '1' } : entry)),
      'cash is',
    ],
    [
      'a position that does not',
      (entries) => entries.map((entry) => (entry.kind === 'fill' ? { ...entry, position_qty: '1' } : entry)),
      'position is',
    ],
    [
      'a fill that is there twice',
      (entries) =>
        entries
          .flatMap((entry): LedgerEntry[] => (entry.kind === 'fill' ? [entry, entry] : [entry]))
          .map((entry, i) => ({ ...entry, seq: i + 1 })),
      'cash is',
    ],
  ])('%s is found', (_what, spoil, message) => {
    const { core, cash } = played();
    expect(() => replayLedger(spoil(core.ledger()), cash)).toThrow(message);
  });
});
