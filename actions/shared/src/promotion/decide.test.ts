import { describe, expect, test } from '@jest/globals';
import { BAD_CASES } from './testing/cases.ts';
import { GOOD_WORLDS } from './testing/good.ts';
import { decideIn, makeWorld } from './testing/world.ts';
import { RULES } from './rules/index.ts';
import { RULE_NAMES, type Rule } from './types.ts';

const PASSES = { judge: () => Promise.resolve({ seen: '', wanted: '', problems: [] }) };

describe('the production gate', () => {
  test('opens where all is well', async () => {
    const { decision, reasons, rules } = await decideIn(await makeWorld());
    expect(reasons).toEqual([]);
    expect(rules.map(({ name, verdict }) => [name, verdict])).toEqual(RULE_NAMES.map((name) => [name, 'passed']));
    expect(decision).toBe('pass');
  });

  test.each(GOOD_WORLDS)('opens where $title', async ({ change }) => {
    const world = await makeWorld();
    await change(world);
    expect((await decideIn(world)).reasons).toEqual([]);
  });

  test.each(BAD_CASES.map((one) => [one.code, one.title, one] as const))(
    'blocks with %s: %s',
    async (_code, _title, one) => {
      const world = await makeWorld();
      await one.spoil(world);
      const { decision, reasons, rules } = await decideIn(world);
      expect(decision).toBe('block');
      expect(reasons).toContainEqual(expect.objectContaining({ rule: one.rule, code: one.code }));
      // Nothing else blocks: so it is this rule that keeps production closed.
      const blocked = rules.filter(({ verdict }) => verdict === 'blocked').map(({ name }) => name);
      expect(blocked.toSorted()).toEqual([one.rule, ...(one.also ?? [])].toSorted());
    },
  );

  test('has a corpus of bad cases in which every rule and every code of theirs is broken', () => {
    const found = new Set(BAD_CASES.map(({ rule, code }) => `${rule} ${code}`));
    const known = RULE_NAMES.flatMap((name) => Object.keys(RULES[name].codes).map((code) => `${name} ${code}`));
    expect(known.filter((one) => !found.has(one))).toEqual([]);
    expect(BAD_CASES.length).toBeGreaterThanOrEqual(60);
  });

  test.each(RULE_NAMES)('would open without the rule %s in a world in which it alone is broken', async (name) => {
    const one = BAD_CASES.find(
      ({ rule, code, also = [] }) => rule === name && code in RULES[name].codes && also.length === 0,
    );
    const world = await makeWorld();
    await one!.spoil(world);
    const without = { ...RULES, [name]: { ...(RULES[name] as Rule), ...PASSES } };
    expect((await decideIn(world, { rules: without })).decision).toBe('pass');
  });
});
