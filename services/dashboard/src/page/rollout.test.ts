import { describe, expect, test } from '@jest/globals';

const { textOf } = (await import(String(new URL('../../public/js/views/rollout.js', import.meta.url)))) as {
  textOf: (scope: Record<string, unknown>) => string;
};

const SCOPE = {
  stage: 'share',
  effective: ['AAPL', 'SPY'],
  reason: 'watched for 30 min',
  set_by: 'run 7',
  set_at: null,
};

describe('the line about the roll-out', () => {
  test('names the share, why, and who set it', () => {
    expect(textOf({ ...SCOPE, set_at: '2020-01-02T15:00:00Z' })).toBe(
      'Roll-out, share: AAPL, SPY may be traded; elsewhere only what shrinks a position – watched for 30 min (run 7, since 2 Jan 10:00:00 New York)',
    );
  });

  test('says that nothing is traded, before the first stage and after nobody renewed one', () => {
    const nothing = 'no order flow: nothing but what shrinks a position is traded';
    expect(textOf({ ...SCOPE, stage: 'unset', effective: [], reason: 'none', set_by: null })).toBe(
      `Roll-out, unset: ${nothing} – none`,
    );
    expect(textOf({ ...SCOPE, stage: 'expired', effective: [] })).toBe(
      `Roll-out, expired: ${nothing} – nobody renewed it`,
    );
  });
});
