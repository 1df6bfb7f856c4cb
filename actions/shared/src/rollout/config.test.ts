import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { loadSystemConfig, UserError } from '@papergate/config';
import { loadRolloutPlan, planOf, type RolloutConfig } from './config.ts';
import { CONFIG, SYMBOLS } from './testing/simulated.ts';

const dir = fileURLToPath(new URL('../../../../config', import.meta.url));
const refused = (change: Partial<RolloutConfig>): string => {
  try {
    planOf({ ...CONFIG, ...change }, SYMBOLS);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return '';
};
const steps = (...stages: Partial<RolloutConfig['stages'][number]>[]): Partial<RolloutConfig> => ({
  stages: stages.map((stage, index) => ({
    name: `step-${index}`,
    orders: 'none',
    watch_seconds: 60,
    least_samples: 5,
    ...stage,
  })),
});

describe('the roll-out of the configuration', () => {
  test('is none, then a fifth of the symbols, then all, watched for more than an hour', () => {
    const { symbols } = loadSystemConfig(dir, 'production');
    const { stages } = loadRolloutPlan(dir, symbols);
    expect(stages.map(({ name, symbols: through }) => [name, through])).toEqual([
      ['no-order-flow', []],
      ['share', ['AAPL']],
      ['all', 'all'],
    ]);
    expect(stages.reduce((sum, { watchMs }) => sum + watchMs, 0)).toBeGreaterThanOrEqual(3_600_000);
  });

  test('takes a share up to the next whole symbol, the first by name, and the named ones as they are', () => {
    const share = (orders: RolloutConfig['stages'][number]['orders'], symbols: readonly string[] = SYMBOLS) =>
      planOf({ ...CONFIG, ...steps({}, { orders }, { orders: 'all' }) }, symbols).stages[1]?.symbols;
    expect(share({ share: 0.2 })).toEqual(['AAPL']);
    expect(share({ share: 0.21 })).toEqual(['AAPL', 'AMZN']);
    expect(share({ share: 0.01 })).toEqual(['AAPL']);
    expect(share({ symbols: ['SPY', 'MSFT', 'SPY'] })).toEqual(['MSFT', 'SPY']);
  });

  test.each<[string, Partial<RolloutConfig>, RegExp]>([
    [
      'a first step with orders',
      steps({ orders: { share: 0.2 } }, { orders: 'all' }),
      /first step, "step-0", lets orders/,
    ],
    ['a last step without all', steps({}, { orders: { share: 0.2 } }), /last step, "step-1", is not for all/],
    [
      'all before the last step',
      steps({}, { orders: 'all' }, { orders: 'all' }),
      /"step-1" is for all orders, and not the last/,
    ],
    [
      'a step that takes back',
      steps({}, { orders: { symbols: ['SPY'] } }, { orders: { share: 0.2 } }, { orders: 'all' }),
      /takes back SPY/,
    ],
    [
      'a symbol that is not traded',
      steps({}, { orders: { symbols: ['TSLA'] } }, { orders: 'all' }),
      /names TSLA, allowed/,
    ],
    ['a share that is all', steps({}, { orders: { share: 0.9 } }, { orders: 'all' }), /which is all of 5 symbols/],
    ['one name twice', steps({ name: 'one' }, { name: 'one', orders: 'all' }), /two steps are called "one"/],
    ['more samples than there is time for', { sample_every_seconds: 30 }, /"no-order-flow" wants 10 samples in 60 s/],
    ['a lease that a look may outlast', { lease_seconds: 35 }, /lease_seconds is 35, which is not more/],
  ])('refuses %s', (_what, change, words) => {
    expect(refused(change)).toMatch(words);
  });
});
