import { describe, expect, test } from '@jest/globals';
import {
  addDays,
  fromNewYork,
  HOUR,
  MINUTE,
  newYorkDate,
  newYorkTimeOfDay,
  toNewYorkRfc3339,
  toRfc3339,
} from './new-york.ts';

describe('New York time', () => {
  test('a time of day is found on both sides of daylight saving', () => {
    expect(toRfc3339(fromNewYork('2013-10-07', 9 * HOUR + 30 * MINUTE))).toBe('2013-10-07T13:30:00.000000Z');
    expect(toRfc3339(fromNewYork('2013-11-04', 9 * HOUR + 30 * MINUTE))).toBe('2013-11-04T14:30:00.000000Z');
    expect(toRfc3339(fromNewYork('2024-03-10', 9 * HOUR + 30 * MINUTE))).toBe('2024-03-10T13:30:00.000000Z');
    expect(toRfc3339(fromNewYork('2024-11-03', 9 * HOUR + 30 * MINUTE))).toBe('2024-11-03T14:30:00.000000Z');
    expect(toRfc3339(fromNewYork('2024-03-10', 0))).toBe('2024-03-10T05:00:00.000000Z');
    expect(toRfc3339(fromNewYork('2024-11-03', 0))).toBe('2024-11-03T04:00:00.000000Z');
  });

  test('date and time of day are the inverse, through a whole year', () => {
    for (let date = '2024-01-01'; date < '2025-01-01'; date = addDays(date, 1)) {
      const at = fromNewYork(date, 16 * HOUR);
      expect([newYorkDate(at), newYorkTimeOfDay(at)]).toEqual([date, 16 * HOUR]);
    }
  });

  test('text has microseconds, or New York’s own offset', () => {
    const at = Date.parse('2024-06-03T14:00:00Z') * 1000 + 123_456;
    expect(toRfc3339(at)).toBe('2024-06-03T14:00:00.123456Z');
    expect(toNewYorkRfc3339(at)).toBe('2024-06-03T10:00:00-04:00');
    expect(toNewYorkRfc3339(Date.parse('2024-01-03T14:00:00Z') * 1000)).toBe('2024-01-03T09:00:00-05:00');
  });
});
