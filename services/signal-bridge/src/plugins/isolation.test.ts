import { describe, expect, test } from '@jest/globals';
import type { Signal } from '@papergate/service-kit';
import { Engine, type EngineEvents } from '../engine/engine.ts';
import { closes, pluginConfig, quote, START, strategyConfig } from '../testing/tape.ts';
import { takeEnvironment } from './environment.ts';
import type { Failure } from './guard.ts';
import { loadStrategies } from './load.ts';
import type { Strategy, StrategyContext } from './plugin.ts';

const SECOND = 1_000_000;
const RISING = [...closes([100, 105, 111, 117, 123, 130]), quote(7, START + 6 * SECOND)];

interface Outcome {
  signals: Signal[];
  failures: [string, Failure][];
  slow: number;
  /** By strategy. */
  bars: Map<string, number>;
  engine: Engine;
}

/** Runs one strategy of a test beside a momentum strategy that has to go on whatever it does. */
async function beside(
  create: (context: StrategyContext) => Strategy,
  options: { now?: () => number; ticks?: typeof RISING; seed?: number } = {},
): Promise<Outcome> {
  const plugin = {
    interface: 1,
    parameters: { type: 'object' },
    create: (_p: unknown, c: StrategyContext) => create(c),
  };
  const strategies = await loadStrategies(
    [
      pluginConfig({ symbols: ['AAPL'], plugin: 'own' }),
      strategyConfig({ name: 'mover', kind: 'momentum', window: 2, threshold: 1, symbols: ['AAPL'] }),
    ],
    { load: () => Promise.resolve({ default: plugin }) },
  );
  const outcome: Omit<Outcome, 'engine'> = { signals: [], failures: [], slow: 0, bars: new Map() };
  const nothing = (): void => undefined;
  const events: EngineEvents = {
    bar: (name) => void outcome.bars.set(name, (outcome.bars.get(name) ?? 0) + 1),
    signal: nothing,
    suppressed: nothing,
    late: nothing,
    reset: nothing,
    failed: (name, failure) => void outcome.failures.push([name, failure]),
    slow: () => void (outcome.slow += 1),
  };
  const { now, seed } = options;
  const engine = new Engine({
    strategies,
    events,
    ...(now === undefined ? {} : { now }),
    ...(seed === undefined ? {} : { seed }),
  });
  for (const tick of options.ticks ?? RISING) engine.add(tick, (signal) => outcome.signals.push(signal));
  return { ...outcome, engine };
}
const of = ({ signals }: Outcome, strategy: string): Signal[] =>
  signals.filter((signal) => signal.strategy === strategy);

const RUBBISH: [what: string, give: () => unknown, problem: RegExp][] = [
  ['a quantity of NaN', () => ({ side: 'buy', reason: 'x', quantity: Number.NaN }), /quantity is NaN/],
  ['a quantity of "NaN"', () => ({ side: 'buy', reason: 'x', quantity: 'NaN' }), /quantity is "NaN"/],
  ['a quantity of 0', () => ({ side: 'buy', reason: 'x', quantity: '0.000' }), /quantity is "0\.000"/],
  ['a quantity below 0', () => ({ side: 'buy', reason: 'x', quantity: '-5' }), /quantity is "-5"/],
  ['a quantity as a number', () => ({ side: 'buy', reason: 'x', quantity: 5 }), /quantity is 5/],
  ['another symbol', () => ({ side: 'buy', reason: 'x', symbol: 'GME' }), /symbol is "GME", allowed: AAPL/],
  ['a side that there is not', () => ({ side: 'hold', reason: 'x' }), /side is "hold"/],
  ['no reason', () => ({ side: 'buy' }), /reason is undefined/],
  ['a key that nobody knows', () => ({ side: 'buy', reason: 'x', price: 1 }), /has the key "price"/],
  ['a text', () => 'buy', /gives "buy"/],
  ['a list', () => ['buy'], /gives a list/],
  ['a promise', () => Promise.reject(new Error('later')), /gives a promise/],
  [
    'a decision that throws when it is read',
    () => ({
      reason: 'x',
      get side() {
        throw new Error('no');
      },
    }),
    /cannot be read: no/,
  ],
];

describe('a strategy that gives', () => {
  test.each(RUBBISH)('%s is stopped, and the others go on', async (_what, give, problem) => {
    const outcome = await beside(() => ({ onBar: give as Strategy['onBar'] as NonNullable<Strategy['onBar']> }));
    expect(outcome.failures).toEqual([['own', { reason: 'output', detail: expect.stringMatching(problem) }]]);
    expect(of(outcome, 'own')).toEqual([]);
    expect(of(outcome, 'mover')).toHaveLength(4);
    expect(outcome.engine.report()[0]).toMatchObject({ failure: { reason: 'output' } });
  });
});

