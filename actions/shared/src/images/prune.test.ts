import { describe, expect, test } from '@jest/globals';
import { obsolete } from './prune.ts';

const commit = (letter: string): string => letter.repeat(40);
const built = (letter: string, time: number): [string, number][] => [
  [`papergate/dashboard:${commit(letter)}`, time],
  [`papergate/orchestrator:${commit(letter)}`, time + 1],
];
const goes = (entries: [string, number][], keep: string[] = [], newest = 2, before = 1000): string[] =>
  [
    ...new Set(obsolete(new Map(entries), { keep, newest, before }).map((name) => name.split(':')[1]?.[0] ?? '')),
  ].sort();

describe('of the builds on a machine', () => {
  test('the oldest go, whole, and the newest stay', () => {
    const entries = [...built('a', 1), ...built('b', 20), ...built('c', 30), ...built('d', 10)];
    expect(goes(entries)).toEqual(['a', 'd']);
    expect(obsolete(new Map(entries), { keep: [], newest: 3, before: 1000 })).toEqual(
      built('a', 1).map(([name]) => name),
    );
  });

  test('those that were asked for stay, and count for none of the newest', () => {
    expect(goes([...built('a', 1), ...built('b', 2), ...built('c', 3)], [commit('a')], 1)).toEqual(['b']);
  });

  test('those that another run may be about to push stay', () => {
    expect(goes([...built('a', 1), ...built('b', 998), ...built('c', 999)], [], 0)).toEqual(['a', 'b']);
    expect(goes([...built('a', 1), ...built('b', 999), ...built('c', 1000)], [], 0)).toEqual(['a']);
  });

  test('those of unknown age stay', () => {
    expect(goes([...built('a', Number.NaN), ...built('b', 2)], [], 0)).toEqual(['b']);
    expect(goes([...built('a', Number.NaN), ...built('b', Number.NaN), ...built('c', 3)], [], 1)).toEqual(['c']);
  });

  test('names of others never go', () => {
    const foreign = [
      'papergate/dashboard:latest',
      'papergate/Dash:x',
      `other/dashboard:${commit('a')}`,
      'papergate-airgap/node:1',
    ];
    expect(obsolete(new Map(foreign.map((name) => [name, 1])), { keep: [], newest: 0, before: 1000 })).toEqual([]);
  });
});
