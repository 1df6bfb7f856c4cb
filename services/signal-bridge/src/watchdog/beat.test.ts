import { describe, expect, test } from '@jest/globals';
import { Guard } from '../plugins/guard.ts';
import { Beats, Patrol } from './beat.ts';

const patrolled = (looks = 3) => {
  const beats = new Beats();
  // As the other thread has it: its own view of the same memory.
  return { beats, patrol: new Patrol(new Beats(beats.shared), looks) };
};

describe('the patrol', () => {
  test('names the strategy whose call is there at so many looks in a row', () => {
    const { beats, patrol } = patrolled();
    beats.of(1).enter();
    expect([patrol.look(), patrol.look(), patrol.look()]).toEqual([undefined, undefined, 1]);
  });

  test('lets many short calls pass, though each look finds one', () => {
    const { beats, patrol } = patrolled();
    const beat = beats.of(0);
    for (let at = 0; at < 20; at++) {
      beat.enter();
      expect(patrol.look()).toBeUndefined();
      beat.leave();
    }
  });

  test('begins to count anew where the thread was given back', () => {
    const { beats, patrol } = patrolled();
    const beat = beats.of(0);
    beat.enter();
    patrol.look();
    patrol.look();
    beat.leave();
    expect(patrol.look()).toBeUndefined();
    beat.enter();
    expect([patrol.look(), patrol.look()]).toEqual([undefined, undefined]);
  });

  test('sees a strategy while its code runs, getters of its decision included, and not after it threw', () => {
    const beats = new Beats();
    const seen: unknown[] = [];
    const note = (): void => void seen.push(beats.look()?.index);
    const guard = new Guard({ beat: beats.of(4), onFailure: () => undefined, onSlow: () => undefined });
    const decision = {
      get side() {
        note();
        return 'buy';
      },
      reason: 'r',
    };
    guard.decide(
      () => {
        note();
        return decision;
      },
      undefined,
      'AAPL',
    );
    note();
    guard.run(() => {
      throw new Error('no');
    }, undefined);
    note();
    expect(seen).toEqual([4, 4, undefined, undefined]);
  });
});
