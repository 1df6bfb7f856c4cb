import type { Exchange } from './exchange.ts';
import { EventClock } from './clock/clock.ts';
import { fromNewYork } from './clock/new-york.ts';
import { findLeanFiles, type LeanFile } from './market/lean-files.ts';
import { Replay, type ReplayWindow } from './market/replay.ts';
import { syntheticSource } from './market/synthetic.ts';
import type { MarketSource } from './market/source.ts';

/** Bytes that may wait at a data client before a replay pauses. */
const REPLAY_BACKLOG_BYTES = 1024 * 1024;

/** The files of a replay, the symbols that they hold, and the clock that stands at their first day. */
export async function openReplay(paths: readonly string[]) {
  const files = await findLeanFiles(paths);
  const first = files[0] as LeanFile;
  return {
    files,
    symbols: [...new Set(files.map(({ symbol }) => symbol))],
    clock: new EventClock(fromNewYork(first.date, 0)),
  };
}

export function replaySource(
  exchange: Exchange,
  options: ReplayWindow & { files: readonly LeanFile[]; autostart: boolean; onFailure?: (error: unknown) => void },
): MarketSource {
  return new Replay({
    ...options,
    publish: (ticks) => exchange.publish(ticks),
    prepare: (tick) => exchange.prepare(tick),
    wanted: () => exchange.data.wanted,
    drained: () => exchange.data.drained(REPLAY_BACKLOG_BYTES),
  });
}

export function randomSource(
  exchange: Exchange,
  options: { symbols: readonly string[]; seed: number; ticksPerSecond: number },
): MarketSource {
  return syntheticSource({
    ...options,
    now: () => exchange.clock.now(),
    publish: (ticks) => exchange.publish(ticks),
  });
}
