import { describe, expect, test } from '@jest/globals';
import type { ActingRequest, RiskOrder, RiskVerdict } from '@papergate/service-kit';
import type { NewOrder } from '../ledger/order.ts';
import type { StoredIdentity } from './committer.ts';
import { Intake } from './intake.ts';
import { readOrderRequest } from './request.ts';

const BY: ActingRequest = { actor: { name: 'tom', role: 'trader' }, id: 'front-1' };

function setUp() {
  const rows = new Map<string, StoredIdentity>();
  const world = {
    rows,
    committed: [] as NewOrder[],
    checked: [] as RiskOrder[],
    released: [] as string[],
    refused: [] as string[],
    open: true as true | string,
    queued: 0,
    verdict: (): Promise<RiskVerdict> => Promise.resolve({ allowed: true, state: 'ACTIVE' }),
    commit: (order: NewOrder): Promise<void> => {
      rows.set(order.clientOrderId, { orderId: order.orderId, requestHash: order.requestHash });
      return Promise.resolve();
    },
  };
  const intake = new Intake({
    committer: {
      waiting: 0,
      takeDoubtful: () => [],
      addDoubtful: () => undefined,
      find: (id) => Promise.resolve(rows.get(id)),
      commit: async (order) => {
        const stored = rows.get(order.clientOrderId);
        if (stored !== undefined) return { kind: 'exists', stored };
        await world.commit(order);
        return { kind: 'committed' };
      },
    },
    check: (order) => {
      world.checked.push(order);
      return world.verdict();
    },
    release: (id) => world.released.push(id),
    open: () => world.open,
    failpoint: () => undefined,
    onCommitted: (order) => world.committed.push(order),
    queued: () => world.queued,
    limits: { underWay: 2, queued: 5 },
    onRefused: (code) => world.refused.push(code),
    observe: () => undefined,
    now: () => 0,
  });
  const submit = (change: Record<string, unknown> = {}) => {
    const { terms, clientOrderId } = readOrderRequest({
      symbol: 'AAPL',
      side: 'buy',
      type: 'market',
      quantity: 1,
      ...change,
    });
    return intake.submit({ terms, clientOrderId, source: 'api', strategy: null, by: BY });
  };
  return { world, intake, submit };
}

describe('the intake', () => {
  test('acknowledges what is durable, with an id of its own where none came', async () => {
    const { world, submit } = setUp();
    const answer = await submit();
    expect(answer).toEqual({
      order_id: world.committed[0]?.orderId,
      client_order_id: world.committed[0]?.clientOrderId,
      status: 'accepted',
    });
    expect(world.checked[0]).toEqual({
      client_order_id: answer.client_order_id,
      symbol: 'AAPL',
      side: 'buy',
      type: 'market',
      quantity: '1',
    });
  });

  test('gives the first answer to a repeat, and checks and stores it once', async () => {
    const { world, submit } = setUp();
    const first = await submit({ client_order_id: 'a' });
    expect(await submit({ client_order_id: 'a', quantity: '1.0' })).toEqual(first);
    expect(world.checked).toHaveLength(1);
    expect(world.committed).toHaveLength(1);
  });

  test('repeats that come while the first is under way share its outcome', async () => {
    const { world, submit } = setUp();
    const answers = await Promise.all([
      submit({ client_order_id: 'a' }),
      submit({ client_order_id: 'a' }),
      submit({ client_order_id: 'a' }),
    ]);
    expect(new Set(answers.map(({ order_id: id }) => id)).size).toBe(1);
    expect(world.committed).toHaveLength(1);
    const both = await Promise.allSettled([
      submit({ client_order_id: 'b' }),
      submit({ client_order_id: 'b', quantity: 2 }),
    ]);
    expect(both[1]).toMatchObject({
      status: 'rejected',
      reason: { statusCode: 409, code: 'DUPLICATE_CLIENT_ORDER_ID' },
    });
  });

  test('refuses another order under a known id', async () => {
    const { submit } = setUp();
    await submit({ client_order_id: 'a' });
    await expect(submit({ client_order_id: 'a', side: 'sell' })).rejects.toMatchObject({
      statusCode: 409,
      code: 'DUPLICATE_CLIENT_ORDER_ID',
    });
  });

  test('an order that is known is answered even while no new ones are taken', async () => {
    const { world, submit } = setUp();
    const first = await submit({ client_order_id: 'a' });
    world.open = 'the broker is away';
    expect(await submit({ client_order_id: 'a' })).toEqual(first);
    await expect(submit({ client_order_id: 'b' })).rejects.toMatchObject({ statusCode: 503, code: 'NOT_READY' });
  });

  test('passes refusals of the risk manager on: 400 with its code, 503 while halted or silent', async () => {
    const { world, submit } = setUp();
    world.verdict = () => Promise.resolve({ allowed: false, state: 'ACTIVE', code: 'RISK_SHORT', message: 'no' });
    await expect(submit()).rejects.toMatchObject({ statusCode: 400, code: 'RISK_SHORT', message: 'no' });
    world.verdict = () => Promise.resolve({ allowed: false, state: 'HALTED', code: 'RISK_HALTED', message: 'stop' });
    await expect(submit()).rejects.toMatchObject({ statusCode: 503, code: 'TRADING_HALTED' });
    expect(world.released).toEqual([]);
    world.verdict = () => Promise.reject(new Error('no answer'));
    await expect(submit({ client_order_id: 'late' })).rejects.toMatchObject({
      statusCode: 503,
      code: 'RISK_UNREACHABLE',
    });
    expect(world.released).toEqual(['late']);
    expect(world.committed).toEqual([]);
    expect(world.refused).toEqual(['RISK_SHORT', 'TRADING_HALTED', 'RISK_UNREACHABLE']);
  });

  test('never acknowledges what the database did not confirm, and gives the reservation back', async () => {
    const { world, submit } = setUp();
    world.commit = () => Promise.reject(new Error('connection lost'));
    await expect(submit({ client_order_id: 'a' })).rejects.toMatchObject({
      statusCode: 503,
      code: 'DATABASE_UNREACHABLE',
    });
    expect(world.released).toEqual(['a']);
    expect(world.committed).toEqual([]);
  });

  test('says 429 with Retry-After when too many orders are under way or wait', async () => {
    const { world, intake, submit } = setUp();
    let answer = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.verdict = async () => {
      await gate;
      return { allowed: true, state: 'ACTIVE' };
    };
    const waiting = [submit(), submit()];
    await expect(submit()).rejects.toMatchObject({
      statusCode: 429,
      code: 'TOO_MANY_ORDERS',
      headers: { 'retry-after': '1' },
    });
    answer();
    await Promise.all(waiting);
    expect(intake.underWay).toBe(0);
    world.queued = 5;
    await expect(submit()).rejects.toMatchObject({ statusCode: 429 });
  });
});
