import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createIds, newId } from './ids.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('ids are of their own, and stand in the order of the milliseconds that they were made in', async () => {
  const made: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    made.push(newId(), newId());
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  expect(new Set(made).size).toBe(made.length);
  for (const id of made) expect(id).toMatch(UUID);
  const ofRounds = made.filter((_, index) => index % 2 === 0);
  expect(ofRounds).toEqual(ofRounds.toSorted());
});

test('an older Node, which has none in order of time, gives random ones', () => {
  const ids = createIds({ randomUUID });
  const made = Array.from({ length: 20 }, ids);
  expect(new Set(made).size).toBe(20);
  for (const id of made) expect(id).toMatch(UUID);
});