describe('a strategy that throws', () => {
  test.each<[string, (context: StrategyContext) => Strategy]>([
    [
      'at a bar',
      () => ({
        onBar: () => {
          throw new Error('bad bar');
        },
      }),
    ],
    [
      'at a tick',
      () => ({
        onTick: () => {
          throw new TypeError('bad tick');
        },
      }),
    ],
    [
      'something that is no error',
      () => ({
        onTick: () => {
          throw null;
        },
      }),
    ],
    [
      'an error that throws itself',
      () => ({
        onTick: () => {
          throw {
            toString() {
              throw new Error('again');
            },
          };
        },
      }),
    ],
  ])('%s is stopped once, and the others go on', async (_what, create) => {
    const outcome = await beside(create);
    expect(outcome.failures.map(([name, { reason }]) => [name, reason])).toEqual([['own', 'threw']]);
    expect(of(outcome, 'mover')).toHaveLength(4);
  });

  test('is not asked again, not even about the tick that closed the bar', async () => {
    let ticks = 0;
    const outcome = await beside(() => ({
      onBar: () => {
        throw new Error('bad bar');
      },
      onTick: () => void (ticks += 1),
    }));
    expect([ticks, outcome.bars.get('own'), outcome.bars.get('mover')]).toEqual([1, 1, 6]);
  });

  test('when it is created anew is stopped like one that throws at a tick', async () => {
    let made = 0;
    const outcome = await beside(() => {
      made += 1;
      if (made > 1) throw new Error('only once');
      return { onBar: () => undefined };
    });
    outcome.engine.reset();
    expect(outcome.failures).toEqual([['own', { reason: 'threw', detail: expect.stringContaining('only once') }]]);
    expect(outcome.engine.failures()).toHaveLength(1);
  });

  test('in its indicators shows none and goes on', async () => {
    const outcome = await beside(() => ({
      onBar: () => ({ side: 'buy', reason: 'up' }),
      indicators: () => {
        throw new Error('no');
      },
    }));
    expect(outcome.engine.report()[0]?.symbols[0]?.indicators).toEqual({});
    expect(outcome.failures).toEqual([]);
  });
});

describe('a strategy that takes long', () => {
  /** A clock that each call of the strategy moves on by so many ms. */
  async function taking(ms: (call: number) => number): Promise<Outcome> {
    let clock = 0;
    let calls = 0;
    return beside(
      () => ({
        onTick: () => {
          calls += 1;
          clock += ms(calls);
          return undefined;
        },
      }),
      { now: () => clock, ticks: closes(Array.from({ length: 30 }, () => 100)) },
    );
  }

  test('is counted, and stopped after ten slow calls in a row', async () => {
    const outcome = await taking(() => 51);
    expect(outcome.slow).toBe(10);
    expect(outcome.failures).toEqual([
      ['own', { reason: 'slow', detail: expect.stringContaining('10 calls in a row') }],
    ]);
  });

  test('now and then is counted and goes on', async () => {
    const outcome = await taking((call) => (call % 10 === 0 ? 1 : 51));
    expect([outcome.slow, outcome.failures]).toEqual([27, []]);
  });

  test('is stopped at once where one call held everything up for more than a second', async () => {
    const outcome = await taking((call) => (call === 3 ? 1_001 : 0));
    expect(outcome.failures).toEqual([['own', { reason: 'slow', detail: 'one call took 1001 ms, allowed: 1000' }]]);
  });
});

describe('what a strategy sees', () => {
  test('it cannot change what the next strategy, or its own signal, is made of', async () => {
    const seen: boolean[] = [];
    const outcome = await beside((context) => ({
      onBar: (bar) => {
        Object.assign(bar, { close: Number.NaN, start: 0, end: 0 });
        return { side: 'buy', reason: 'a bar of my own' };
      },
      onTick: (tick) => {
        seen.push(Object.isFrozen(tick), Object.isFrozen(context));
        return undefined;
      },
    }));
    expect(new Set(seen)).toEqual(new Set([true]));
    expect(of(outcome, 'own')[0]).toMatchObject({
      id: `own:AAPL:buy:${START}`,
      price: 100_000_000,
      event_time: START + SECOND,
    });
    expect(of(outcome, 'mover')).toHaveLength(4);
  });

  test('it may decide at a tick, with its own quantity; the id follows from the tick', async () => {
    const outcome = await beside(() => ({
      onTick: (tick) => (tick.kind === 'quote' ? { side: 'sell', reason: 'a quote', quantity: '2.5' } : undefined),
    }));
    expect(of(outcome, 'own')).toEqual([
      expect.objectContaining({
        id: `own:AAPL:sell:t${START + 6 * SECOND}`,
        quantity: '2.5',
        price: 130_000_000,
        event_time: START + 6 * SECOND,
      }),
    ]);
  });

  test('chance comes again with the same seed, and differs between seeds', async () => {
    const drawn = async (seed: number): Promise<number[]> => {
      const numbers: number[] = [];
      await beside(({ random }) => ({ onBar: () => void numbers.push(random()) }), { seed });
      return numbers;
    };
    const first = await drawn(1);
    expect(first).toHaveLength(6);
    expect(first.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(await drawn(1)).toEqual(first);
    expect(await drawn(2)).not.toEqual(first);
  });

  test('the environment is handed to the service and taken from the process', () => {
    const env: NodeJS.ProcessEnv = { PATH: '/bin', ALPACA_SECRET_KEY: 'hidden', DATABASE_URL_FILE: 'hidden' };
    expect(takeEnvironment(env)).toEqual({ PATH: '/bin', ALPACA_SECRET_KEY: 'hidden', DATABASE_URL_FILE: 'hidden' });
    expect(env).toEqual({ PATH: '/bin' });
  });
});
