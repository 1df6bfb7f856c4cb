import { describe, expect, test } from '@jest/globals';
import type { Environment } from '@papergate/config';
import type { RiskEvent } from '../events/recorder.ts';
import { makeExposure, NOON } from '../testing/make.ts';
import { nanos } from '../units.ts';
import { OrderScope, type ScopeRequest } from './scope.ts';
import type { StoredScope } from './store.ts';

const SYMBOLS = ['AAPL', 'MSFT', 'SPY'];

function setUp(environment: Environment = 'production') {
  const world = {
    row: undefined as StoredScope | undefined,
    audits: [] as string[],
    down: false,
    /** Saves wait for this. */
    gate: Promise.resolve(),
    now: NOON,
    events: [] as RiskEvent[],
    /** Times that it said that something else may be traded. */
    told: 0,
    start: (): OrderScope =>
      new OrderScope({
        release: 'c'.repeat(40),
        environment,
        symbols: SYMBOLS,
        store: {
          load: () => Promise.resolve(world.row),
          async save(scope, audit) {
            await world.gate;
            if (world.down) throw new Error('down');
            world.row = { ...scope };
            if (audit) world.audits.push(scope.stage);
          },
        },
        recorder: { record: (event) => world.events.push(event) },
        logger: { info: () => undefined, warn: () => undefined },
        onEffective: () => void (world.told += 1),
        now: () => world.now,
      }),
  };
  return world;
}

async function started(environment?: Environment) {
  const world = setUp(environment);
  const scope = world.start();
  await scope.load();
  return { world, scope };
}

const wish = (change: Partial<ScopeRequest> = {}): ScopeRequest => ({
  stage: 'share',
  symbols: ['AAPL'],
  reason: 'why',
  setBy: 'who',
  ...change,
});
const buy = { symbol: 'AAPL', side: 'buy' as const, quantity: nanos('10') };
const allowed = (scope: OrderScope, now: number): string[] => SYMBOLS.filter((symbol) => scope.allows(symbol, now));

