import { describe, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import { until } from '@papergate/service-kit/testing';
import type { SubmitOutcome } from '../broker/broker.ts';
import { Book, noChanges, type Update } from '../ledger/book.ts';
import type { Tracked } from '../ledger/tracked.ts';
import { brokerOrder, durable } from '../testing/make.ts';
import { Dispatcher } from './dispatcher.ts';
import { LookUp } from './look-up.ts';
import { createPacer, type Pace } from './pace.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

function setUp(outcome: (id: string, attempt: number) => SubmitOutcome | Promise<SubmitOutcome>) {
  const book = new Book();
  const world = {
    gate: 'open' as 'open' | 'hold' | { cancel: string } | { end: string; code: string },
    /** Orders that the gate says so of; all where there is none. */
    gated: undefined as string | undefined,
    sent: [] as string[],
    unknown: [] as string[],
    recorded: [] as string[],
    replaced: 0,
    record: (): Promise<void> => Promise.resolve(),
    steps: [] as string[],
    most: 0,
    pace: (): Pace => ({ concurrency: 3, intervalMs: 0 }),
    clock: 0,
  };
  let underWay = 0;
  const attempts = new Map<string, number>();
  const dispatcher = new Dispatcher({
    broker: {
      submit: async ({ clientOrderId }, begin) => {
        try {
          await begin();
        } catch (cause) {
          return { kind: 'not_sent', cause };
        }
        world.sent.push(clientOrderId);
        underWay += 1;
        world.most = Math.max(world.most, underWay);
        const attempt = (attempts.get(clientOrderId) ?? 0) + 1;
        attempts.set(clientOrderId, attempt);
        const found = await outcome(clientOrderId, attempt);
        underWay -= 1;
        return found;
      },
    },
    post: (update: Update) => {
      book.apply(update, noChanges());
      return Promise.resolve();
    },
    record: async ({ orderId, number }) => {
      await world.record();
      world.recorded.push(`${orderId} ${number}`);
    },
    sent: (tracked, at) => book.sent(tracked, at),
    onReplaced: () => {
      world.replaced += 1;
    },
    failpoint: (name) => {
      world.steps.push(name);
      return undefined;
    },
    onUnknown: (tracked) => world.unknown.push(tracked.order.clientOrderId),
    gate: ({ order }) => (world.gated === undefined || world.gated === order.clientOrderId ? world.gate : 'open'),
    logger: quiet,
    pace: () => world.pace(),
    retryMs: 1,
    observe: () => undefined,
    now: () => Date.now() + world.clock,
  });
  const add = (id: string): Tracked => {
    const tracked = book.add(durable({ clientOrderId: id, orderId: id }));
    dispatcher.enqueue(tracked);
    return tracked;
  };
  const status = (id: string): string | undefined => book.byClientId(id)?.order.status;
  return { world, dispatcher, add, status };
}

const placed = (id: string): SubmitOutcome => ({
  kind: 'placed',
  order: brokerOrder({ clientOrderId: id, brokerOrderId: `b-${id}` }),
});

test('the pace is slow while many orders are in the intake, and a moment longer', () => {
  const world = { underWay: 0, now: 0 };
  const settings = { dispatchConcurrency: 64, dispatchBusyIntervalMs: 20, intakeBusy: 32, intakeBusyForMs: 100 };
  const pace = createPacer({ settings, underWay: () => world.underWay, ticks: () => world.now });
  const at = (now: number, underWay: number): Pace => {
    Object.assign(world, { now, underWay });
    return pace();
  };
  const full: Pace = { concurrency: 64, intervalMs: 0 };
  const slow: Pace = { concurrency: 1, intervalMs: 20 };
  expect([at(0, 0), at(1, 31), at(2, 32), at(3, 500), at(50, 0), at(102, 31), at(103, 31), at(110, 32)]).toEqual([
    full,
    full,
    slow,
    slow,
    slow,
    slow,
    full,
    slow,
  ]);
});

describe('the dispatcher', () => {
  test('sends nothing before it is started, then first come first sent, a few at a time', async () => {
    const { world, dispatcher, add, status } = setUp(async (id) => {
      await new Promise((resolve) => setImmediate(resolve));
      return placed(id);
    });
    const ids = Array.from({ length: 20 }, (_, index) => `o-${index}`);
    for (const id of ids) add(id);
    expect(world.sent).toEqual([]);
    dispatcher.start();
    await until('all to be placed', () => ids.every((id) => status(id) === 'new'));
    expect(world.sent).toEqual(ids);
    expect(world.most).toBe(3);
    await dispatcher.close();
  });

  test('asks how many it may send at a time whenever one could go', async () => {
    const { world, dispatcher, add, status } = setUp(async (id) => {
      await new Promise((resolve) => setImmediate(resolve));
      return placed(id);
    });
    let mostAtFirst = 0;
    world.pace = () => {
      if (world.sent.length > 5) return { concurrency: 4, intervalMs: 0 };
      mostAtFirst = world.most;
      return { concurrency: 1, intervalMs: 0 };
    };
    dispatcher.start();
    for (let index = 0; index < 20; index += 1) add(`o-${index}`);
    await until('all to be placed', () => status('o-19') === 'new');
    expect([mostAtFirst, world.most]).toEqual([1, 4]);
    await dispatcher.close();
  });

  test('begins one so long after the other as it is told, and at once when it may', async () => {
    const began: number[] = [];
    const { world, dispatcher, add, status } = setUp((id) => {
      began.push(performance.now());
      return placed(id);
    });
    world.pace = () => ({ concurrency: 3, intervalMs: began.length < 3 ? 30 : 0 });
    dispatcher.start();
    for (let index = 0; index < 8; index += 1) add(`o-${index}`);
    await until('all to be placed', () => status('o-7') === 'new');
    const gaps = began.slice(1).map((at, index) => at - (began[index] ?? 0));
    // Timers of the event loop are exact to a millisecond, and begin to count at its last turn.
    expect(gaps.slice(0, 2).every((gap) => gap > 25)).toBe(true);
    expect(world.sent).toHaveLength(8);
    await dispatcher.close();
  });

  test('a refusal ends the order with the code and the reason', async () => {
    const { dispatcher, add } = setUp(() => ({
      kind: 'refused',
      code: '40310000',
      reason: 'insufficient buying power',
    }));
    dispatcher.start();
    const tracked = add('a');
    await until('the rejection', () => tracked.order.status === 'rejected');
    expect(tracked.order).toMatchObject({ rejectCode: '40310000', rejectReason: 'insufficient buying power' });
  });

  test('an unknown outcome is never a refusal: the order is looked up', async () => {
    const { world, dispatcher, add } = setUp(() => ({ kind: 'unknown', reason: 'reset' }));
    dispatcher.start();
    const tracked = add('a');
    await until('the look-up', () => world.unknown.includes('a'));
    expect(tracked.order.status).toBe('unknown');
    expect(world.sent).toEqual(['a']);
  });

  test('a duplicate is looked up too: an earlier try got through', async () => {
    const { world, dispatcher, add } = setUp(() => ({ kind: 'duplicate' }));
    dispatcher.start();
    add('a');
    await until('the look-up', () => world.unknown.includes('a'));
  });

  test('what certainly was not sent is sent again, before what came later', async () => {
    const { world, dispatcher, add, status } = setUp((id, attempt) =>
      attempt === 1
        ? { kind: 'not_sent', cause: new Error('refused') }
        : attempt === 2
          ? { kind: 'rate_limited', retryAfterMs: 1 }
          : placed(id),
    );
    dispatcher.start();
    add('a');
    await until('a to be placed', () => status('a') === 'new');
    expect(world.sent).toEqual(['a', 'a', 'a']);
  });

  test('an order that waits for the broker keeps its place', async () => {
    const { world, dispatcher, add, status } = setUp((id, attempt) =>
      id === 'a' && attempt === 1 ? { kind: 'not_sent', cause: new Error('refused') } : placed(id),
    );
    for (const id of ['a', 'b', 'c', 'd', 'e']) add(id);
    dispatcher.start();
    await until('all to be placed', () => ['a', 'd', 'e'].every((id) => status(id) === 'new'));
    expect(world.sent).toEqual(['a', 'b', 'c', 'a', 'd', 'e']);
  });

  test('holds while the gate says so, and cancels what waits when trading is halted', async () => {
    const { world, dispatcher, add, status } = setUp(placed);
    world.gate = 'hold';
    dispatcher.start();
    add('a');
    expect(world.sent).toEqual([]);
    world.gate = 'open';
    dispatcher.wake();
    await until('a to be placed', () => status('a') === 'new');
    world.gate = { cancel: 'halted' };
    add('b');
    expect(status('b')).toBe('canceled');
    expect(world.sent).toEqual(['a']);
  });

  test('ends an order alone that may not go while reducing, and sends the others', async () => {
    const { world, dispatcher, add, status } = setUp(placed);
    world.gate = { end: 'reducing', code: 'TRADING_REDUCING' };
    world.gated = 'b';
    for (const id of ['a', 'b', 'c']) add(id);
    dispatcher.start();
    await until('c to be placed', () => status('c') === 'new');
    expect([status('a'), status('b'), world.sent]).toEqual(['new', 'canceled', ['a', 'c']]);
  });

  test('an order can be taken out while it waits, and not after', async () => {
    const { world, dispatcher, add, status } = setUp(placed);
    const waiting = add('a');
    expect(dispatcher.take(waiting)).toBe(waiting);
    dispatcher.start();
    const sent = add('b');
    expect(dispatcher.take(sent)).toBeUndefined();
    await dispatcher.settled(sent);
    expect(status('b')).toBe('new');
    expect(world.sent).toEqual(['b']);
  });

  test('records each attempt before its call, with its number', async () => {
    const { world, dispatcher, add, status } = setUp((id, attempt) =>
      attempt === 1 ? { kind: 'rate_limited', retryAfterMs: 1 } : placed(id),
    );
    const recordedAtCall: string[][] = [];
    world.record = () => {
      recordedAtCall.push([...world.sent]);
      return Promise.resolve();
    };
    dispatcher.start();
    const tracked = add('a');
    await until('a to be placed', () => status('a') === 'new');
    expect(recordedAtCall).toEqual([[], ['a']]);
    expect(world.recorded).toEqual(['a 1', 'a 2']);
    expect(tracked.order.attempts).toBe(2);
  });

  test('makes no call whose attempt the database did not confirm', async () => {
    const { world, dispatcher, add, status } = setUp(placed);
    let away = true;
    world.record = () => (away ? Promise.reject(new Error('connection lost')) : Promise.resolve());
    dispatcher.start();
    add('a');
    await until('a try', () => world.steps.length > 0);
    expect(world.sent).toEqual([]);
    expect(status('a')).toBe('accepted');
    away = false;
    await until('a to be placed', () => status('a') === 'new');
    expect(world.sent).toEqual(['a']);
  });

  test('makes no call when the gate shuts between the record and the call, and takes the attempt back', async () => {
    const { world, dispatcher, add, status } = setUp(placed);
    world.record = () => {
      world.gate = 'hold';
      return Promise.resolve();
    };
    dispatcher.start();
    const tracked = add('a');
    await until('the attempt', () => tracked.order.attempts === 1 && status('a') === 'accepted');
    expect(world.sent).toEqual([]);
    world.record = () => Promise.resolve();
    world.gate = 'open';
    dispatcher.wake();
    await until('a to be placed', () => status('a') === 'new');
    expect(world.sent).toEqual(['a']);
  });

  test('stops for good where another engine has become the writer', async () => {
    const { world, dispatcher, add } = setUp(placed);
    world.record = () =>
      Promise.reject(new ExternalError({ code: 'ORDER_WRITER_REPLACED', message: 'replaced', fix: 'none' }));
    dispatcher.start();
    add('a');
    await until('the notice', () => world.replaced === 1);
    expect(world.sent).toEqual([]);
  });

  test('looks an order up of which the database says that it does not wait', async () => {
    const { world, dispatcher, add } = setUp(placed);
    world.record = () =>
      Promise.reject(new ExternalError({ code: 'ATTEMPT_REFUSED', message: 'it does not wait', fix: 'none' }));
    dispatcher.start();
    add('a');
    await until('the look-up', () => world.unknown.includes('a'));
    expect(world.sent).toEqual([]);
  });

  test('is quiet when what the gate let through is answered, whatever still waits for the account’s budget', async () => {
    const answers: (() => void)[] = [];
    const { world, dispatcher, add } = setUp((id) => new Promise((resolve) => answers.push(() => resolve(placed(id)))));
    dispatcher.start();
    add('a');
    await until('the call', () => world.sent.length === 1);
    let quietNow = false;
    void dispatcher.quiet().then(() => (quietNow = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(quietNow).toBe(false);
    answers[0]?.();
    await until('quiet', () => quietNow);
  });

  test('does not send what the stream has told of, or what has ended', async () => {
    const { world, dispatcher, add } = setUp(placed);
    add('a').order.brokerOrderId = 'known';
    add('b').order.status = 'canceled';
    dispatcher.start();
    await dispatcher.close();
    expect(world.sent).toEqual([]);
  });

  test('closing waits for the answers that are under way and sends nothing more', async () => {
    let answer = (): void => undefined;
    const { world, dispatcher, add, status } = setUp(
      (id) => new Promise((resolve) => (answer = () => resolve(placed(id)))),
    );
    dispatcher.start();
    for (const id of ['a', 'b', 'c', 'd']) add(id);
    await until('three calls', () => world.sent.length === 3);
    const closing = dispatcher.close();
    expect(world.sent).toEqual(['a', 'b', 'c']);
    answer();
    expect(await Promise.race([closing.then(() => 'closed'), Promise.resolve('waits')])).toBe('waits');
    expect(status('d')).toBe('accepted');
  });
});

describe('the look-up', () => {
  function lookUpOf(find: (attempt: number) => Promise<ReturnType<typeof brokerOrder> | undefined>, halted?: string) {
    const book = new Book();
    const world = { attempts: 0, resent: 0, settled: [] as string[], clock: 0 };
    const lookUp = new LookUp({
      broker: {
        findByClientOrderId: () => {
          world.attempts += 1;
          world.clock += 10;
          return find(world.attempts);
        },
      },
      post: (update) => {
        book.apply(update, noChanges());
        return Promise.resolve();
      },
      resend: () => {
        world.resent += 1;
      },
      halted: () => halted,
      failpoint: () => undefined,
      logger: quiet,
      resendAfterMs: 50,
      intervalMs: 1,
      onSettled: (how) => world.settled.push(how),
      now: () => world.clock,
    });
    const order = durable({ clientOrderId: 'order-1' });
    order.status = 'unknown';
    return { world, lookUp, tracked: book.add(order) };
  }

  test('adopts what the broker shows', async () => {
    const { world, lookUp, tracked } = lookUpOf((attempt) => Promise.resolve(attempt < 3 ? undefined : brokerOrder()));
    await lookUp.settle(tracked);
    expect(tracked.order).toMatchObject({ status: 'new', brokerOrderId: 'broker-1' });
    expect(world).toMatchObject({ attempts: 3, resent: 0, settled: ['adopted'] });
  });

  test('sends again only after the broker denied it for long enough; silence is no denial', async () => {
    const { world, lookUp, tracked } = lookUpOf((attempt) =>
      attempt < 8 ? Promise.reject(new Error('away')) : Promise.resolve(undefined),
    );
    await lookUp.settle(tracked);
    expect(world).toMatchObject({ attempts: 8, resent: 1, settled: ['resent'] });
    const early = lookUpOf(() => Promise.resolve(undefined));
    await early.lookUp.settle(early.tracked);
    expect(early.world).toMatchObject({ attempts: 5, resent: 1 });
  });

  test('while trading is halted it ends what the broker does not know', async () => {
    const { world, lookUp, tracked } = lookUpOf(() => Promise.resolve(undefined), 'trading is halted');
    await lookUp.settle(tracked);
    expect(tracked.order).toMatchObject({ status: 'canceled', rejectCode: 'TRADING_HALTED' });
    expect(world).toMatchObject({ resent: 0, settled: ['ended'] });
  });

  test('stops as soon as the stream has told of the order', async () => {
    const { world, lookUp, tracked } = lookUpOf((attempt) => {
      if (attempt === 2) tracked.order.brokerOrderId = 'broker-1';
      return Promise.resolve(undefined);
    });
    await lookUp.settle(tracked);
    expect(world).toMatchObject({ attempts: 2, resent: 0, settled: ['adopted'] });
  });

  test('is one look-up per order, and ends when the service does', async () => {
    const { lookUp, tracked } = lookUpOf(() => Promise.reject(new Error('away')));
    const running = lookUp.settle(tracked);
    expect(lookUp.settle(tracked)).toBe(running);
    expect(lookUp.pending).toBe(1);
    await lookUp.close();
    expect(lookUp.pending).toBe(0);
  });
});
