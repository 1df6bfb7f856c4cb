import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import type { StrategyConfig } from '@papergate/config';
import type { Signal, Tick } from '@papergate/service-kit';
import { TickFeed } from '../feed/feed.ts';
import { loadStrategies } from '../plugins/load.ts';
import { closes, pluginConfig, quote, randomOf, randomTape, START, strategyConfig, trade } from '../testing/tape.ts';
import { Engine, type EngineEvents } from './engine.ts';
import { signalId } from './lane.ts';

const SECOND = 1_000_000;
const SEED = 20_131_007;

const QUIET: EngineEvents = {
  bar: () => undefined,
  signal: () => undefined,
  suppressed: () => undefined,
  late: () => undefined,
  reset: () => undefined,
  failed: () => undefined,
  slow: () => undefined,
};

async function engineOf(strategies: StrategyConfig[], events = QUIET): Promise<Engine> {
  return new Engine({ strategies: await loadStrategies(strategies), events });
}

function signalsOf(engine: Engine, ticks: Iterable<Tick>): Signal[] {
  const signals: Signal[] = [];
  for (const tick of ticks) engine.add(tick, (signal) => signals.push(signal));
  return signals;
}

const BOTH = [
  strategyConfig(),
  strategyConfig({ name: 'mover', kind: 'momentum', window: 3, threshold: 0.3, cooldown_ms: 5_000 }),
];

describe('the engine', () => {
  test('a bar far from its mean gives one signal with everything an order needs', async () => {
    const ticks = [...closes([10, 10, 10, 10, 5]), quote(6, START + 5 * SECOND)];
    expect(signalsOf(await engineOf([strategyConfig({ threshold: 1.5 })]), ticks)).toEqual([
      {
        id: `reverter:AAPL:buy:${START + 4 * SECOND}`,
        strategy: 'reverter',
        symbol: 'AAPL',
        side: 'buy',
        quantity: '5',
        price: 5_000_000,
        reason: 'close 5 is 2.00 deviations below the mean 9.0000 of 5 bars',
        tick_n: 6,
        event_time: START + 5 * SECOND,
      },
    ]);
  });

  test('symbols do not mix, and a symbol that nobody trades is ignored', async () => {
    const config = strategyConfig({ threshold: 1.5, symbols: ['AAPL'] });
    const ticks = closes([10, 10, 10, 10, 5, 10]).flatMap((tick) => [tick, { ...tick, s: 'MSFT', p: 999_000_000 }]);
    expect(signalsOf(await engineOf([config]), ticks).map(({ id }) => id)).toEqual([
      `reverter:AAPL:buy:${START + 4 * SECOND}`,
    ]);
  });

  test('the cool-down counts event time, per strategy and symbol', async () => {
    const config = strategyConfig({ kind: 'momentum', window: 2, threshold: 1, cooldown_ms: 3_000 });
    const rising = Array.from({ length: 12 }, (_, index) => 100 * 1.05 ** index);
    const ends = signalsOf(await engineOf([config]), closes(rising)).map(
      ({ event_time: end }) => (end - START) / SECOND,
    );
    expect(ends).toEqual([3, 6, 9]);
  });

  test('a silence longer than the window starts the strategy anew: old prices say nothing about new ones', async () => {
    const config = strategyConfig({ kind: 'momentum', window: 2, threshold: 1 });
    const before = closes([100, 100, 100]);
    const gap = START + 60 * SECOND;
    const after = [200, 200, 200, 200].map((price, index) => trade(10 + index, gap + index * SECOND, price));
    expect(signalsOf(await engineOf([config]), [...before, ...after])).toEqual([]);
  });

  test('when time is set back, a cool-down from before does not hold for ever', async () => {
    const config = strategyConfig({ kind: 'momentum', window: 2, threshold: 1, cooldown_ms: 10_000 });
    const engine = await engineOf([config]);
    const rising = [100, 110, 121, 133, 146];
    const late = rising.map((price, index) => trade(index + 1, START + 3_600 * SECOND + index * SECOND, price));
    expect(signalsOf(engine, late)).toHaveLength(1);
    const stragglers = Array.from({ length: 20 }, (_, index) => trade(50 + index, START, 100));
    expect(signalsOf(engine, [...stragglers, ...closes(rising)])).toHaveLength(1);
  });

  test('after a reset bars warm up again', async () => {
    const config = strategyConfig({ kind: 'momentum', window: 2, threshold: 1 });
    const engine = await engineOf([config]);
    const ticks = closes(Array.from({ length: 12 }, (_, index) => 100 * 1.05 ** index));
    expect(signalsOf(engine, ticks.slice(0, 4))).toHaveLength(1);
    engine.reset();
    const ends = signalsOf(engine, ticks.slice(4)).map(({ event_time: end }) => (end - START) / SECOND);
    expect(ends).toEqual([7, 8, 9, 10, 11]);
  });

  test('after a reset the cool-down of the last signal still holds', async () => {
    const config = strategyConfig({ kind: 'momentum', window: 2, threshold: 1, cooldown_ms: 6_000 });
    const engine = await engineOf([config]);
    const ticks = closes(Array.from({ length: 12 }, (_, index) => 100 * 1.05 ** index));
    expect(signalsOf(engine, ticks.slice(0, 4))).toHaveLength(1);
    engine.reset();
    const ends = signalsOf(engine, ticks.slice(4)).map(({ event_time: end }) => (end - START) / SECOND);
    expect(ends).toEqual([9]);
  });

  test('reports parameters, bars, indicators and the last signal of every strategy and symbol', async () => {
    const engine = await engineOf([strategyConfig({ threshold: 1.5 })]);
    signalsOf(engine, closes([10, 10, 10, 10, 5, 5]));
    const [report] = engine.report();
    expect(report?.symbols).toMatchObject([
      {
        symbol: 'AAPL',
        bars: 5,
        last_bar_end: START + 5 * SECOND,
        indicators: { mean: 9, deviation: 2, z: -2 },
        last_signal: { side: 'buy' },
      },
      { symbol: 'MSFT', bars: 0, last_bar_end: null, indicators: { mean: null }, last_signal: null },
    ]);
  });

  test('parameters that can never give a signal are refused with the strategy and the way out', async () => {
    await expect(engineOf([strategyConfig({ window: 5, threshold: 2 })])).rejects.toThrow(
      expect.objectContaining({
        code: 'STRATEGY_PARAMETERS',
        message: expect.stringContaining('strategy "reverter" (mean_reversion): threshold 2 can never be reached'),
        exitCode: 2,
      }),
    );
  });

  test('ids fit a client_order_id, also for the longest names and symbols with a slash', () => {
    const id = signalId('a'.repeat(32), 'ABCDEFGHIJ/ABCDE', 'sell', `t${START}`);
    expect(id).toMatch(/^[A-Za-z0-9._:-]{1,128}$/);
    expect(signalId('a', 'BRK.B', 'buy', '1')).not.toBe(signalId('a', 'BRK/B', 'buy', '1'));
  });
});

