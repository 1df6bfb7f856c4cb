import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EventClock, seededRandom, type LedgerEntry, type MarketTick } from '@papergate/paper-exchange/backtest';
import { startExchange } from '@papergate/paper-exchange/testing';
import { loadStrategies } from '@papergate/signal-bridge/backtest';
import { CONDITIONS, MOMENTUM, run, TickFolder, walk } from './testing.ts';

let folder: TickFolder;
beforeAll(() => {
  folder = new TickFolder();
});
afterAll(() => folder.remove());

type Step = { tick: MarketTick } | { order: Readonly<Record<string, unknown>>; at: number };

/** Plays what the backtest's exchange saw to an exchange that runs as a server: its market moves, orders come over REST. */
async function overRest(steps: readonly Step[]): Promise<LedgerEntry[]> {
  const first = steps[0] !== undefined && 'tick' in steps[0] ? steps[0].tick.time : 0;
  const clock = new EventClock(first);
  const server = await startExchange({ clock, symbols: ['AAPL'], startingCash: 100_000, hours: 'regular' });
  try {
    for (const step of steps) {
      if ('tick' in step) {
        server.exchange.publish([step.tick]);
        continue;
      }
      clock.advanceTo(step.at);
      await fetch(`${server.url}/v2/orders`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'apca-api-key-id': server.key,
          'apca-api-secret-key': server.secret,
        },
        body: JSON.stringify(step.order),
      });
    }
    const { entries } = (await server.sim('GET', '/sim/ledger?limit=10000')) as { entries: LedgerEntry[] };
    return entries;
  } finally {
    await server.close();
  }
}

test('what the backtest’s exchange fills, one that runs as a server fills for the same orders over REST', async () => {
  const random = seededRandom(11);
  let usd = 100;
  const prices = Array.from(
    { length: 150 },
    () => (usd = Math.round(usd * (1 + (random() - 0.5) * 0.004) * 100) / 100),
  );
  const rows = walk(prices).map((row) => ({ ...row, size: 1 + Math.floor(random() * 15) }));
  const steps: Step[] = [];
  const report = await run(folder.tape(rows), await loadStrategies([MOMENTUM]), {
    conditions: { ...CONDITIONS, jitterMs: 900 },
    onExchange: (step) => void steps.push(step),
  });
  const orders = steps.filter((step) => 'order' in step);
  expect(orders.length).toBeGreaterThan(20);

  const fills = (await overRest(steps)).filter((entry) => entry.kind === 'fill');
  expect(
    fills.map(({ client_order_id, symbol, side, qty, price, realized_pl }) => [
      client_order_id,
      symbol,
      side,
      qty,
      price,
      realized_pl,
    ]),
  ).toEqual(
    report.fills.map(({ client_order_id, symbol, side, quantity, price, realized_pnl }) => [
      client_order_id,
      symbol,
      side,
      quantity,
      price,
      realized_pnl,
    ]),
  );
  expect(fills.length).toBeGreaterThan(orders.length);
});
