import { expect, test } from '@jest/globals';
import { periodOf } from './period.ts';

test.each([
  ['2024-06-03', '2024-06-03', '2024-06-01'],
  ['2024-06-09', '2024-06-03', '2024-06-01'],
  ['2024-07-01', '2024-07-01', '2024-07-01'],
  ['2024-03-01', '2024-02-26', '2024-03-01'],
  ['2025-01-01', '2024-12-30', '2025-01-01'],
  ['2024-03-10', '2024-03-04', '2024-03-01'],
])('the week of %s begins on %s, its month on %s', (day, week, month) => {
  expect(periodOf(day)).toEqual({ day, week, month });
});
