import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeLimits } from '../testing/make.ts';
import { createCalendar } from './calendar.ts';
import { nyseDays } from './nyse.ts';

const DAY_MS = 86_400_000;
const FROM = Date.UTC(2007, 0, 1);
const TO = Date.UTC(2045, 0, 1);

/** 02:00 of the nth Sunday of a month, on a clock `hours` behind UTC. */
function sunday(year: number, month: number, n: number, hours: number): number {
  const first = Date.UTC(year, month - 1, 1);
  return first + (((7 - new Date(first).getUTCDay()) % 7) + 7 * (n - 1)) * DAY_MS + (2 + hours) * 3_600_000;
}

/** New York's wall clock by the law that holds since 2007 (15 U.S.C. 260a), without any zone database. */
function newYork(ms: number): { day: string; weekday: number; minute: number } {
  const year = new Date(ms - 5 * 3_600_000).getUTCFullYear();
  const summer = ms >= sunday(year, 3, 2, 5) && ms < sunday(year, 11, 1, 4);
  const local = new Date(ms - (summer ? 4 : 5) * 3_600_000);
  return {
    day: local.toISOString().slice(0, 10),
    weekday: local.getUTCDay(),
    minute: local.getUTCHours() * 60 + local.getUTCMinutes(),
  };
}

const calendar = createCalendar({
  ...makeLimits().time_restrictions,
  regular_hours_only: true,
  no_new_positions_before_close_minutes: 5,
  blackout_periods: [{ name: 'opening', from: '09:30', to: '09:32' }],
});

/** Any moment; and moments around the changes of the clock and around openings and closings. */
const moment = fc.oneof(
  fc.integer({ min: FROM, max: TO }),
  fc
    .record({
      year: fc.integer({ min: 2007, max: 2044 }),
      spring: fc.boolean(),
      ms: fc.integer({ min: -4e8, max: 4e8 }),
    })
    .map(({ year, spring, ms }) => (spring ? sunday(year, 3, 2, 5) : sunday(year, 11, 1, 4)) + ms),
  fc
    .record({
      day: fc.integer({ min: 0, max: (TO - FROM) / DAY_MS - 1 }),
      hour: fc.constantFrom(13.5, 14.5, 17, 18, 20, 21),
      ms: fc.integer({ min: -400_000, max: 400_000 }),
    })
    .map(({ day, hour, ms }) => FROM + day * DAY_MS + hour * 3_600_000 + ms),
);

describe('hours in New York over four decades of daylight saving', () => {
  test('are those of its wall clock, of its weekdays and of its exchange', () => {
    fc.assert(
      fc.property(moment, (ms) => {
        const { day, minute, weekday } = newYork(ms);
        const { closed, early } = nyseDays(Number(day.slice(0, 4)));
        const end = early.has(day) ? 13 * 60 : 16 * 60;
        const trading = weekday !== 0 && weekday !== 6 && !closed.has(day);
        const open = trading && minute >= 570 && minute < end;
        expect([day, minute, calendar.closed(ms) === undefined]).toEqual([day, minute, open]);
        if (open) expect([day, minute, calendar.closing(ms)]).toEqual([day, minute, minute >= end - 5]);
        expect([day, minute, calendar.blackout('AAPL', ms)?.name]).toEqual([
          day,
          minute,
          minute === 570 || minute === 571 ? 'opening' : undefined,
        ]);
      }),
      { numRuns: 3_000 },
    );
  });

  test('have 390 minutes on a full day and 210 on a short one, whatever the clock did that week', () => {
    const minutes = (day: string): number => {
      let open = 0;
      for (let ms = Date.parse(`${day}T00:00:00Z`); ms < Date.parse(`${day}T00:00:00Z`) + DAY_MS; ms += 60_000) {
        if (calendar.closed(ms) === undefined) open += 1;
      }
      return open;
    };
    for (const day of ['2026-03-06', '2026-03-09', '2026-10-30', '2026-11-02', '2030-03-11']) {
      expect([day, minutes(day)]).toEqual([day, 390]);
    }
    for (const day of ['2026-11-27', '2026-12-24', '2028-07-03']) expect([day, minutes(day)]).toEqual([day, 210]);
    for (const day of ['2026-07-03', '2026-03-08', '2026-11-01']) expect([day, minutes(day)]).toEqual([day, 0]);
  });
});
