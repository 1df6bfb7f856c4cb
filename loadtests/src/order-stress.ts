/** 100 orders at the same moment at the front door, each second again. */
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import { baseUrl, jsonParams, symbols } from './lib/env.ts';
import { tellFailure } from './lib/failures.ts';
import { noteStart, scheduledAt, since } from './lib/latency.ts';
import { atLeast, common, isPlanned, mainSeconds, phases, plan, scaled } from './lib/plan.ts';
import { cents, learnPrices, type Prices } from './lib/prices.ts';

const load = plan.load['order-stress'];
const size = scaled(load.orders_per_round);
const perSecond = load.rounds_per_second;
const floor = plan.floors['order-stress'];
const rounds = perSecond * mainSeconds;
const planned = rounds * size;

const sent = new Counter('orders_sent');
const succeeded = new Counter('orders_succeeded');
const settled = new Counter('rounds_settled');
const latency = new Trend('order_latency', true);
const settling = new Trend('order_settle_time', true);

const url = `${baseUrl('ORCHESTRATOR_URL')}/api/v1/orders`;
const params = jsonParams(10_000);
const SETTLE_MS = 10_000;
const POLL_MS = 100;
/** Far enough from the market to fill whatever it does meanwhile, and inside the risk limits. */
const LIMIT_DISTANCE = 0.02;

export const options = {
  ...common,
  batchPerHost: size,
  // A round that is still being watched keeps its VU; there are enough of them for SETTLE_MS.
  scenarios: phases('round', perSecond, Math.ceil(perSecond * (SETTLE_MS / 1000 + 2))),
  thresholds: {
    orders_sent: [atLeast(99, planned)],
    orders_succeeded: [atLeast(floor.success_percent, planned)],
    order_latency: [`avg<=${floor.mean_ms}`, `p(99)<=${floor.p99_ms}`],
    rounds_settled: [atLeast(floor.settled_percent, rounds)],
    'dropped_iterations{scenario:main_round}': ['count<=0'],
  },
};

interface Setup {
  prices: Prices;
  run: string;
}

export async function setup(): Promise<Setup> {
  // k6 lets thresholds of metrics without a sample pass; a zero makes "none at all" a number that fails.
  for (const counter of [sent, succeeded, settled]) counter.add(0);
  return { prices: await learnPrices(), run: Date.now().toString(36) };
}

/**
 * All orders of a round on one symbol have the same side, and the next round has the other: positions come
 * back to where they were, and no two open orders of ours can meet each other (a wash trade, which Alpaca
 * refuses). Four of five are market orders, the fifth is a limit that can be filled at once.
 */
function orderOf(data: Setup, scenario: string, round: number, index: number) {
  const at = index % symbols.length;
  const symbol = symbols[at]!;
  const side = (round + at) % 2 === 0 ? 'buy' : 'sell';
  const body = { symbol, side, quantity: 1, client_order_id: `load-${data.run}-${scenario}-${round}-${index}` };
  if (Math.floor(index / symbols.length) % 5 !== 4) return { ...body, type: 'market' };
  const distance = side === 'buy' ? 1 + LIMIT_DISTANCE : 1 - LIMIT_DISTANCE;
  return { ...body, type: 'limit', price: cents(data.prices[symbol]! * distance) };
}

export async function round(data: Setup): Promise<void> {
  const { name, iterationInTest: number } = exec.scenario;
  const scheduled = scheduledAt(perSecond);
  const counts = isPlanned(name, number, perSecond);
  if (counts) noteStart();

  const place = async (index: number): Promise<string | undefined> => {
    const response = await http.asyncRequest('POST', url, JSON.stringify(orderOf(data, name, number, index)), params);
    const took = since(scheduled, response.timings.duration);
    const id = response.status === 200 ? response.json('order_id') : undefined;
    const ok = typeof id === 'string' && id !== '';
    if (!ok) tellFailure('order refused', response);
    if (counts) {
      sent.add(1);
      latency.add(took);
      if (ok) succeeded.add(1);
    }
    return ok ? id : undefined;
  };
  const ids = await Promise.all(Array.from({ length: size }, (_, index) => place(index)));

  // The last market order of the round stands for it: an acknowledged order must also reach the broker and fill.
  const watched = ids[Math.min(size, symbols.length) - 1];
  if (watched !== undefined && (await fills(watched, scheduled)) && counts) {
    settled.add(1);
    settling.add(Date.now() - scheduled);
  }
}

async function fills(id: string, scheduled: number): Promise<boolean> {
  while (Date.now() < scheduled + SETTLE_MS) {
    const response = await http.asyncRequest('GET', `${url}/${id}`, null, params);
    const status = response.status === 200 ? response.json('status') : undefined;
    if (status === 'filled') return true;
    if (status === 'rejected' || status === 'canceled' || status === 'expired') {
      tellFailure('order did not fill', response);
      return false;
    }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
  return false;
}
