import { describe, expect, test } from '@jest/globals';
import type { Environment } from '@papergate/config';
import fc from 'fast-check';
import { OrderScope } from './scope.ts';
import type { StoredScope, Symbols } from './store.ts';

const SYMBOLS = ['A', 'B', 'C'];

const wishes = fc.record({
  act: fc.constant('set' as const),
  symbols: fc.oneof(fc.constant('all' as const), fc.subarray(SYMBOLS)),
  ttl: fc.option(fc.integer({ min: 5, max: 60 }), { nil: undefined }),
  /** Whether the database takes it, and whether it says so. */
  save: fc.constantFrom('ok' as const, 'ok' as const, 'ok' as const, 'fails' as const, 'answer lost' as const),
});
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: wishes },
    {
      weight: 2,
      arbitrary: fc.record({ act: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 70 }) }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('settle' as const, 'restart' as const) }) },
  ),
  { maxLength: 40 },
);
type Step = typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never;
type Wish = Extract<Step, { act: 'set' }>;

interface Grant {
  symbols: Symbols;
  until: number;
}

/** A scope over a database that fails as it is told, beside the simplest account of what it may let go. */
class World {
  now = 1_700_000_000_000;
  scope: OrderScope;
  readonly #environment: Environment;
  #row: StoredScope | undefined;
  /** What was stored and confirmed, and what was asked for after it. */
  #grants: Grant[];
  readonly #saves: { how: Wish['save']; grant: Grant }[] = [];
  #underWay: Promise<void>[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
    this.scope = this.#open();
    this.#grants = [this.#stored()];
  }

  async take(step: Step): Promise<void> {
    if (step.act === 'set') {
      this.#underWay.push(this.#set(step));
      return;
    }
    await Promise.all(this.#underWay.splice(0));
    if (step.act === 'wait') this.now += step.seconds * 1000;
    if (step.act === 'restart') {
      this.scope = this.#open();
      await this.scope.load();
      this.#grants = [this.#stored()];
    }
  }

  /** Whether something is let go that must not be. */
  wrong(): string[] {
    const { now, scope } = this;
    const may = (symbol: string) =>
      this.#grants.every(({ symbols, until }) => now < until && (symbols === 'all' || symbols.includes(symbol)));
    return SYMBOLS.filter((symbol) => scope.allows(symbol, now) && !may(symbol));
  }

  async #set({ save, symbols, ttl }: Omit<Wish, 'act'>): Promise<void> {
    const grant = { symbols, until: ttl === undefined ? Infinity : this.now + ttl * 1000 };
    this.#saves.push({ how: save, grant });
    this.#grants.push(grant);
    await this.scope
      .set({ stage: 's', symbols, reason: 'r', setBy: 'b', ttlSeconds: ttl })
      .catch((error: unknown) => expect(error).toMatchObject({ code: 'SCOPE_NOT_STORED' }));
  }

  #open(): OrderScope {
    return new OrderScope({
      release: 'r',
      environment: this.#environment,
      symbols: SYMBOLS,
      store: {
        load: () => Promise.resolve(this.#row),
        save: async (scope) => {
          const { how, grant } = this.#saves.shift()!;
          await Promise.resolve();
          if (how !== 'fails') this.#row = { ...scope };
          if (how !== 'ok') throw new Error('down');
          this.#grants = this.#grants.slice(this.#grants.indexOf(grant));
        },
      },
      recorder: { record: () => undefined },
      logger: { info: () => undefined, warn: () => undefined },
      now: () => this.now,
    });
  }

  #stored(): Grant {
    if (this.#row !== undefined) return { symbols: this.#row.symbols, until: this.#row.expiresAt ?? Infinity };
    return { symbols: this.#environment === 'production' ? [] : 'all', until: Infinity };
  }
}

describe('the order scope under any sequence of changes, failures, waits and restarts', () => {
  test('lets nothing go that the stored one or a later wish does not allow, nor past its time, and opens again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('production' as const, 'staging' as const),
        steps,
        async (environment, taken) => {
          const world = new World(environment);
          await world.scope.load();
          for (const step of taken) {
            await world.take(step);
            expect(world.wrong()).toEqual([]);
          }
          await world.take({ act: 'settle' });
          await world.take({ act: 'set', symbols: ['B'], ttl: undefined, save: 'ok' });
          await world.take({ act: 'settle' });
          expect(SYMBOLS.filter((symbol) => world.scope.allows(symbol, world.now))).toEqual(['B']);
        },
      ),
      { numRuns: 300 },
    );
  });
});
