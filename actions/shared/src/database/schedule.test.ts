import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { whatIsDue } from './due.ts';
import { expired } from './retention.ts';
import { schedule } from './schedule.ts';
import { checkpointRecord } from './testing/record.ts';
import type { Checkpoint } from './types.ts';

const NOW = new Date('2026-03-29T12:00:00Z');
const ago = (hours: number): string => new Date(NOW.getTime() - hours * 3_600_000).toISOString();
const drilled = (hours: number, ok: boolean): Partial<Checkpoint> => ({
  drills: [{ at: ago(hours), ok, duration_ms: 1, problems: [] }],
});

describe('what is due', () => {
  test.each<[string, Checkpoint[], { backup: boolean; drill: boolean }]>([
    ['both where there is nothing', [], { backup: true, drill: true }],
    [
      'nothing after a fresh backup and a drill this week',
      [checkpointRecord(ago(2), drilled(160, true))],
      { backup: false, drill: false },
    ],
    ['a backup after a day', [checkpointRecord(ago(24), drilled(2, true))], { backup: true, drill: false }],
    [
      'no backup before, whoever took the last one',
      [checkpointRecord(ago(23.5), drilled(2, true))],
      { backup: false, drill: false },
    ],
    [
      'a drill after a week, of whichever checkpoint',
      [checkpointRecord(ago(1)), checkpointRecord(ago(200), drilled(168, true))],
      { backup: false, drill: true },
    ],
    [
      'a drill where the last one failed',
      [checkpointRecord(ago(1), drilled(1, false))],
      { backup: false, drill: true },
    ],
    [
      'both, once, after a month of downtime',
      [checkpointRecord(ago(720), drilled(719, true))],
      { backup: true, drill: true },
    ],
    [
      'both where everything is dated in the future',
      [checkpointRecord(ago(-48), drilled(-47, true))],
      { backup: true, drill: true },
    ],
    [
      'nothing where a clock is a few minutes off',
      [checkpointRecord(ago(-0.1), drilled(-0.1, true))],
      { backup: false, drill: false },
    ],
  ])('is %s', (_what, checkpoints, due) => {
    expect(whatIsDue(checkpoints, NOW)).toEqual(due);
  });

  test('is a day by the clock and not by the calendar: the night when clocks change makes no difference', () => {
    // In Europe 2026-03-29 has 23 hours.
    const record = checkpointRecord('2026-03-28T12:05:00Z', drilled(1, true));
    expect(whatIsDue([record], new Date('2026-03-29T11:50:00Z')).backup).toBe(false);
    expect(whatIsDue([record], new Date('2026-03-29T12:00:00Z')).backup).toBe(true);
  });
});

describe('the retention', () => {
  const days = (count: number): string => ago(count * 24);
  const gone = (checkpoints: Checkpoint[], keep: string[] = []): string[] =>
    expired(checkpoints, { keep, now: NOW, days: 30 }).map(({ taken_at: at }) => at);

  test('removes what is older than thirty days', () => {
    const all = [1, 29, 30, 31, 90].map((count) => checkpointRecord(days(count)));
    expect(gone(all)).toEqual([days(31), days(90)]);
  });

  test('never removes the last good one, however old it is', () => {
    const bad = { drills: [{ at: days(1), ok: false, duration_ms: 1, problems: ['x'] }] };
    expect(gone([checkpointRecord(days(60)), checkpointRecord(days(90))])).toEqual([days(90)]);
    const all = [checkpointRecord(days(40), bad), checkpointRecord(days(60)), checkpointRecord(days(90))];
    expect(gone(all)).toEqual([days(40), days(90)]);
  });

  test('keeps one bad one where there is no good one: it may be all that there is', () => {
    const bad = { drills: [{ at: days(1), ok: false, duration_ms: 1, problems: ['x'] }] };
    expect(gone([checkpointRecord(days(40), bad), checkpointRecord(days(60), bad)])).toEqual([days(60)]);
  });

  test('never removes what a kept release or the user names, nor what is dated in the future', () => {
    const old = checkpointRecord(days(60));
    expect(gone([checkpointRecord(days(1)), old, checkpointRecord(days(-400))], [old.id])).toEqual([]);
  });
});

describe('the schedule', () => {
  const made = schedule({
    name: 'papergate-staging',
    directory: '/srv/100% of it/papergate',
    command: ['/usr/bin/npx', 'papergate', 'db', 'run-due', '--project', `it's "$x" 5%`],
    user: 'deploy',
  });

  test('is an hourly timer of systemd that makes up for what was missed', () => {
    const { service, timer } = made.systemd;
    expect(service.file).toBe('papergate-staging.service');
    expect(service.text).toContain('WorkingDirectory=/srv/100%% of it/papergate\n');
    expect(service.text).toContain(`ExecStart=/usr/bin/npx papergate db run-due --project "it's \\"$$x\\" 5%%"\n`);
    expect(service.text).toContain('User=deploy\n');
    expect(timer.text).toContain('OnCalendar=hourly');
    expect(timer.text).toContain('Persistent=true');
  });

  test('is one line for cron, which the shell reads as it was meant', () => {
    const line = made.crontab;
    expect(line).toMatch(/^\d+ \* \* \* \* cd /);
    // cron takes the backslash away that hides a % from it.
    const command = line
      .replace(/^(\S+ ){5}/, '')
      .replaceAll('\\%', '%')
      .replace(/^cd /, 'echo ');
    const words = command.replace(/ && .*papergate db/, ' && printf "%s\\n" papergate db');
    const said = execFileSync('sh', ['-c', words], { encoding: 'utf8' }).trimEnd().split('\n');
    expect(said).toEqual(['/srv/100% of it/papergate', 'papergate', 'db', 'run-due', '--project', `it's "$x" 5%`]);
  });

  test.each([
    [{ name: 'a b' }, 'name of the units'],
    [{ name: '../x' }, 'name of the units'],
    [{ directory: 'relative' }, 'folder'],
    [{ command: ['/bin/x', 'a\nb'] }, 'schedule'],
  ])('is refused where it could mean something else: %j', (change, what) => {
    const options = { name: 'p', directory: '/srv', command: ['/bin/x'], ...change };
    expect(() => schedule(options)).toThrow(
      expect.objectContaining({ code: 'SCHEDULE_INVALID', message: expect.stringContaining(what) }),
    );
  });
});
