import { expect, test } from '@jest/globals';
import { newScopes } from './audit.ts';

const actor = { name: 'olga', role: 'operator' } as const;
const body = { stage: 'share', symbols: ['AAPL'], reason: 'first hour', set_by: 'run 7' };

test('a scope that is only renewed makes no row in the audit; another one, another hand or a refusal does', () => {
  const what = newScopes();
  const row = { action: 'scope.set', subject: 'share', reason: 'first hour (run 7)' };
  expect(what({ actor, body }, 200)).toEqual(row);
  expect(what({ actor, body: { ...body, reason: 'still the first hour' } }, 200)).toBeUndefined();
  expect(what({ actor: { ...actor, name: 'otto' }, body }, 200)).toEqual(row);
  expect(what({ actor, body: { ...body, symbols: 'all' } }, 200)).toEqual(row);
  expect(what({ actor, body: { ...body, symbols: 'all' } }, 503)).toEqual(row);
  expect(what({ actor, body: undefined }, 400)).toEqual({ action: 'scope.set' });
});
