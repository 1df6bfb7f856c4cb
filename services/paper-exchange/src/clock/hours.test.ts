import { describe, expect, test } from '@jest/globals';
import { EventClock, wallClock } from './clock.ts';
import { holidaysOf } from './holidays.ts';
import { alwaysOpen, regularHours } from './hours.ts';
import { toRfc3339 } from './new-york.ts';

const at = (text: string): number => Date.parse(text) * 1000;

describe('market hours', () => {
  test('the closings of past years come out as the exchange published them', () => {
    expect([...holidaysOf(2024).closed].sort()).toEqual([
      '2024-01-01',
      '2024-01-15',
      '2024-02-19',
      '2024-03-29',
      '2024-05-27',
      '2024-06-19',
      '2024-07-04',
      '2024-09-02',
      '2024-11-28',
      '2024-12-25',
    ]);
    expect([...holidaysOf(2024).early].sort()).toEqual(['2024-07-03', '2024-11-29', '2024-12-24']);
    expect([...holidaysOf(2022).closed]).toEqual(expect.arrayContaining(['2022-06-20', '2022-12-26']));
    // New Year's Day 2022 was a Saturday: the Friday before it was a trading day.
    expect([...holidaysOf(2021).closed]).not.toContain('2021-12-31');
    expect([...holidaysOf(2013).closed]).not.toContain('2013-06-19');
    expect([...holidaysOf(2012).closed]).toContain('2012-10-29');
  });

  test('a regular day runs from extended to regular to extended to closed', () => {
    const hours = regularHours();
    expect(
      ['07:59', '08:00', '13:29', '13:30', '19:59', '20:00', '23:59'].map((time) =>
        hours.session(at(`2024-06-03T${time}:00Z`)),
      ),
    ).toEqual(['closed', 'extended', 'extended', 'regular', 'regular', 'extended', 'extended']);
    expect(hours.session(at('2024-06-01T15:00:00Z'))).toBe('closed');
    expect(hours.session(at('2024-06-19T15:00:00Z'))).toBe('closed');
    expect(hours.session(at('2024-07-03T17:30:00Z'))).toBe('extended');
  });

  test('the next open skips weekends and holidays', () => {
    const hours = regularHours();
    expect(toRfc3339(hours.nextOpen(at('2024-06-14T21:00:00Z')))).toBe('2024-06-17T13:30:00.000000Z');
    expect(toRfc3339(hours.nextOpen(at('2024-06-18T21:00:00Z')))).toBe('2024-06-20T13:30:00.000000Z');
    expect(toRfc3339(hours.nextClose(at('2024-07-03T14:00:00Z')))).toBe('2024-07-03T17:00:00.000000Z');
  });

  test('a day order lives until its session’s close, an extended one until the evening', () => {
    const hours = regularHours();
    expect(toRfc3339(hours.dayOrderExpiry(at('2024-06-03T15:00:00Z'), false))).toBe('2024-06-03T20:00:00.000000Z');
    expect(toRfc3339(hours.dayOrderExpiry(at('2024-06-03T15:00:00Z'), true))).toBe('2024-06-04T00:00:00.000000Z');
    expect(toRfc3339(hours.dayOrderExpiry(at('2024-06-03T21:00:00Z'), false))).toBe('2024-06-04T20:00:00.000000Z');
  });

  test('a market that is always open still has days', () => {
    const hours = alwaysOpen();
    expect(hours.session(at('2024-06-01T03:00:00Z'))).toBe('regular');
    expect(toRfc3339(hours.nextClose(at('2024-06-01T03:00:00Z')))).toBe('2024-06-01T04:00:00.000000Z');
  });

  test('no clock goes back', () => {
    let wall = 1000;
    const clock = wallClock(() => wall);
    expect(clock.now()).toBe(1_000_000);
    wall = 900;
    expect(clock.now()).toBe(1_000_000);
    const events = new EventClock(5);
    events.advanceTo(9);
    events.advanceTo(7);
    expect(events.now()).toBe(9);
  });
});
