import { describe, expect, test } from '@jest/globals';
import type { ShipEvent } from '@papergate/delivery';
import { makeOutput, table } from '../output.ts';
import { bar, clip, duration } from './format.ts';
import { makeShipView } from './ship-view.ts';

function screen(isTTY: boolean, env: Record<string, string> = {}) {
  let text = '';
  const stream = {
    isTTY,
    columns: 80,
    write: (part: string) => {
      text += part;
    },
  };
  return { output: makeOutput(stream, stream, env), text: () => text };
}

const EVENTS: ShipEvent[] = [
  { type: 'run', run_id: 'r1', dir: '/x', environment: 'development' },
  { type: 'commit', commit: 'c'.repeat(40), subject: 'a change', uncommitted_changes: true },
  { type: 'stage', stage: 'validate', state: 'started' },
  { type: 'progress', stage: 'validate', message: 'reading' },
  { type: 'stage', stage: 'validate', state: 'passed', duration_ms: 120, summary: '3 checks' },
  { type: 'stage', stage: 'load', state: 'started' },
  { type: 'progress', stage: 'load', message: 'flood: 1 s', fraction: 0.25 },
  { type: 'progress', stage: 'load', message: 'flood: 2 s', fraction: 0.5 },
  { type: 'stage', stage: 'load', state: 'failed', duration_ms: 65_000, summary: '1 of 3 checks failed: p99' },
  { type: 'gate', decision: 'block', reasons: ['load: too slow'] },
  { type: 'report', html: '/x/report.html', json: '/x/report.json', summary: '/x/summary.md' },
  { type: 'staging', state: 'stopping', reason: 'the commit did not get through' },
  { type: 'staging', state: 'stopped' },
];

const ESC = String.fromCharCode(27);

describe('how a ship is shown', () => {
  test('not on a terminal: plain lines, one an event, progress with a fraction told rarely', () => {
    const { output, text } = screen(false);
    const view = makeShipView(output, false);
    for (const event of EVENTS) view.show(event);
    view.close();
    expect(text()).toBe(`papergate: development, run r1
commit cccccccccccc a change
note: the working tree has uncommitted changes; they are not part of this release
validate …
  validate: reading
validate: ok in 120 ms · 3 checks
load …
  load 25 %: flood: 1 s
load: FAILED in 1 min 5 s · 1 of 3 checks failed: p99
gate: block
  - load: too slow
report: /x/report.html
stopping staging: the commit did not get through
staging is stopped
`);
  });

  test('with --json: every event as it is, a line each', () => {
    const { output, text } = screen(true);
    const view = makeShipView(output, true);
    for (const event of EVENTS) view.show(event);
    expect(
      text()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(EVENTS);
  });

  test('on a terminal: a list that is drawn over itself, with a bar, and that stays once it is over', () => {
    const { output, text } = screen(true);
    const view = makeShipView(output, false);
    for (const event of EVENTS) view.show(event);
    view.close();
    expect(text()).toContain(`${ESC}[7A`);
    expect(text()).toContain('█');
    const end = text().slice(text().lastIndexOf(`${ESC}[0J`));
    const plain = end.replaceAll(new RegExp(`${ESC}\\[\\d*[a-zA-Z]`, 'g'), '');
    expect(plain).toMatch(/✔ validate +120 ms +3 checks/);
    expect(plain).toMatch(/✖ load +1 min 5 s +1 of 3 checks failed: p99/);
    expect(plain.indexOf('gate: block')).toBeGreaterThan(plain.indexOf('✖ load'));
  });

  test.each([{ CI: 'true' }, { TERM: 'dumb' }, { NO_COLOR: '1' }])('a terminal with %j gets plain lines', (env) => {
    expect(screen(true, env).output.isLive).toBe(false);
  });

  test('once staging is up it says where the dashboard is and how it ends', () => {
    const { output, text } = screen(false);
    const urls = { dashboard: 'http://127.0.0.1:3000', orchestrator: 'http://127.0.0.1:8080' };
    makeShipView(output, false).show({ type: 'staging', state: 'up', urls, detached: false });
    expect(text()).toBe(
      'dashboard: http://127.0.0.1:3000\napi: http://127.0.0.1:8080\nstaging is up; Ctrl-C stops staging\n',
    );
  });
});

describe('formats', () => {
  test.each([
    [0, '0 ms'],
    [949, '949 ms'],
    [1_000, '1.0 s'],
    [59_400, '59.4 s'],
    [59_600, '1 min 0 s'],
    [125_000, '2 min 5 s'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  test('a bar is always as wide as it is meant to be', () => {
    for (const fraction of [-1, 0, 0.01, 0.5, 0.99, 1, 2]) expect(bar(fraction, 10)).toHaveLength(10);
    expect(bar(1, 3)).toBe('███');
    expect(bar(0, 3)).toBe('░░░');
  });

  test('text is cut with a sign that it was', () =>
    expect([clip('abcdef', 4), clip('abc', 4)]).toEqual(['abc…', 'abc']));

  test('columns stand below one another, colours or not', () => {
    expect(
      table([
        ['a', 'b'],
        [`${ESC}[31mlong${ESC}[39m`, 'c'],
      ]),
    ).toBe(`a     b\n${ESC}[31mlong${ESC}[39m  c`);
  });
});
