import { describe, expect, test } from '@jest/globals';
import type { DeliverOutcome, Manifest } from '@papergate/delivery';
import { newLines } from '../commands/logs.ts';
import { deliveryLine, outcomeText, recoveredLine } from './delivery-view.ts';

const manifest = (commit: string): Manifest =>
  ({ commit: commit.repeat(40), digest: `sha256:${commit.repeat(64)}`, services: {} }) as unknown as Manifest;

const outcome = (change: Partial<DeliverOutcome>): DeliverOutcome => ({
  status: 'delivered',
  action: 'deploy',
  exitCode: 0,
  run: 'run',
  generation: 1,
  from: manifest('a'),
  to: manifest('b'),
  interrupted: false,
  checks: [],
  migrations: [],
  timings: [],
  warnings: [],
  ...change,
});

describe('a delivery on the screen', () => {
  test('is one line a step that is over, with its time', () => {
    expect(deliveryLine({ type: 'step', step: 'migrate', state: 'begin' })).toBeUndefined();
    expect(deliveryLine({ type: 'step', step: 'migrate', state: 'done', ms: 61 })).toBe('  ✔ migrate 61 ms');
    expect(deliveryLine({ type: 'step', step: 'start:x', state: 'failed', ms: 2500, detail: 'no' })).toBe(
      '  ✖ start:x 2.5 s · no',
    );
    expect(deliveryLine({ type: 'undo', reason: 'it broke' })).toBe('undoing it: it broke');
  });

  test('says from where to where, for how long orders were not taken, and what was kept', () => {
    const text = outcomeText(
      outcome({ intakeAwayMs: 1234, checkpoint: '20260101-000000-abcdef', warnings: ['the disk is nearly full'] }),
    );
    expect(text.split('\n')).toEqual([
      'note: the disk is nearly full',
      `delivered: aaaaaaaaaaaa → bbbbbbbbbbbb (manifest sha256:${'b'.repeat(64)})`,
      'orders were not taken for 1.2 s',
      'checkpoint before it: 20260101-000000-abcdef',
    ]);
    expect(outcomeText(outcome({ action: 'rollback', from: undefined }))).toContain(
      'rolled back: nothing → bbbbbbbbbbbb',
    );
    expect(outcomeText(outcome({ status: 'unchanged' }))).toContain('nothing was touched');
  });

  test('says what became of one that was cut off', () => {
    expect(recoveredLine({ status: 'nothing', exitCode: 0, warnings: [] })).toBe('nothing was cut off here');
    expect(
      recoveredLine({ status: 'undone', exitCode: 0, action: 'deploy', step: 'start:dashboard', warnings: [] }),
    ).toBe('the deploy that was cut off at start:dashboard is undone');
    expect(recoveredLine({ status: 'undo-failed', exitCode: 3, warnings: [] })).toContain('NOT');
  });
});

describe('following a log by looking at its end', () => {
  test.each([
    [[], ['a', 'b'], ['a', 'b']],
    [['a', 'b'], ['a', 'b'], []],
    [['a', 'b'], ['b', 'c'], ['c']],
    [['a', 'a'], ['a', 'a', 'a'], ['a']],
    [
      ['a', 'b'],
      ['x', 'y'],
      ['x', 'y'],
    ],
    [['x', 'a', 'b'], ['b'], []],
  ])('%j then %j has %j that is new', (before, now, fresh) => {
    expect(newLines(before, now)).toEqual(fresh);
  });
});
