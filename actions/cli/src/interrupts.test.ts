import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { listenToInterrupts } from './interrupts.ts';

function listen(extra: object = {}) {
  const target = Object.assign(new EventEmitter(), extra);
  let now = 0;
  const interrupts = listenToInterrupts(target as unknown as NodeJS.Process, () => now);
  return {
    interrupts,
    press: (signal: string, at: number) => {
      now = at;
      target.emit(signal, signal);
    },
    target,
  };
}

describe('interrupts', () => {
  test('the first asks to stop, a later one to hurry', () => {
    const { interrupts, press } = listen();
    expect(interrupts.stop.aborted).toBe(false);
    press('SIGINT', 0);
    expect([interrupts.stop.aborted, interrupts.hurry.aborted]).toEqual([true, false]);
    press('SIGINT', 1_500);
    expect(interrupts.hurry.aborted).toBe(true);
  });

  test('one Ctrl-C that a terminal, npm and the bootstrap each deliver is one', () => {
    const { interrupts, press } = listen();
    press('SIGINT', 0);
    press('SIGINT', 3);
    press('SIGINT', 250);
    expect(interrupts.hurry.aborted).toBe(false);
  });

  test('the end of the process that started us asks to stop and never to hurry', () => {
    const { interrupts, target } = listen({ channel: { unref: () => {} }, connected: true });
    target.emit('disconnect');
    target.emit('disconnect');
    expect([interrupts.stop.aborted, interrupts.hurry.aborted]).toEqual([true, false]);
  });

  test('a process that was gone before we listened counts as well', () => {
    const { interrupts } = listen({ channel: { unref: () => {} }, connected: false });
    expect(interrupts.stop.aborted).toBe(true);
  });

  test('released, it listens no more', () => {
    const { interrupts, target } = listen();
    interrupts.release();
    expect(target.eventNames()).toEqual([]);
  });
});
