import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool } from '@papergate/service-kit';
import { messageOf, Secret } from '@papergate/config';
import { Beats, Patrol } from './beat.ts';
import { recordStop, type StrategyStop } from './stops.ts';

/** What the watchdog's thread is given; it is read by that thread alone. */
export interface WatchOrder {
  shared: SharedArrayBuffer;
  /** In the order of the configuration. */
  strategies: readonly string[];
  databaseUrl: string;
  release: string;
  everyMs: number;
  looks: number;
}

/** Longer than this the process does not stand still for the sake of the record. */
const RECORD_MS = 5_000;

/**
 * Looks at who has the strategies' thread, from a thread of its own. Where a call never ends, it writes down whose it is and
 * ends the process, since nothing in it can go on: whoever watches over it starts it anew, without that strategy.
 */
export function watchStrategies(order: WatchOrder): void {
  const patrol = new Patrol(new Beats(order.shared), order.looks);
  const timer = setInterval(() => {
    const index = patrol.look();
    if (index === undefined) return;
    clearInterval(timer);
    void end(order, order.strategies[index] ?? '');
  }, order.everyMs);
}

async function end(order: WatchOrder, strategy: string): Promise<void> {
  const detail = `one call did not come to its end in ${(order.everyMs * order.looks) / 1000} s`;
  const kept = await record(order, { strategy, detail });
  // Past the logger, which lives in the thread that is held up, and at once.
  const line = { level: 60, time: new Date().toISOString(), service: 'signal-bridge', release: order.release };
  const msg = 'a strategy holds up everything; the process ends, and is started anew without it';
  writeSync(1, `${JSON.stringify({ ...line, code: 'STRATEGY_STUCK', strategy, detail, kept, msg })}\n`);
  process.kill(process.pid, 'SIGKILL');
}

async function record({ databaseUrl, release }: WatchOrder, stop: StrategyStop): Promise<string> {
  try {
    const pool = createPool({
      url: new Secret(databaseUrl),
      poolSize: 1,
      applicationName: 'signal-bridge watchdog',
      onError: () => undefined,
    });
    return await Promise.race([
      recordStop(pool, release, stop).then(() => 'in strategy_stops'),
      delay(RECORD_MS, `not: the database took longer than ${RECORD_MS} ms`),
    ]);
  } catch (error) {
    return `not: ${messageOf(error)}`;
  }
}
