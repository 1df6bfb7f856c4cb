import { describe, expect, test } from '@jest/globals';
import { makeLimits } from '../testing/make.ts';
import { createCalendar } from './calendar.ts';
import { nyseDays } from './nyse.ts';

/** As the exchange published them, month and day: https://www.nyse.com/markets/hours-calendars */
const PUBLISHED: Record<number, { closed: string; early: string }> = {
  2013: { closed: '01-01 01-21 02-18 03-29 05-27 07-04 09-02 11-28 12-25', early: '07-03 11-29 12-24' },
  2018: { closed: '01-01 01-15 02-19 03-30 05-28 07-04 09-03 11-22 12-05 12-25', early: '07-03 11-23 12-24' },
  2021: { closed: '01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24', early: '11-26' },
  2022: { closed: '01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26', early: '11-25' },
  2024: { closed: '01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25', early: '07-03 11-29 12-24' },
  2025: { closed: '01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25', early: '07-03 11-28 12-24' },
  2026: { closed: '01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25', early: '11-27 12-24' },
  2027: { closed: '01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24', early: '11-26' },
  2028: { closed: '01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25', early: '07-03 11-24' },
};

const withYear = (year: number, days: string): string[] => days.split(' ').map((day) => `${year}-${day}`);

describe('the exchange’s calendar', () => {
  test.each(Object.entries(PUBLISHED))('of %s is the published one', (year, { closed, early }) => {
    const found = nyseDays(Number(year));
    expect([...found.closed].toSorted()).toEqual(withYear(Number(year), closed));
    expect([...found.early].toSorted()).toEqual(withYear(Number(year), early));
  });

  const calendar = (change: Partial<ReturnType<typeof makeLimits>['time_restrictions']> = {}) =>
    createCalendar({ ...makeLimits().time_restrictions, regular_hours_only: true, ...change });
  const at = (text: string): number => Date.parse(text);

  test('keeps orders back on a holiday, and after 13:00 on a short day', () => {
    const nyse = calendar();
    expect(nyse.closed(at('2026-07-03T14:00:00-04:00'))).toBe('the exchange is closed on 2026-07-03');
    expect(nyse.closed(at('2026-11-27T12:59:59-05:00'))).toBeUndefined();
    expect(nyse.closed(at('2026-11-27T13:00:00-05:00'))).toBe('it is after 13:00 America/New_York');
    expect(nyse.closing(at('2026-11-27T12:54:59-05:00'))).toBe(false);
    expect(nyse.closing(at('2026-11-27T12:55:00-05:00'))).toBe(true);
    expect(nyse.closing(at('2026-11-27T15:55:00-05:00'))).toBe(false);
    const none = calendar({ exchange_calendar: 'none' });
    expect(none.closed(at('2026-07-03T14:00:00-04:00'))).toBeUndefined();
    expect(none.closed(at('2026-11-27T13:00:00-05:00'))).toBeUndefined();
  });

  test('reads the short day’s end on the clock of another zone', () => {
    const london = calendar({ time_zone: 'Europe/London', open: '14:30', close: '21:00' });
    expect(london.closed(at('2026-11-27T17:59:59Z'))).toBeUndefined();
    expect(london.closed(at('2026-11-27T18:00:00Z'))).toBe('it is after 18:00 Europe/London');
    expect(london.closed(at('2026-11-25T18:00:00Z'))).toBeUndefined();
  });

  test('is added to by the configuration', () => {
    const own = calendar({ closed_days: ['2026-02-10'], early_closes: [{ day: '2026-02-11', close: '12:00' }] });
    expect(own.closed(at('2026-02-10T11:00:00-05:00'))).toBe('2026-02-10 is among closed_days');
    expect(own.closed(at('2026-02-11T11:59:59-05:00'))).toBeUndefined();
    expect(own.closed(at('2026-02-11T12:00:00-05:00'))).toBe('it is after 12:00 America/New_York');
    expect(own.closed(at('2026-02-12T12:00:00-05:00'))).toBeUndefined();
  });
});
