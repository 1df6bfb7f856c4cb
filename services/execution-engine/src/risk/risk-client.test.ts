import { afterEach, describe, expect, test } from '@jest/globals';
import type { RiskOrder } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { createRiskClient, type RiskClient } from './risk-client.ts';

const clients: RiskClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

interface Asked {
  type: string;
  orders?: RiskOrder[];
  order?: RiskOrder;
}

const order = (id: string): RiskOrder => ({
  client_order_id: id,
  symbol: 'AAPL',
  side: 'buy',
  type: 'market',
  quantity: '1',
});

/** A risk-manager that lets everything through but orders named "no-…"; `answer` puts something else in its place. */
async function setUp(options: { checks?: number; answer?: (body: Asked) => unknown } = {}) {
  const questions: Asked[] = [];
  const verdict = ({ client_order_id: id }: RiskOrder) =>
    id.startsWith('no-')
      ? { allowed: false, state: 'ACTIVE', code: 'RISK_SHORT', message: id }
      : { allowed: true, state: 'ACTIVE' };
  const client = createRiskClient({
    requester: {
      async request(body) {
        const asked = body as Asked;
        if (asked.type === 'state') return { state: 'ACTIVE', reason: '', since: '', checks: options.checks };
        questions.push(asked);
        await new Promise((resolve) => setImmediate(resolve));
        const answer = options.answer?.(asked);
        if (answer !== undefined) return answer;
        if (asked.order !== undefined) return verdict(asked.order);
        return { verdicts: (asked.orders ?? []).map(verdict) };
      },
      close: () => Promise.resolve(),
    },
    intervalMs: 60_000,
    maxAgeMs: 60_000,
    now: () => 0,
  });
  clients.push(client);
  client.start();
  await until('the state to be known', () => client.current().known);
  return { client, questions };
}

describe('orders that are asked about at the same time', () => {
  test('go into one question, and each gets its own verdict', async () => {
    const { client, questions } = await setUp({ checks: 3 });
    const answers = await Promise.all(['a', 'no-b', 'c', 'd'].map((id) => client.check(order(id))));
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, false, true, true]);
    expect(questions.map(({ orders, order: one }) => orders?.length ?? one?.client_order_id)).toEqual([3, 'd']);
  });

  test('are asked one by one of a release that takes no more, all at once', async () => {
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { client, questions } = await setUp({
      answer: () => answered.then(() => ({ allowed: true, state: 'ACTIVE' })),
    });
    const answers = ['a', 'b', 'c'].map((id) => client.check(order(id)));
    await until('all three questions, before any answer', () => questions.length === 3);
    answer();
    expect((await Promise.all(answers)).map(({ allowed }) => allowed)).toEqual([true, true, true]);
    expect(questions.map(({ type }) => type)).toEqual(['check', 'check', 'check']);
  });

  test('are asked again one by one where an older release has taken the place of the one that could', async () => {
    const { client } = await setUp({
      checks: 10,
      answer: ({ type }) => (type === 'checks' ? { error: 'type is "checks"' } : undefined),
    });
    const answers = await Promise.all(['a', 'no-b'].map((id) => client.check(order(id))));
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, false]);
  });

  test('fail each by itself where one cannot be read, and all with the question, those that wait for it too', async () => {
    const { client } = await setUp({
      checks: 2,
      answer: ({ orders }) => {
        if (orders?.[0]?.client_order_id === 'odd') return { verdicts: [{ error: 'unreadable' }, { allowed: true }] };
        if (orders?.[0]?.client_order_id === 'silent') throw new Error('no answer');
        return undefined;
      },
    });
    const outcome = (ids: string[]) => Promise.allSettled(ids.map((id) => client.check(order(id))));
    expect((await outcome(['odd', 'b'])).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    const silent = await outcome(['silent', 'b', 'silent', 'd', 'waits', 'waits too']);
    expect(silent.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'rejected'));
    expect((await outcome(['later'])).map(({ status }) => status)).toEqual(['fulfilled']);
  });
});
