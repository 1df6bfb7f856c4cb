import { describe, expect, test } from '@jest/globals';
import { budgetChecks, type BuiltImage } from './sizes.ts';

const image = (sizeBytes: number, ownBytes: number): BuiltImage => ({
  id: `sha256:${'0'.repeat(64)}`,
  sizeBytes,
  ownBytes,
  layers: [{ diffId: `sha256:${'1'.repeat(64)}`, bytes: sizeBytes }],
});
const outcome = (built: BuiltImage) => budgetChecks({ dashboard: built }).map(({ status }) => status);

describe('the budget of an image', () => {
  test.each<[number, number, string[]]>([
    [158_000_000, 70_000, ['passed', 'passed']],
    [250_000_000, 25_000_000, ['passed', 'passed']],
    [250_000_001, 1, ['failed', 'passed']],
    [200_000_000, 25_000_001, ['passed', 'failed']],
    [0, 0, ['failed', 'failed']],
    [Number.NaN, Number.NaN, ['failed', 'failed']],
  ])('%d bytes, of them %d of its own', (size, own, expected) => {
    expect(outcome(image(size, own))).toEqual(expected);
  });

  test('that is broken names the image, the figure and where to look', () => {
    const [check] = budgetChecks({ dashboard: image(300_120_000, 1) });
    expect(check).toMatchObject({
      name: 'image size: dashboard',
      observed: 300.12,
      limit: '<= 250',
      unit: 'MB',
      detail: expect.stringContaining('docker history papergate/dashboard'),
    });
  });
});
