import { Worker } from 'node:worker_threads';
import type { StrategyConfig } from '@papergate/config';
import type { Beats } from './beat.ts';
import type { WatchOrder } from './watch.ts';

export { Beats, type Beat } from './beat.ts';
export { recordStop, stopsOf } from './stops.ts';
export { watchStrategies, type WatchOrder } from './watch.ts';

export interface WatchdogOptions {
  /** The program that the thread runs: one that calls {@link watchStrategies} where it is no main thread. */
  entry: string;
  everyMs?: number;
  /** A call that was seen so often in a row never ends. */
  looks?: number;
}

const EVERY_MS = 500;
/** The guard stops a strategy after one call of a second; here it is about calls that never come back. */
const LOOKS = 10;

/** Built-in strategies were looked at with the rest of the service; a watchdog is for code that others bring. */
export const needsWatchdog = (strategies: readonly StrategyConfig[]): boolean =>
  strategies.some(({ plugin }) => plugin !== undefined);

/** Starts the thread that watches this one. */
export function startWatchdog(
  beats: Beats,
  order: Pick<WatchOrder, 'strategies' | 'databaseUrl' | 'release'>,
  { entry, everyMs = EVERY_MS, looks = LOOKS }: WatchdogOptions,
): Worker {
  const workerData: WatchOrder = { ...order, shared: beats.shared, everyMs, looks };
  // What it is told goes to it alone: no environment, no arguments.
  const worker = new Worker(entry, { workerData, env: {}, argv: [] });
  worker.unref();
  return worker;
}
