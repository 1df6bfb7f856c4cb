import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@papergate/config';
import type { Tick } from '@papergate/service-kit';
import { runsOf, type Range } from './ranges.ts';

export interface TickCollector {
  /** Ticks in ascending order, as the bus brings them. Await it: it holds the bus back while the store is full. */
  accept(epoch: string, ticks: readonly Tick[]): Promise<void>;
  /** The number of the last tick that market-data has published, once a second. */
  heartbeat(epoch: string, n: number): Promise<void>;
  /** The epoch that is being collected, and the number that is expected next. */
  readonly position: { epoch: string; next: number } | undefined;
  close(): void;
}

export interface TickCollectorOptions {
  /** What of an epoch is stored already. Throws while the database cannot be asked. */
  stored: (epoch: string) => Promise<{ last: number; missing: Range[] }>;
  write: (epoch: string, ticks: readonly Tick[]) => Promise<void>;
  repair: (epoch: string, range: Range) => void;
  onTicks?: (ticks: readonly Tick[]) => void;
  onGap?: (epoch: string, range: Range) => void;
  onError?: (message: string) => void;
  retryMs?: number;
}

/**
 * Sees to it that every number of an epoch, from 1 on, is written once: what comes is written, what is jumped
 * over is repaired, what has been there is left out. Also after a restart in the middle of an epoch, and also
 * for the very last ticks, of which only the heartbeat tells.
 */
export function createTickCollector(options: TickCollectorOptions): TickCollector {
  const { stored, write, repair, retryMs = 500 } = options;
  let position: { epoch: string; next: number } | undefined;
  /** Number that the heartbeat before told: what it counts has had a second to arrive. */
  let beat = 0;
  const closing = new AbortController();

  async function begin(epoch: string): Promise<{ epoch: string; next: number }> {
    for (;;) {
      try {
        const { last, missing } = await stored(epoch);
        for (const range of missing) repair(epoch, range);
        beat = 0;
        position = { epoch, next: last + 1 };
        return position;
      } catch (error) {
        options.onError?.(messageOf(error));
        await delay(retryMs, undefined, { signal: closing.signal });
      }
    }
  }

  const at = async (epoch: string): Promise<{ epoch: string; next: number }> =>
    position?.epoch === epoch ? position : begin(epoch);

  function jump(place: { epoch: string; next: number }, to: number): void {
    const range: Range = [place.next, to];
    options.onGap?.(place.epoch, range);
    repair(place.epoch, range);
    place.next = to + 1;
  }

  return {
    get position() {
      return position;
    },
    async accept(epoch, ticks) {
      const place = await at(epoch);
      const fresh = ticks.length > 0 && ticks[0]!.n >= place.next ? ticks : ticks.filter(({ n }) => n >= place.next);
      for (const run of consecutive(fresh) ? [fresh] : runsOf(fresh)) {
        const first = run[0]?.n;
        if (first === undefined) continue;
        if (first > place.next) jump(place, first - 1);
        place.next = first + run.length;
        options.onTicks?.(run);
        await write(epoch, run);
      }
    },
    async heartbeat(epoch, n) {
      const place = await at(epoch);
      if (beat >= place.next) jump(place, beat);
      beat = n;
    },
    close: () => closing.abort(),
  };
}

/** True where the first and last number say that none is missing between, which is so unless something is very wrong. */
function consecutive(ticks: readonly Tick[]): boolean {
  return ticks.length === 0 || ticks.at(-1)!.n - ticks[0]!.n === ticks.length - 1;
}
