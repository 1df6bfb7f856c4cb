import { fileURLToPath } from 'node:url';
import { loadRiskLimits, type RiskLimits } from '@papergate/config';
import type { RiskOrder } from '@papergate/service-kit';
import { evaluate, readRiskOrder, type Verdict } from '../check/evaluate.ts';
import type { Rule } from '../check/rules/index.ts';
import { Traffic } from '../check/traffic.ts';
import { Exposure } from '../exposure/exposure.ts';
import { compileLimits } from '../limits/compile.ts';
import { attos, nanos } from '../units.ts';

const CONFIG_DIR = fileURLToPath(new URL('../../../../config', import.meta.url));

/** A Wednesday in June, 11:00 in New York. */
export const NOON = Date.parse('2024-06-05T15:00:00Z');

/** Production's limits without those that look at the clock, the tape or other orders; changed as asked. */
export function makeLimits(change: (limits: RiskLimits) => void = () => undefined): RiskLimits {
  const limits = structuredClone(loadRiskLimits(CONFIG_DIR, 'production'));
  limits.time_restrictions.regular_hours_only = false;
  limits.time_restrictions.blackout_periods = [];
  limits.position_limits.allow_short = true;
  Object.assign(limits.order_validation, {
    require_live_quote: false,
    duplicate_window_ms: 0,
    refuse_wash_trades: false,
  });
  change(limits);
  return limits;
}

export interface Held {
  quantity: string;
  price: string;
}

/** An exposure with AAPL at 100, an equity of a million, state ACTIVE. */
export function makeExposure(
  positions: Record<string, Held> = {},
  marks: Record<string, number> = { AAPL: 100 },
): Exposure {
  const exposure = new Exposure();
  exposure.state = 'ACTIVE';
  exposure.stateReason = 'test';
  exposure.equity = { current: attos('1000000'), opening: attos('1000000'), peak: attos('1000000') };
  exposure.funds.observe({ buyingPower: attos('100000000'), shorting: true, blocked: false }, NOON);
  for (const [symbol, usd] of Object.entries(marks)) markAt(exposure, symbol, usd, NOON);
  for (const [symbol, { quantity, price }] of Object.entries(positions)) {
    exposure.setPosition(symbol, nanos(quantity), nanos(price), NOON);
  }
  return exposure;
}

export function markAt(exposure: Exposure, symbol: string, usd: number, at: number): void {
  const micros = Math.round(usd * 1e6);
  exposure.mark(
    { n: 1, s: symbol, k: 'q', t: at * 1000, r: at * 1000, b: micros, a: micros, bs: 1, as: 1 },
    at,
    15_000,
  );
}

export const order = (change: Partial<RiskOrder> = {}): RiskOrder => ({
  client_order_id: 'order-1',
  symbol: 'AAPL',
  side: 'buy',
  type: 'market',
  quantity: '10',
  ...change,
});

export function check(
  request: Partial<RiskOrder>,
  exposure: Exposure,
  limits: RiskLimits = makeLimits(),
  now: number = NOON,
  traffic = new Traffic(compileLimits(limits).order),
  rules?: readonly Rule[],
): Verdict {
  return evaluate(readRiskOrder(order(request)), exposure, compileLimits(limits), traffic, now, rules);
}

export const codeOf = (verdict: Verdict): string => (verdict.allowed ? 'allowed' : verdict.code);
