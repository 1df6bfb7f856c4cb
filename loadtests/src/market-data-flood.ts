/** 1000 ticks a second at the front door, one tick a request: the form in which a client has them. */
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { baseUrl, jsonParams, symbols } from './lib/env.ts';
import { tellFailure } from './lib/failures.ts';
import { noteStart, scheduledAt, since } from './lib/latency.ts';
import { atLeast, common, isMain, isPlanned, mainSeconds, phases, plan, scaled } from './lib/plan.ts';
import { learnPrices, tickAt, type Prices } from './lib/prices.ts';

const rate = scaled(plan.load['market-data-flood'].ticks_per_second);
const floor = plan.floors['market-data-flood'];
const planned = rate * mainSeconds;

const sent = new Counter('ticks_sent');
const accepted = new Counter('ticks_accepted');
const latency = new Trend('tick_latency', true);

const url = `${baseUrl('ORCHESTRATOR_URL')}/api/v1/market_data`;
const params = jsonParams(10_000);

export const options = {
  ...common,
  scenarios: phases('flood', rate, 500),
  thresholds: {
    ticks_sent: [atLeast(99, planned)],
    ticks_accepted: [atLeast(floor.accepted_percent, planned)],
    tick_latency: [`med<=${floor.median_ms}`],
    'dropped_iterations{scenario:main_flood}': [`count<=${Math.ceil(planned * 0.01)}`],
  },
};

export function setup(): Promise<Prices> {
  // k6 lets thresholds of metrics without a sample pass; a zero makes "none at all" a number that fails.
  sent.add(0);
  accepted.add(0);
  return learnPrices();
}

export function flood(prices: Prices): void {
  const { name, iterationInTest: index } = exec.scenario;
  const scheduled = scheduledAt(isMain(name) ? rate : Math.max(1, Math.round(rate / 2)));
  const symbol = symbols[index % symbols.length]!;
  const response = http.post(url, JSON.stringify(tickAt(prices[symbol]!, symbol, index, scheduled)), params);
  const took = since(scheduled, response.timings.duration);
  if (!isPlanned(name, index, rate)) return;
  noteStart();

  sent.add(1);
  latency.add(took);
  if (response.status === 200 && response.json('accepted') === 1) accepted.add(1);
  else tellFailure('tick not accepted', response);
}
