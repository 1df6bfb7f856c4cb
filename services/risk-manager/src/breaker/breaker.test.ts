import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from '@papergate/service-kit/testing';
import type { RiskEvent } from '../events/recorder.ts';
import { Breaker } from './breaker.ts';
import type { StoredState } from './store.ts';

const ACTIVE: StoredState = { state: 'ACTIVE', reason: 'first start', code: null, held: false, since: 0 };

function setUp(stored: StoredState = ACTIVE, autoResume = false) {
  const db = { row: stored, down: false, saves: 0, gate: Promise.resolve() };
  const events: RiskEvent[] = [];
  const states: (string | undefined)[] = [];
  const clock = { now: 1_000_000 };
  const open: Breaker[] = [];
  const start = (): Breaker => {
    const breaker = new Breaker({
      store: {
        load: () => (db.down ? Promise.reject(new Error('down')) : Promise.resolve(db.row)),
        save: async (state) => {
          await db.gate;
          if (db.down) throw new Error('down');
          db.row = state;
          db.saves += 1;
        },
      },
      recorder: { record: (event) => events.push(event) },
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
      cooldownSeconds: 300,
      autoResume,
      onState: (state) => states.push(state?.state),
      onTrip: () => undefined,
      now: () => clock.now,
      retryMs: 5,
    });
    open.push(breaker);
    return breaker;
  };
  return { db, events, states, clock, start, closeAll: () => Promise.all(open.map((breaker) => breaker.close())) };
}

let world: ReturnType<typeof setUp>;
afterEach(() => world.closeAll());

async function started(stored?: StoredState, autoResume?: boolean): Promise<Breaker> {
  world = setUp(stored, autoResume);
  const breaker = world.start();
  await breaker.load();
  return breaker;
}

