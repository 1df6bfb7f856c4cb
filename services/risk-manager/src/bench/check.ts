// One risk check in process: the request as it came off the bus to its verdict, every rule asked, the order reserved.
// With as many positions as production allows, a hundred open orders, and ticks between any two checks.
import { createMetrics } from '@papergate/service-kit';
import { createHandler } from '../check/handler.ts';
import { Traffic } from '../check/traffic.ts';
import { createInstruments } from '../instruments.ts';
import { compileLimits } from '../limits/compile.ts';
import { makeExposure, makeLimits, NOON } from '../testing/make.ts';
import { nanos } from '../units.ts';

const WARM_UP = 50_000;
const CHECKS = 200_000;
const POSITIONS = 19;
const OPEN_ORDERS = 98;
const KNOWN_SYMBOLS = 500;
const TICKS_BETWEEN = 8;
const PROMISED_US = 5;

const limits = compileLimits(
  makeLimits((set) => {
    set.position_limits.max_gross_exposure = '2000000';
    set.position_limits.max_net_exposure = '2000000';
    set.time_restrictions.regular_hours_only = true;
    set.order_validation.max_orders_per_second = 1_000_000;
    set.order_validation.max_orders_per_minute = 1_000_000;
    set.order_validation.max_trades_per_day = 100_000_000;
    set.order_validation.duplicate_window_ms = 1_000;
    set.order_validation.refuse_wash_trades = true;
    set.order_validation.require_live_quote = true;
    set.time_restrictions.blackout_periods = [{ name: 'opening auction', from: '09:30', to: '09:32' }];
  }),
);

const name = (i: number): string =>
  String.fromCharCode(65 + (Math.floor(i / 676) % 26), 65 + (Math.floor(i / 26) % 26), 65 + (i % 26));
const symbols = Array.from({ length: KNOWN_SYMBOLS }, (_, i) => name(i));
const exposure = makeExposure(
  Object.fromEntries(symbols.slice(0, POSITIONS).map((symbol) => [symbol, { quantity: '20', price: '100' }])),
  Object.fromEntries(symbols.map((symbol) => [symbol, 100])),
);
for (let i = 0; i < OPEN_ORDERS; i += 1) {
  const quantity = nanos('1');
  exposure.reserve(
    {
      clientOrderId: `open-${i}`,
      symbol: symbols[i % POSITIONS] ?? '',
      side: i % 2 === 0 ? 'buy' : 'sell',
      quantity,
      remaining: quantity,
      limit: nanos(i % 2 === 0 ? '90' : '110'),
      at: NOON,
    },
    nanos('100'),
  );
}

let now = NOON;
const handle = createHandler({
  exposure,
  limits,
  traffic: new Traffic(limits.order),
  scope: { refusal: () => undefined },
  rules: { rejected: () => undefined },
  recorder: { record: () => undefined },
  instruments: createInstruments(createMetrics('risk-manager', { runtime: false })),
  since: () => '',
  now: () => now,
});

const took = new Float64Array(CHECKS);
let seed = 1;
const random = (): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
};

for (let i = -WARM_UP; i < CHECKS; i += 1) {
  now += 1;
  for (let tick = 0; tick < TICKS_BETWEEN; tick += 1) {
    const s = symbols[Math.floor(random() * (tick < 4 ? POSITIONS : KNOWN_SYMBOLS))] ?? '';
    const b = 99_990_000 + Math.floor(random() * 10) * 1_000;
    exposure.mark({ n: 1, s, k: 'q', t: 0, r: 0, b, a: b + 10_000, bs: 1, as: 1 }, now, 15_000);
  }
  // As the feed does after each message.
  exposure.totals();
  const symbol = symbols[Math.floor(random() * POSITIONS)] ?? '';
  exposure.symbol(symbol).markAt = now;
  const id = `check-${i}`;
  const request = {
    type: 'check',
    order: { client_order_id: id, symbol, side: 'buy', type: 'limit', quantity: String(1 + (i & 7)), price: '100.05' },
  };
  const startedAt = process.hrtime.bigint();
  const answer = handle(request);
  const ended = process.hrtime.bigint();
  if (!('allowed' in answer) || !answer.allowed) throw new Error(`the check was answered ${JSON.stringify(answer)}`);
  if (i >= 0) took[i] = Number(ended - startedAt) / 1_000;
  handle({ type: 'release', client_order_id: id });
}

took.sort();
const at = (quantile: number): number => Math.round((took[Math.ceil(quantile * CHECKS) - 1] ?? Number.NaN) * 100) / 100;
const figure = {
  name: 'risk check, in process, p99',
  value: at(0.99),
  unit: 'µs',
  ceiling: PROMISED_US,
  ceiling_name: 'as promised',
  note: `p50 ${at(0.5)} µs, p99.9 ${at(0.999)} µs; ${POSITIONS} positions, ${OPEN_ORDERS} open orders, ${KNOWN_SYMBOLS} symbols, ${CHECKS} checks that are allowed`,
};
process.stdout.write(`${JSON.stringify(figure)}\n`);
