import { describe, expect, test } from '@jest/globals';
import { ActionLog } from '../action/output/log.ts';
import { Summary } from '../action/output/summary.ts';
import { recorder } from '../action/testing/recorder.ts';
import type { Check } from '../evidence/index.ts';
import { annotateFailures, checkTable, clipped, failuresText } from './checks.ts';

const plain = (text: string): string => text;
const check = (index: number, failed = false): Check => ({
  name: `check ${index}`,
  status: failed ? 'failed' : 'passed',
  observed: 12.34567,
  limit: '<= 10',
  unit: 'ms',
});

describe('checks in a summary', () => {
  test('stand in one table, failures first, with what was seen and what was wanted', () => {
    const summary = new Summary(plain);
    checkTable(summary, [
      check(1),
      check(2, true),
      { name: 'x', status: 'passed', observed: `sha256:${'a'.repeat(64)}` },
    ]);
    const lines = summary.toString().split('\n');
    expect(lines[2]).toMatch(/^\| ❌ \| check 2 \| 12\\?\.346 ms \| &lt;= 10 ms \|/);
    expect(lines[3]).toContain('check 1');
    expect(lines[4]).toContain('<code>sha256:aaaaaaaaaaaa</code>');
  });

  test('that are many are folded, but for those that failed', () => {
    const many = Array.from({ length: 60 }, (_, index) => check(index, index === 59));
    const summary = new Summary(plain);
    checkTable(summary, many);
    const text = summary.toString();
    expect(text.indexOf('check 59')).toBeLessThan(text.indexOf('<details>'));
    expect(text).toContain('59 checks passed');
    const passed = new Summary(plain);
    checkTable(passed, many.slice(0, 50));
    expect(passed.toString()).toMatch(/^<details><summary>50 checks passed/);
    const none = new Summary(plain);
    checkTable(none, []);
    expect(none.isEmpty).toBe(true);
  });

  test('that failed are annotated, each with its own title', () => {
    const surroundings = recorder({});
    annotateFailures(new ActionLog(surroundings.commands, plain), 'Smoke test', [check(1), check(2, true)]);
    expect(surroundings.annotations).toEqual([
      {
        kind: 'error',
        text: 'check 2: 12.346 ms, wanted <= 10 ms',
        properties: { title: 'Smoke test: check 2' },
      },
    ]);
  });

  test('in a sentence are cut where nobody would read on', () => {
    expect(failuresText([check(1), check(2, true)])).toBe('check 2: 12.346 ms, wanted <= 10 ms');
    expect(clipped('x'.repeat(600))).toHaveLength(500);
    expect(clipped('short')).toBe('short');
  });
});
