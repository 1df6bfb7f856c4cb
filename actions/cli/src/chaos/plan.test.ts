import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { describePlan, planRun, STEPS, VICTIMS } from './plan.ts';

const FAILPOINTS = fileURLToPath(new URL('../../../../services/execution-engine/src/failpoints.ts', import.meta.url));
const plans = (seed: number, runs: number) => Array.from({ length: runs }, (_, run) => planRun(seed, run));

describe('the plan of a chaos run', () => {
  test('follows from its seed and its number alone', () => {
    expect(plans(7, 300)).toEqual(plans(7, 300));
    expect(planRun(7, 113)).toEqual(plans(7, 300)[113]);
    expect(plans(7, 20)).not.toEqual(plans(8, 20));
  });

  test.each([1, 2, 3])(
    'strikes every step and every victim, by signal and by fault, within 40 runs of seed %i',
    (seed) => {
      const blows = plans(seed, 40).flatMap((plan) => plan.blows);
      const killedAt = blows.flatMap((blow) => (blow.kind === 'kill-at' ? [blow.step] : []));
      const killed = blows.flatMap((blow) => (blow.kind === 'kill' ? [blow.victim] : []));
      expect(STEPS.filter((step) => !killedAt.includes(step))).toEqual([]);
      expect(VICTIMS.filter((victim) => !killed.includes(victim))).toEqual([]);
      const stops = blows.filter(({ kind }) => kind === 'stop' || kind === 'stop-at');
      expect(stops.length).toBeGreaterThanOrEqual(6);
      const faults = new Set(plans(seed, 40).flatMap((plan) => plan.faults.map(({ kind }) => kind)));
      expect([...faults].toSorted()).toEqual([
        'delay',
        'disconnect',
        'drop_event',
        'duplicate_event',
        'lost_answer',
        'partial_fill',
        'reorder_event',
        'status',
      ]);
    },
  );

  test('knows the very steps that the engine has', () => {
    const list = /FAILPOINTS = \[([^\]]*)\]/.exec(readFileSync(FAILPOINTS, 'utf8'))?.[1] ?? '';
    expect([...list.matchAll(/'([^']+)'/g)].map(([, name]) => name)).toEqual([...STEPS]);
  });

  test('says in one line what will happen', () => {
    for (const plan of plans(5, 60)) {
      expect(describePlan(plan)).toMatch(/^run \d+: \d clients; (kill -9|SIGSTOP) .*; faults: \w/);
      expect(describePlan(plan)).not.toContain('undefined');
    }
  });
});
