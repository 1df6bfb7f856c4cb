import { describe, expect, test } from '@jest/globals';
import { passingEvidence } from '../../../gate/testing.ts';
import { defaultGateConfig } from '../../config.ts';
import { randomOf } from '../../testing/random.ts';
import { loadOf, recorded, type Build } from '../../testing/recorded.ts';
import type { GateContext } from '../../types.ts';
import { compareFigures } from './compare.ts';
import { loadRegression } from '../load-regression.ts';

const PAIRS = 200;
const SEED = 20_261_120;

/** Reasons for which the rule blocks a pair of loads. */
async function judge(before: object, after: object): Promise<string[]> {
  const config = defaultGateConfig();
  const evidence = (data: object) =>
    passingEvidence().map((item) => (item.stage === 'load' ? { ...item, data } : item));
  const context = {
    config,
    files: {
      evidence: () => Promise.resolve(evidence(after)),
      baseline: () => Promise.resolve({ manifestDigest: '', evidence: evidence(before) }),
    },
    github: { lastGood: () => Promise.resolve(undefined) },
  } as unknown as GateContext;
  return (await loadRegression.judge(context, config['load-regression'])).problems.map(({ code }) => code);
}

/** How many of the pairs block, and for what. */
async function count(
  name: 'quiet' | 'disturbed',
  build: Build,
  pairs = PAIRS,
): Promise<{ blocked: number; slower: number; noisy: number }> {
  const random = randomOf(SEED);
  const runs = recorded(name);
  const found = { blocked: 0, slower: 0, noisy: 0 };
  for (let pair = 0; pair < pairs; pair++) {
    const codes = await judge(loadOf(runs.same, random), loadOf(runs[build], random));
    if (codes.length > 0) found.blocked++;
    if (codes.includes('LOAD_SLOWER')) found.slower++;
    if (codes.includes('LOAD_TOO_NOISY')) found.noisy++;
  }
  return found;
}

describe('figures that are compared together', () => {
  const counted = (from: number): number[] => Array.from({ length: 9 }, (_, index) => from + index);
  const terms = { tolerance: 0.1, alpha: 0.01, minEffect: 0.33 };
  const slower = { name: 'slower', before: counted(10), after: counted(15) };
  const same = { name: 'same', before: counted(10), after: counted(10) };

  test('want the more certainty the more there are of them', () => {
    const alone = compareFigures([slower], terms)[0]!;
    expect(alone).toMatchObject({ isSlower: true, ratio: expect.closeTo(1.36, 2) });
    const together = compareFigures([slower, ...Array.from({ length: 6 }, () => same)], terms)[0]!;
    expect(together.p / alone.p).toBeCloseTo(7, 9);
    expect(together.isSlower).toBe(false);
  });

  test('are not slower where the effect is small, however certain it is', () => {
    expect(compareFigures([slower], { ...terms, minEffect: 0.99 })[0]?.isSlower).toBe(false);
    expect(compareFigures([slower], { ...terms, tolerance: 0.4 })[0]?.isSlower).toBe(false);
  });

  test('may be faster by as much as they like', () => {
    expect(compareFigures([{ ...slower, before: slower.after, after: slower.before }], terms)[0]?.isSlower).toBe(false);
  });
});

describe(`the comparison of loads, on recorded latencies (seed ${SEED})`, () => {
  test('blocks at most 2 % of 200 pairs of the same build', async () => {
    expect((await count('quiet', 'same')).blocked).toBeLessThanOrEqual(0.02 * PAIRS);
  });

  test('blocks at least 95 % of 200 pairs in which the second build is a fifth slower', async () => {
    expect((await count('quiet', 'slower')).slower).toBeGreaterThanOrEqual(0.95 * PAIRS);
  });

  test('says that nothing can be said where the machine was disturbed, and lets no slower build through there', async () => {
    const pairs = 40;
    expect((await count('disturbed', 'slower', pairs)).blocked).toBe(pairs);
    expect((await count('disturbed', 'same', pairs)).noisy).toBeGreaterThanOrEqual(0.9 * pairs);
  });
});