describe('the circuit breaker', () => {
  test('counts as halted until the stored state is known', async () => {
    world = setUp();
    const breaker = world.start();
    expect(breaker.status()).toMatchObject({ state: 'HALTED', known: false, tripped: true });
    await expect(breaker.reset('please')).rejects.toMatchObject({ statusCode: 503, code: 'STATE_UNKNOWN' });
    expect(breaker.tripAutomatically('RISK_DAILY_LOSS', 'x', 'HALTED')).toBe(false);
    await breaker.load();
    expect(breaker.status()).toMatchObject({ state: 'ACTIVE', known: true, tripped: false });
  });

  test('a manual trip and its reset are immediate, stored and recorded', async () => {
    const breaker = await started();
    expect(await breaker.trip('drill', 'HALTED')).toMatchObject({
      state: 'HALTED',
      tripped: true,
      automatic: false,
      reason: 'drill',
    });
    expect(world.db.row).toMatchObject({ state: 'HALTED', reason: 'drill', code: null });
    expect(await breaker.reset('drill over')).toMatchObject({ state: 'ACTIVE', tripped: false, cooldown_until: null });
    expect(world.db.row).toMatchObject({ state: 'ACTIVE', reason: 'drill over' });
    expect(world.events.map(({ kind, code }) => [kind, code])).toEqual([
      ['trip', 'MANUAL'],
      ['reset', 'RESET'],
    ]);
  });

  test('an automatic trip holds until its cooldown is over', async () => {
    const breaker = await started();
    expect(breaker.tripAutomatically('RISK_DAILY_LOSS', 'lost too much', 'HALTED')).toBe(true);
    expect(breaker.tripAutomatically('RISK_DRAWDOWN', 'again', 'HALTED')).toBe(false);
    world.clock.now += 299_999;
    await expect(breaker.reset('now')).rejects.toMatchObject({
      statusCode: 409,
      code: 'BREAKER_COOLING_DOWN',
      headers: { 'retry-after': '1' },
    });
    world.clock.now += 1;
    expect(await breaker.reset('looked at it')).toMatchObject({ state: 'ACTIVE' });
  });

  test('a manual trip on top of it does not end the cooldown', async () => {
    const breaker = await started();
    breaker.tripAutomatically('RISK_DAILY_LOSS', 'lost too much', 'REDUCING');
    expect(await breaker.trip('to be safe', 'HALTED')).toMatchObject({
      state: 'HALTED',
      automatic: true,
      code: 'RISK_DAILY_LOSS',
    });
    await expect(breaker.reset('now')).rejects.toMatchObject({ code: 'BREAKER_COOLING_DOWN' });
  });

  test('REDUCING on top of HALTED leaves HALTED; HALTED on top of REDUCING halts', async () => {
    const breaker = await started();
    expect(await breaker.trip('a', 'REDUCING')).toMatchObject({ state: 'REDUCING' });
    expect(breaker.tripAutomatically('RISK_DRAWDOWN', 'b', 'REDUCING')).toBe(false);
    expect(breaker.tripAutomatically('RISK_DRAWDOWN', 'b', 'HALTED')).toBe(true);
    expect(await breaker.trip('c', 'REDUCING')).toMatchObject({ state: 'HALTED' });
  });

  test('the state and the cooldown survive a restart', async () => {
    const breaker = await started();
    breaker.tripAutomatically('RISK_DAILY_LOSS', 'lost too much', 'HALTED');
    await until('the trip to be stored', () => world.db.row.state === 'HALTED');
    const next = world.start();
    await next.load();
    expect(next.status()).toMatchObject({
      state: 'HALTED',
      automatic: true,
      code: 'RISK_DAILY_LOSS',
      reason: 'lost too much',
    });
    await expect(next.reset('now')).rejects.toMatchObject({ code: 'BREAKER_COOLING_DOWN' });
  });

  test('a trip holds while the database is away, and is stored when it is back', async () => {
    const breaker = await started();
    world.db.down = true;
    await expect(breaker.trip('drill', 'HALTED')).rejects.toMatchObject({ statusCode: 503, code: 'STATE_NOT_STORED' });
    expect(world.states.at(-1)).toBe('HALTED');
    world.db.down = false;
    await until('the trip to be stored', () => world.db.row.state === 'HALTED');
  });

  test('a reset that cannot be stored changes nothing', async () => {
    const breaker = await started({ state: 'HALTED', reason: 'drill', code: null, held: true, since: 5 });
    world.db.down = true;
    await expect(breaker.reset('over')).rejects.toMatchObject({ statusCode: 503, code: 'STATE_NOT_STORED' });
    expect(world.states.at(-1)).toBe('HALTED');
    world.db.down = false;
    expect(await breaker.reset('over')).toMatchObject({ state: 'ACTIVE' });
  });

  test('a trip that comes while a reset is being stored is not lost', async () => {
    const breaker = await started({ state: 'REDUCING', reason: 'drill', code: null, held: true, since: 5 });
    let go = (): void => undefined;
    world.db.gate = new Promise((resolve) => (go = resolve));
    const reset = breaker.reset('over');
    await Promise.resolve();
    const trip = breaker.trip('again', 'HALTED');
    go();
    await expect(reset).rejects.toMatchObject({ statusCode: 409, code: 'BREAKER_TRIPPED_AGAIN' });
    expect(await trip).toMatchObject({ state: 'HALTED', reason: 'again' });
    expect([world.states.at(-1), world.db.row.state]).toEqual(['HALTED', 'HALTED']);
  });

  describe('that resumes', () => {
    const tripped = async (autoResume = true): Promise<Breaker> => {
      const breaker = await started(ACTIVE, autoResume);
      breaker.tripAutomatically('RISK_STALE_DATA', 'blind', 'HALTED');
      await until('the trip to be stored', () => world.db.row.state === 'HALTED');
      return breaker;
    };

    test('does so after the cooldown, is stored and recorded', async () => {
      const breaker = await tripped();
      expect(breaker.status()).toMatchObject({ resumes: true });
      world.clock.now += 299_999;
      expect(await breaker.resume()).toBe(false);
      world.clock.now += 1;
      expect(await breaker.resume()).toBe(true);
      expect([breaker.status().state, world.db.row.state]).toEqual(['ACTIVE', 'ACTIVE']);
      expect(world.events.at(-1)).toMatchObject({ kind: 'reset', code: 'AUTO_RESUME' });
      expect(await breaker.resume()).toBe(false);
    });

    test('does not where it is not configured to', async () => {
      const breaker = await tripped(false);
      world.clock.now += 300_000;
      expect([breaker.status().resumes, await breaker.resume()]).toEqual([false, false]);
      expect(world.db.row.state).toBe('HALTED');
    });

    test.each(['before', 'after'])(
      'does not where a person tripped it %s the limit did, nor after a restart',
      async (when) => {
        const breaker = await started(ACTIVE, true);
        if (when === 'before') await breaker.trip('drill', 'REDUCING');
        breaker.tripAutomatically('RISK_STALE_DATA', 'blind', 'HALTED');
        if (when === 'after') await breaker.trip('drill', 'HALTED');
        await until('the trip to be stored', () => world.db.row.state === 'HALTED');
        const next = world.start();
        await next.load();
        world.clock.now += 300_000;
        expect([await breaker.resume(), await next.resume()]).toEqual([false, false]);
        expect(next.status()).toMatchObject({ state: 'HALTED', resumes: false });
        expect(await next.reset('looked at it')).toMatchObject({ state: 'ACTIVE' });
        next.tripAutomatically('RISK_STALE_DATA', 'blind again', 'HALTED');
        expect(next.status()).toMatchObject({ resumes: true });
      },
    );

    test('tries again where the database did not take it, and stays halted until it did', async () => {
      const breaker = await tripped();
      world.clock.now += 300_000;
      world.db.down = true;
      expect(await breaker.resume()).toBe(false);
      expect(breaker.status().state).toBe('HALTED');
      world.db.down = false;
      expect(await breaker.resume()).toBe(true);
    });
  });
});
