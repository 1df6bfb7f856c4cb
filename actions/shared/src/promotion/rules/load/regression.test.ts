import { describe, expect, test } from '@jest/globals';
import { passingEvidence } from '../../../gate/testing.ts';
import { defaultGateConfig } from '../../config.ts';
import { randomOf } from '../../testing/random.ts';
import { loadOf, recorded, type Build } from '../../testing/recorded.ts';
import type { GateContext } from '../../types.ts';
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
    github: { currentDeployment: () => Promise.resolve(undefined) },
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
