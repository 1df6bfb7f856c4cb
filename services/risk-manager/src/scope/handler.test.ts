import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '@papergate/service-kit';
import { createHandler } from '../check/handler.ts';
import { Traffic } from '../check/traffic.ts';
import type { RiskEvent } from '../events/recorder.ts';
import { createInstruments } from '../instruments.ts';
import { compileLimits } from '../limits/compile.ts';
import { makeExposure, makeLimits, NOON, order } from '../testing/make.ts';
import type { ScopeRefusal } from './scope.ts';

function setUp(refusal: ScopeRefusal | undefined) {
  const metrics = createMetrics('risk-manager', { runtime: false });
  const limits = compileLimits(makeLimits());
  const seen = { rejects: 0, events: [] as RiskEvent[], asked: 0 };
  const exposure = makeExposure();
  const handle = createHandler({
    exposure,
    limits,
    traffic: new Traffic(limits.order),
    scope: {
      refusal: () => {
        seen.asked += 1;
        return refusal;
      },
    },
    rules: { rejected: () => void (seen.rejects += 1) },
    recorder: { record: (event) => seen.events.push(event) },
    instruments: createInstruments(metrics),
    since: () => '',
    now: () => NOON,
  });
  const check = (change: Parameters<typeof order>[0] = {}) => handle({ type: 'check', order: order(change) });
  return { check, exposure, metrics, seen };
}

const OUTSIDE: ScopeRefusal = { code: 'OUTSIDE_ROLLOUT', message: 'not yet' };

describe('a check', () => {
  test('of an order outside the roll-out is a refusal like any other: stored, counted, nothing reserved', async () => {
    const { check, exposure, metrics, seen } = setUp(OUTSIDE);
    expect(check()).toEqual({ allowed: false, state: 'ACTIVE', ...OUTSIDE });
    expect(seen.events).toEqual([
      expect.objectContaining({ kind: 'refusal', code: 'OUTSIDE_ROLLOUT', symbol: 'AAPL', message: 'not yet' }),
    ]);
    expect(await metrics.registry.metrics()).toMatch(/papergate_risk_refusals_total\{code="OUTSIDE_ROLLOUT".*\} 1/);
    expect(exposure.reservations.size).toBe(0);
  });

  test('outside the roll-out does not count as one that trips the breaker: a stage without order flow refuses all', () => {
    const { check, seen } = setUp(OUTSIDE);
    check();
    expect(seen.rejects).toBe(0);
    check({ quantity: '100000' });
    expect(seen.rejects).toBe(1);
  });

  test('of an order within the roll-out is what the limits say', () => {
    const { check, exposure, seen } = setUp(undefined);
    expect(check()).toEqual({ allowed: true, state: 'ACTIVE' });
    expect(seen.asked).toBe(1);
    expect(exposure.reservations.size).toBe(1);
  });
});
