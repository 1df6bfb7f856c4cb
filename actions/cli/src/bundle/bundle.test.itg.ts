import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findRecordedDay } from './recorded-day.ts';
import { compareTicks, replayThroughBundle } from './replay.ts';
import { startBundle } from './start.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const day = findRecordedDay(ROOT, process.env['PAPERGATE_TICKS']);
// Said by the runner: the day is nobody's to ship, so a machine may not have it.
const whereThereIsADay = day === undefined ? test.skip : test;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'papergate-bundle-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('the whole bundle', () => {
  test('keeps every tick of a burst, from the exchange to the database', async () => {
    const bundle = await startBundle({
      root: ROOT,
      home,
      configure: (system) => {
        system.exchange.ticks_per_second = 1;
      },
    });
    try {
      const { symbols } = bundle.system;
      for (let batch = 0; batch < 10; batch += 1) {
        const ticks = Array.from({ length: 5_000 }, (_, at) => {
          const cents = 10_000 + ((batch * 5_000 + at) % 997);
          const symbol = symbols[at % symbols.length];
          return at % 2 === 0
            ? { symbol, price: (cents / 100).toFixed(2), size: 1 + (at % 7) }
            : { symbol, bid: (cents / 100).toFixed(2), bid_size: 2, ask: ((cents + 1) / 100).toFixed(2), ask_size: 3 };
        });
        const response = await fetch(`${bundle.urls['paper-exchange']}/sim/ticks`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(ticks),
        });
        expect(response.status).toBe(200);
      }
      // The synthetic market goes on, once a second: between two of its ticks all three places agree.
      let compared = await compareTicks(bundle.urls);
      for (let tries = 0; compared.lost.length > 0 && tries < 100; tries += 1) {
        await delay(150);
        compared = await compareTicks(bundle.urls);
      }
      expect(compared.lost).toEqual([]);
      expect(compared.ticks).toBeGreaterThanOrEqual(50_000);
    } finally {
      await bundle.stop();
    }
  }, 240_000);

  whereThereIsADay(
    'keeps every tick of the recorded day, as fast as it takes them, and trades on them',
    async () => {
      const { path, symbols } = day as NonNullable<typeof day>;
      const lines: string[] = [];
      const proof = await replayThroughBundle({
        root: ROOT,
        home,
        paths: [path],
        symbols,
        speed: 0,
        progress: (line) => lines.push(line),
      });
      console.log(
        `recorded day: ${proof.ticks} ticks in ${proof.stored_seconds.toFixed(1)} s (${Math.round(proof.ticks_per_second)}/s, tests beside it), largest backlog ${proof.largest_backlog}`,
      );
      expect(proof.differences).toEqual([]);
      expect(proof.ticks).toBeGreaterThan(1_000_000);
      expect(proof.signals).toBeGreaterThan(0);
      expect(proof.fills).toBeGreaterThan(0);
    },
    600_000,
  );
});
