import { expect, test } from '@jest/globals';
import { timeText } from './time-text.ts';

test('a time is told as RFC 3339 to the millisecond, also after another one', () => {
  const times = [0, 0, 1_717_599_600_001, 1_717_599_600_002, 1_717_599_600_001, -1, -1];
  expect(times.map(timeText)).toEqual(times.map((ms) => new Date(ms).toISOString()));
});

test('what is no time is refused, also twice, and leaves what was kept', () => {
  expect(timeText(5)).toBe('1970-01-01T00:00:00.005Z');
  for (const none of [Number.NaN, Number.NaN, Infinity, 9e15]) expect(() => timeText(none)).toThrow(RangeError);
  expect(timeText(5)).toBe('1970-01-01T00:00:00.005Z');
});