describe('the order scope', () => {
  test('is nothing until the stored one is known, in every environment', async () => {
    for (const environment of ['production', 'staging'] as const) {
      const world = setUp(environment);
      const scope = world.start();
      expect(scope.known).toBe(false);
      expect(allowed(scope, NOON)).toEqual([]);
      expect(() => scope.view()).toThrow(/not known yet/);
      await expect(scope.set(wish())).rejects.toMatchObject({ statusCode: 503, code: 'SCOPE_UNKNOWN' });
      expect(world.row).toBeUndefined();
    }
  });

  test.each<[Environment, string[] | 'all']>([
    ['production', []],
    ['staging', 'all'],
    ['development', 'all'],
  ])('of a release that none was set for is in %s %p', async (environment, expected) => {
    const { scope } = await started(environment);
    expect(scope.view()).toMatchObject({
      stage: 'unset',
      symbols: expected,
      effective: expected,
      set_by: null,
      set_at: null,
    });
    expect(scope.count()).toBe(expected.length === 0 ? 0 : 3);
    expect(allowed(scope, NOON)).toEqual(expected === 'all' ? SYMBOLS : expected);
  });

  test('tells whoever sends of every change when it takes effect, and of a lease that is renewed nothing', async () => {
    const world = setUp('staging');
    const scope = world.start();
    expect(scope.effective()).toBeNull();
    await scope.load();
    expect(scope.effective()).toBe('all');
    let store = (): void => undefined;
    world.gate = new Promise((resolve) => {
      store = resolve;
    });
    const lease = wish({ symbols: ['AAPL', 'MSFT'], ttlSeconds: 5 });
    const before = world.told;
    const narrower = scope.set(lease);
    // What takes something away is in force before it is stored.
    expect([scope.effective(), world.told]).toEqual([['AAPL', 'MSFT'], before + 1]);
    store();
    await narrower;
    await scope.set(lease);
    expect(world.told).toBe(before + 1);
    await scope.set(wish({ symbols: 'all', ttlSeconds: 5 }));
    expect([scope.effective(), world.told]).toEqual(['all', before + 2]);
    world.now += 5_000;
    expect([scope.effective(), world.told]).toEqual([[], before + 3]);
  });

  test('takes effect for the very next check after its answer, and says who set it when and why', async () => {
    const { scope, world } = await started();
    expect(await scope.set(wish({ symbols: ['MSFT', 'AAPL'], ttlSeconds: 120 }))).toEqual({
      release: 'c'.repeat(40),
      environment: 'production',
      stage: 'share',
      symbols: ['MSFT', 'AAPL'],
      reason: 'why',
      set_by: 'who',
      set_at: new Date(NOON).toISOString(),
      expires_at: new Date(NOON + 120_000).toISOString(),
      effective: ['AAPL', 'MSFT'],
    });
    expect(allowed(scope, NOON)).toEqual(['AAPL', 'MSFT']);
    expect(scope.count()).toBe(2);
    await scope.set(wish({ stage: 'all', symbols: 'all' }));
    expect(allowed(scope, NOON)).toEqual(SYMBOLS);
    expect(world.audits).toEqual(['share', 'all']);
  });

  test('closes by itself at its time, says so once, and opens again only with another one', async () => {
    const { scope, world } = await started();
    await scope.set(wish({ symbols: 'all', ttlSeconds: 5 }));
    world.now += 4_999;
    expect(allowed(scope, world.now)).toEqual(SYMBOLS);
    world.now += 1;
    expect(allowed(scope, world.now)).toEqual([]);
    scope.tick();
    expect(scope.view()).toMatchObject({ stage: 'expired', symbols: 'all', effective: [] });
    expect(scope.count()).toBe(0);
    expect(world.events).toEqual([expect.objectContaining({ kind: 'warning', code: 'SCOPE_EXPIRED' })]);
    // A clock that is set back opens nothing.
    world.now -= 60_000;
    expect(allowed(scope, world.now)).toEqual([]);
    await scope.set(wish({ symbols: 'all', ttlSeconds: 5 }));
    expect(allowed(scope, world.now)).toEqual(SYMBOLS);
    expect(world.audits).toEqual(['share', 'share']);
  });

  test('stays closed where the next one cannot be stored, whatever the clock says', async () => {
    const { scope, world } = await started();
    await scope.set(wish({ ttlSeconds: 5 }));
    world.now += 5_000;
    scope.tick();
    world.now = NOON;
    world.down = true;
    await expect(scope.set(wish())).rejects.toMatchObject({ code: 'SCOPE_NOT_STORED' });
    expect(allowed(scope, world.now)).toEqual([]);
  });

  test('closes at its time without any order that asks', async () => {
    const { scope, world } = await started();
    await scope.set(wish({ ttlSeconds: 5 }));
    world.now += 5_000;
    scope.tick();
    expect(world.events).toHaveLength(1);
  });

  test('stays open as long as it is renewed, which is one change and not many', async () => {
    const { scope, world } = await started();
    await scope.set(wish({ ttlSeconds: 5 }));
    for (let times = 0; times < 3; times += 1) {
      world.now += 4_000;
      await scope.set(wish({ ttlSeconds: 5 }));
    }
    expect(scope.view()).toMatchObject({
      stage: 'share',
      set_at: new Date(NOON).toISOString(),
      expires_at: new Date(world.now + 5_000).toISOString(),
    });
    expect(world.audits).toEqual(['share']);
    await scope.set(wish({ ttlSeconds: 5, setBy: 'another' }));
    await scope.set(wish());
    expect(world.audits).toEqual(['share', 'share', 'share']);
    world.now += 3_600_000;
    expect(allowed(scope, world.now)).toEqual(['AAPL']);
  });

  test('is found again by the next process, its time included', async () => {
    const { scope, world } = await started();
    await scope.set(wish({ ttlSeconds: 60 }));
    const second = world.start();
    await second.load();
    expect(second.view()).toEqual(scope.view());
    world.now += 60_000;
    const third = world.start();
    await third.load();
    expect(third.view()).toMatchObject({ stage: 'expired', effective: [] });
  });

  test('takes away at once and gives only what is stored', async () => {
    const { scope, world } = await started();
    await scope.set(wish({ symbols: ['AAPL', 'MSFT'] }));
    let open: () => void = () => undefined;
    world.gate = new Promise((resolve) => (open = resolve));
    const wider = scope.set(wish({ stage: 'wide', symbols: ['MSFT', 'SPY'] }));
    expect(allowed(scope, NOON)).toEqual(['MSFT']);
    await new Promise(setImmediate);
    world.gate = Promise.resolve();
    const none = scope.set(wish({ stage: 'none', symbols: [] }));
    await new Promise(setImmediate);
    expect(allowed(scope, NOON)).toEqual([]);
    open();
    await wider;
    // The wider one is stored, but a narrower one was asked for after it.
    expect(allowed(scope, NOON)).toEqual([]);
    await none;
    expect(scope.view()).toMatchObject({ stage: 'none', effective: [] });
    expect(world.row?.stage).toBe('none');
  });

  test('that cannot be stored gives nothing, keeps away what it took, and is not told as set', async () => {
    const { scope, world } = await started();
    await scope.set(wish({ symbols: ['AAPL', 'MSFT'] }));
    world.down = true;
    await expect(scope.set(wish({ stage: 'wide', symbols: ['MSFT', 'SPY'] }))).rejects.toMatchObject({
      statusCode: 503,
      code: 'SCOPE_NOT_STORED',
    });
    expect(allowed(scope, NOON)).toEqual(['MSFT']);
    expect(scope.view()).toMatchObject({ stage: 'share', effective: ['MSFT'] });
    world.down = false;
    await scope.set(wish({ symbols: ['AAPL', 'MSFT'] }));
    expect(allowed(scope, NOON)).toEqual(['AAPL', 'MSFT']);
    expect(world.audits).toEqual(['share', 'share']);
  });

  test('lets go what shrinks a position outside it, and refuses what opens, adds or turns', async () => {
    const { scope } = await started();
    await scope.set(wish({ symbols: ['MSFT'] }));
    const long = makeExposure({ AAPL: { quantity: '10', price: '100' } });
    const short = makeExposure({ AAPL: { quantity: '-10', price: '100' } });
    const flat = makeExposure();
    const refusal = (order: Partial<typeof buy> | { side: 'sell'; quantity?: bigint }, exposure = flat) =>
      scope.refusal({ ...buy, ...order }, exposure, NOON)?.code;
    expect(refusal({})).toBe('OUTSIDE_ROLLOUT');
    expect(refusal({ symbol: 'MSFT' })).toBeUndefined();
    expect(refusal({ side: 'sell' })).toBe('OUTSIDE_ROLLOUT');
    expect(refusal({ side: 'sell', quantity: 0n }, short)).toBe('OUTSIDE_ROLLOUT');
    expect(refusal({ quantity: 0n }, long)).toBe('OUTSIDE_ROLLOUT');
    for (const side of ['buy', 'sell'] as const) {
      expect(
        scope.refusal({ ...buy, side, quantity: 0n }, makeExposure({ AAPL: { quantity: '0', price: '1' } }), NOON),
      ).toBeDefined();
    }
    expect(refusal({ side: 'sell' }, long)).toBeUndefined();
    expect(refusal({ side: 'sell', quantity: nanos('10.000000001') }, long)).toBe('OUTSIDE_ROLLOUT');
    expect(refusal({}, long)).toBe('OUTSIDE_ROLLOUT');
    expect(refusal({}, short)).toBeUndefined();
    expect(refusal({ quantity: nanos('11') }, short)).toBe('OUTSIDE_ROLLOUT');
    expect(refusal({ side: 'sell' }, short)).toBe('OUTSIDE_ROLLOUT');
    long.reserve({ clientOrderId: 'a', symbol: 'AAPL', side: 'sell', quantity: 1n, remaining: 1n, at: NOON }, 1n);
    short.reserve({ clientOrderId: 'b', symbol: 'AAPL', side: 'buy', quantity: 1n, remaining: 1n, at: NOON }, 1n);
    expect(refusal({ side: 'sell' }, long)).toBe('OUTSIDE_ROLLOUT');
    expect(refusal({}, short)).toBe('OUTSIDE_ROLLOUT');
  });

  test('says in a refusal what is traded and in which stage', async () => {
    const { scope } = await started();
    expect(scope.refusal(buy, makeExposure(), NOON)?.message).toBe(
      'release cccccccccccc trades nothing (roll-out: unset); in AAPL only orders that shrink a position are allowed',
    );
    await scope.set(wish({ symbols: ['SPY', 'MSFT'] }));
    expect(scope.refusal(buy, makeExposure(), NOON)?.message).toContain('trades MSFT,SPY (roll-out: share)');
  });
});
