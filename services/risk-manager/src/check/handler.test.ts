import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '@papergate/service-kit';
import type { RiskLimits } from '@papergate/config';
import type { RiskEvent } from '../events/recorder.ts';
import { createInstruments } from '../instruments.ts';
import { compileLimits } from '../limits/compile.ts';
import { makeExposure, makeLimits, NOON, order } from '../testing/make.ts';
import { attos, attosText } from '../units.ts';
import { createHandler } from './handler.ts';
import { Traffic } from './traffic.ts';

function setUp(change?: (limits: RiskLimits) => void) {
  const limits = compileLimits(makeLimits(change));
  const exposure = makeExposure();
  const events: RiskEvent[] = [];
  const rejected: number[] = [];
  const metrics = createMetrics('risk-manager', { runtime: false });
  const handle = createHandler({
    exposure,
    limits,
    traffic: new Traffic(limits.order),
    scope: { refusal: () => undefined },
    rules: { rejected: (at) => rejected.push(at) },
    recorder: { record: (event) => events.push(event) },
    instruments: createInstruments(metrics),
    since: () => '',
    now: () => NOON,
  });
  const ask = (id: string, more: object = {}): string => {
    const answer = handle({ type: 'check', order: order({ client_order_id: id, ...more }) });
    if (!('allowed' in answer)) throw new Error('that is no verdict');
    return answer.allowed ? 'allowed' : answer.code;
  };
  const withdraw = (id: string) => handle({ type: 'release', client_order_id: id });
  return { handle, exposure, events, rejected, metrics, ask, withdraw };
}

describe('what an order that is let through leaves behind', () => {
  test('is a claim on the buying power, until it is withdrawn', () => {
    const { ask, exposure, withdraw } = setUp();
    exposure.funds.observe({ buyingPower: attos('2500'), shorting: true, blocked: false }, NOON);
    expect([ask('a'), ask('b'), ask('c')]).toEqual(['allowed', 'allowed', 'RISK_BUYING_POWER']);
    expect(attosText(exposure.funds.claimed)).toBe('2000');
    withdraw('a');
    expect([attosText(exposure.funds.claimed), ask('c')]).toEqual(['1000', 'allowed']);
    // Asked again since its answer was lost: it does not claim twice.
    expect(ask('c')).toBe('allowed');
    expect(attosText(exposure.funds.claimed)).toBe('2000');
  });

  test('is its intent, until it is withdrawn', () => {
    const { ask, withdraw } = setUp((limits) => (limits.order_validation.duplicate_window_ms = 1_000));
    expect([ask('a'), ask('b'), ask('a')]).toEqual(['allowed', 'RISK_DUPLICATE_INTENT', 'allowed']);
    withdraw('a');
    expect(ask('b')).toBe('allowed');
  });

  test('is one more of its second and of its minute', () => {
    const second = setUp((limits) => (limits.order_validation.max_orders_per_second = 1));
    expect([second.ask('a'), second.ask('b')]).toEqual(['allowed', 'RISK_ORDER_RATE']);
    const minute = setUp((limits) => (limits.order_validation.max_orders_per_minute = 1));
    expect([minute.ask('a'), minute.ask('b')]).toEqual(['allowed', 'RISK_ORDER_BUDGET']);
  });

  test('is its limit, which later orders are held against', () => {
    const { ask } = setUp((limits) => (limits.order_validation.refuse_wash_trades = true));
    const limit = (side: string, price: string) => ({ side, type: 'limit', price });
    expect(ask('a', limit('buy', '99'))).toBe('allowed');
    expect([ask('b', limit('sell', '99')), ask('c', limit('sell', '99.01'))]).toEqual(['RISK_WASH_TRADE', 'allowed']);
  });
});

test('a refusal is recorded with its code, counted, and reckoned against its sender', async () => {
  const { ask, events, exposure, metrics, rejected } = setUp();
  ask('too-large', { quantity: '501' });
  exposure.state = 'HALTED';
  ask('halted');
  expect(events).toMatchObject([
    { kind: 'refusal', code: 'RISK_ORDER_QUANTITY', symbol: 'AAPL', clientOrderId: 'too-large' },
    { kind: 'refusal', code: 'RISK_HALTED', clientOrderId: 'halted' },
  ]);
  // A halt says nothing about the sender: it would feed itself.
  expect(rejected).toEqual([NOON]);
  const text = await metrics.registry.metrics();
  expect(text).toMatch(/risk_refusals_total\{code="RISK_ORDER_QUANTITY"[^}]*\} 1/);
  expect(text).toMatch(/risk_refusals_total\{code="RISK_HALTED"[^}]*\} 1/);
});

describe('several orders in one question', () => {
  test('are judged one after the other, each against what those before it have reserved', () => {
    const { handle, exposure } = setUp();
    exposure.funds.observe({ buyingPower: attos('2500'), shorting: true, blocked: false }, NOON);
    const orders = ['a', 'b', 'c'].map((id) => order({ client_order_id: id }));
    expect(
      handle({ type: 'checks', orders: [...orders, order({ client_order_id: 'd', quantity: 'many' })] }),
    ).toMatchObject({
      verdicts: [
        { allowed: true },
        { allowed: true },
        { allowed: false, code: 'RISK_BUYING_POWER' },
        { error: expect.stringContaining('cannot be read') },
      ],
    });
  });

  test('are as many as the state says at most', () => {
    const { handle } = setUp();
    const { checks = 0 } = handle({ type: 'state' }) as { checks?: number };
    const orders = Array.from({ length: checks + 1 }, (_, index) => order({ client_order_id: `o-${index}` }));
    expect(handle({ type: 'checks', orders: orders.slice(1) })).toHaveProperty('verdicts.length', checks);
    expect(() => handle({ type: 'checks', orders })).toThrow(`at most ${checks}`);
    expect(() => handle({ type: 'checks' })).toThrow('no list');
  });
});
