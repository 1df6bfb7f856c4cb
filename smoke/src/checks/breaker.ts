import { at, show, text } from '../client/http.ts';
import type { Context } from '../context.ts';
import { eventually, NotAsExpected } from '../runner.ts';
import { order } from './orders.ts';

const EXPECTED = {
  trip: 'ACTIVE before, HALTED after',
  refused: '503 with a code while halted, and no such order afterwards',
  reset: 'ACTIVE again',
} as const;

/**
 * Trips the breaker, sees orders refused, and resets it, whatever happened in between. A breaker that somebody else
 * has tripped is left as it is.
 */
export async function checkBreaker(context: Context, symbol: string): Promise<void> {
  const { runner, http, targets, run } = context;
  const breaker = `${targets.services.orchestrator}/api/v1/circuit-breaker`;
  let tripped = false;

  const state = async (): Promise<string> => {
    const answer = await http.get(`${breaker}/status`);
    return answer.status === 200 ? text(at(answer.json, 'state')) : show(answer);
  };
  const become = (wanted: string, after: string) =>
    eventually(context, async () => {
      const found = await state();
      return found === wanted ? { done: found } : { seen: `${found} after ${after}` };
    });

  try {
    const halted = await runner.check('breaker: trip', EXPECTED.trip, async () => {
      const before = await state();
      if (before !== 'ACTIVE') throw new NotAsExpected(`${before} before the trip; it was left as it is`);
      tripped = true;
      const answer = await http.post(`${breaker}/trip`, { reason: `smoke test ${run.id}` });
      if (answer.status !== 200) throw new NotAsExpected(show(answer));
      await become('HALTED', 'the trip');
      return { found: 'ACTIVE, then HALTED', value: true };
    });

    if (halted === undefined) runner.notTried('breaker: orders refused', EXPECTED.refused, 'the breaker did not trip');
    else await checkRefused(context, symbol);
  } finally {
    if (tripped) {
      await runner.check('breaker: reset', EXPECTED.reset, async () => {
        await eventually({ ...context, signal: new AbortController().signal, everyMs: 250 }, async () => {
          const answer = await http.post(`${breaker}/reset`, { reason: `smoke test ${run.id} is over` });
          const now = await state();
          return now === 'ACTIVE' ? { done: now } : { seen: `${now}; the reset was answered ${show(answer)}` };
        });
        return { found: 'ACTIVE', value: undefined };
      });
    } else {
      runner.notTried('breaker: reset', EXPECTED.reset, 'the breaker was not tripped by this test');
    }
  }
}

async function checkRefused({ runner, http, targets, run }: Context, symbol: string): Promise<void> {
  const front = `${targets.services.orchestrator}/api/v1/orders`;
  const clientOrderId = `smoke-${run.id}-halted`;
  await runner.check('breaker: orders refused', EXPECTED.refused, async () => {
    const answer = await http.post(front, order(symbol, 'buy', clientOrderId));
    if (answer.status !== 503 || typeof at(answer.json, 'code') !== 'string') throw new NotAsExpected(show(answer));
    const orders = await http.get(`${front}?status=all&limit=500`);
    if (orders.status !== 200 || orders.text.includes(clientOrderId)) {
      throw new NotAsExpected(`the refused order is listed, or the list cannot be read: ${orders.status}`);
    }
    return { found: show(answer), value: undefined };
  });
}