describe('determinism', () => {
  test('a random tape does give signals of both strategies: the properties below are about something', async () => {
    const signals = signalsOf(await engineOf(BOTH), randomTape({ seed: SEED, count: 5_000 }));
    const by = new Set(signals.map(({ strategy, side }) => `${strategy}/${side}`));
    expect([...by].sort()).toEqual(['mover/buy', 'mover/sell', 'reverter/buy', 'reverter/sell']);
    expect(new Set(signals.map(({ id }) => id)).size).toBe(signals.length);
  });

  test('the same ticks give the same signals however they are cut, repeated or lost on the way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 400 }), async (tapeSeed, cutSeed, largest) => {
        const tape = randomTape({ seed: tapeSeed, count: 1_500 });
        const expected = signalsOf(await engineOf(BOTH), tape);
        const engine = await engineOf(BOTH);
        const found: Signal[] = [];
        const feed = new TickFeed({
          fetchTicks: (_epoch, after, limit) =>
            Promise.resolve({ oldest: 1, last: tape.length, ticks: tape.slice(after, after + limit) }),
          onTick: (tick) => engine.add(tick, (signal) => found.push(signal)),
          onReset: () => engine.reset(),
        });
        const random = randomOf(cutSeed);
        const send = (from: number, to: number) =>
          feed.onTicks({ src: 'market-data', epoch: 'e', seq: 0, ts: 0, data: tape.slice(from, to) });
        await send(0, 1);
        for (let at = 1; at < tape.length;) {
          const to = Math.min(tape.length, at + 1 + Math.floor(random() * largest));
          const luck = random();
          if (luck > 0.1) await send(at, to); // else it is lost
          if (luck > 0.9) await send(Math.max(0, at - 5), to); // and this one comes twice
          at = to;
        }
        await feed.onHeartbeat({ src: 'market-data', epoch: 'e', seq: 0, ts: 0, data: { n: tape.length } });
        expect(found).toEqual(expected);
      }),
      { seed: SEED, numRuns: 40, verbose: true },
    );
  });
});

describe('the example of docs/strategies.md', () => {
  test('is the file, word for word', () => {
    const page = readFileSync(new URL('../../../../docs/strategies.md', import.meta.url), 'utf8');
    const example = readFileSync(new URL('../../strategies/breakout.ts', import.meta.url), 'utf8');
    expect(page).toContain(`\`\`\`ts\n${example}\`\`\``);
  });

  test('runs as a file of the folder', async () => {
    const parameters = { window: 3, margin_percent: 1 };
    const engine = await engineOf([pluginConfig({ name: 'breaker', plugin: './breakout', parameters })]);
    const signals = signalsOf(engine, closes([100, 101, 100, 100, 105, 100, 90, 90]));
    expect(signals.map(({ side, price }) => [side, price])).toEqual([
      ['buy', 105_000_000],
      ['sell', 90_000_000],
    ]);
  });
});
