import { describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { makeLimits } from '../testing/make.ts';
import { createCalendar } from './calendar.ts';
import { createZone } from './zone.ts';

const restrictions = (change: Partial<ReturnType<typeof makeLimits>['time_restrictions']> = {}) => ({
  ...makeLimits().time_restrictions,
  regular_hours_only: true,
  ...change,
});
const at = (text: string): number => Date.parse(text);

describe('a time zone', () => {
  const newYork = createZone('America/New_York');

  test.each([
    // The clocks of New York went forward on 10 March and back on 3 November 2024, at 07:00 and 06:00 UTC.
    ['2024-03-10T06:59:59Z', 119],
    ['2024-03-10T07:00:00Z', 180],
    ['2024-11-03T05:59:59Z', 119],
    ['2024-11-03T06:00:00Z', 60],
    ['2024-07-01T13:30:00Z', 570],
    ['2024-01-02T14:30:00Z', 570],
  ])('reads %s as minute %i of the day', (text, minute) => {
    expect(newYork.minuteOfDay(at(text))).toBe(minute);
  });

  test('its day begins at its own midnight', () => {
    expect(newYork.day(at('2024-06-05T03:59:59Z'))).toBe('2024-06-04');
    expect(newYork.day(at('2024-06-05T04:00:00Z'))).toBe('2024-06-05');
    expect(newYork.weekday(at('2024-06-03T02:00:00Z'))).toBe(0);
    expect(newYork.weekday(at('2024-06-03T04:00:00Z'))).toBe(1);
  });

  test('zones with odd offsets are right too', () => {
    const kathmandu = createZone('Asia/Kathmandu');
    expect(kathmandu.minuteOfDay(at('2024-06-05T00:00:00Z'))).toBe(345);
  });
});

describe('regular hours', () => {
  const calendar = createCalendar(restrictions());

  test.each([
    ['summer, before the open', '2024-06-05T13:29:59Z', false],
    ['summer, at the open', '2024-06-05T13:30:00Z', true],
    ['winter, before the open', '2024-01-03T14:29:59Z', false],
    ['winter, at the open', '2024-01-03T14:30:00Z', true],
    ['just before the close', '2024-06-05T19:59:59Z', true],
    ['at the close', '2024-06-05T20:00:00Z', false],
    ['the Monday after the clocks changed', '2024-03-11T13:30:00Z', true],
    ['the Friday before', '2024-03-08T13:30:00Z', false],
    ['a Saturday', '2024-06-08T15:00:00Z', false],
    ['a Sunday', '2024-06-09T15:00:00Z', false],
  ])('%s', (_name, text, open) => {
    expect(calendar.closed(at(text)) === undefined).toBe(open);
  });

  test('only new positions stop before the close', () => {
    expect(calendar.closing(at('2024-06-05T19:54:59Z'))).toBe(false);
    expect(calendar.closing(at('2024-06-05T19:55:00Z'))).toBe(true);
    expect(createCalendar(restrictions({ regular_hours_only: false })).closing(at('2024-06-05T19:55:00Z'))).toBe(false);
  });
});

describe('blackouts', () => {
  test('come back each day, also over midnight', () => {
    const calendar = createCalendar(
      restrictions({
        blackout_periods: [
          { name: 'auction', from: '09:30', to: '09:32' },
          { name: 'night', from: '23:00', to: '01:00', symbols: ['SPY'] },
        ],
      }),
    );
    const named = (symbol: string, text: string) => calendar.blackout(symbol, at(text))?.name;
    expect(named('AAPL', '2024-06-05T13:29:59Z')).toBeUndefined();
    expect(named('AAPL', '2024-06-05T13:30:00Z')).toBe('auction');
    expect(named('AAPL', '2024-06-05T13:31:59Z')).toBe('auction');
    expect(named('AAPL', '2024-06-05T13:32:00Z')).toBeUndefined();
    expect(named('AAPL', '2024-01-03T14:31:00Z')).toBe('auction');
    expect(named('SPY', '2024-06-05T03:30:00Z')).toBe('night');
    expect(named('SPY', '2024-06-05T04:59:59Z')).toBe('night');
    expect(named('SPY', '2024-06-05T05:00:00Z')).toBeUndefined();
    expect(named('AAPL', '2024-06-05T03:30:00Z')).toBeUndefined();
  });

  test('or happen once, with an offset', () => {
    const calendar = createCalendar(
      restrictions({
        blackout_periods: [{ name: 'FOMC', from: '2024-06-12T13:55:00-04:00', to: '2024-06-12T18:10:00Z' }],
      }),
    );
    expect(calendar.blackout('AAPL', at('2024-06-12T17:54:59Z'))).toBeUndefined();
    expect(calendar.blackout('AAPL', at('2024-06-12T17:55:00Z'))?.name).toBe('FOMC');
    expect(calendar.blackout('AAPL', at('2024-06-12T18:10:00Z'))).toBeUndefined();
    expect(calendar.blackout('AAPL', at('2024-06-13T18:00:00Z'))).toBeUndefined();
  });
});

describe('what means nothing is refused by name', () => {
  test.each([
    ['a zone that does not exist', { time_zone: 'America/Gotham' }, 'time_zone is "America/Gotham"'],
    ['a close before the open', { open: '16:00', close: '09:30' }, 'open is "16:00"'],
    [
      'a blackout without an end',
      { blackout_periods: [{ name: 'x', from: '09:30', to: '09:30' }] },
      'begins and ends at 09:30',
    ],
    [
      'a blackout in two forms',
      { blackout_periods: [{ name: 'x', from: '09:30', to: '2024-06-12T18:10:00Z' }] },
      'blackout_periods[0] "x"',
    ],
    [
      'a blackout without an offset',
      { blackout_periods: [{ name: 'x', from: '2024-06-12T18:00:00', to: '2024-06-12T18:10:00' }] },
      'RFC 3339',
    ],
    [
      'a blackout backwards',
      { blackout_periods: [{ name: 'x', from: '2024-06-13T18:00:00Z', to: '2024-06-12T18:10:00Z' }] },
      'the first one earlier',
    ],
  ])('%s', (_name, change, message) => {
    expect(() => createCalendar(restrictions(change))).toThrow(UserError);
    expect(() => createCalendar(restrictions(change))).toThrow(message);
  });
});
