import { setTimeout as delay } from 'node:timers/promises';
import type { Tick } from '@papergate/service-kit';
import type { TickSource } from './market-data-source.ts';
import { countOf, type Range } from './ranges.ts';

const PAGE = 10_000;

export interface GapRepairer {
  /** Has the numbers fetched and written, in the background. */
  add(epoch: string, range: Range): void;
  /** Numbers that are still to be fetched. */
  readonly open: number;
  close(): Promise<void>;
}

export interface GapRepairerOptions {
  source: TickSource;
  write: (epoch: string, ticks: readonly Tick[]) => Promise<void>;
  onRepaired?: (count: number) => void;
  /** Ticks that nobody has any more. */
  onLost?: (epoch: string, range: Range) => void;
  onError?: (error: unknown) => void;
  retryMs?: number;
}

/**
 * Fetches what the bus did not bring. It works beside the live stream, since rows need no order, and starts at
 * once, since the source keeps only the last million. While the source cannot be asked it tries again for ever.
 */
export function createGapRepairer(options: GapRepairerOptions): GapRepairer {
  const { source, write, retryMs = 1_000 } = options;
  let gaps: { epoch: string; range: Range }[] = [];
  let running: Promise<void> | undefined;
  const closing = new AbortController();

  async function run(): Promise<void> {
    while (gaps.length > 0 && !closing.signal.aborted) {
      const [gap] = gaps as [(typeof gaps)[number]];
      try {
        const rest = await step(gap.epoch, gap.range);
        gaps = rest === undefined ? gaps.slice(1) : [{ epoch: gap.epoch, range: rest }, ...gaps.slice(1)];
      } catch (error) {
        options.onError?.(error);
        await delay(retryMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
    running = undefined;
  }

  /** One page; gives what is left of the range. */
  async function step(epoch: string, range: Range): Promise<Range | undefined> {
    const [from, to] = range;
    const page = await source.page(epoch, from - 1, Math.min(PAGE, to - from + 1));
    if (page === undefined) return lose(epoch, range);
    const ticks = page.ticks.filter(({ n }) => n >= from && n <= to);
    const first = ticks[0]?.n ?? Math.min(page.oldest, to + 1);
    if (first > from) lose(epoch, [from, first - 1]);
    const last = ticks.at(-1)?.n;
    if (last === undefined) {
      // Kept, and yet not in the answer: it would be asked for for ever.
      if (first <= to) lose(epoch, [first, to]);
      return undefined;
    }
    await write(epoch, ticks);
    options.onRepaired?.(ticks.length);
    return last < to ? [last + 1, to] : undefined;
  }

  function lose(epoch: string, range: Range): undefined {
    options.onLost?.(epoch, range);
    return undefined;
  }

  return {
    get open() {
      return gaps.reduce((sum, { range }) => sum + countOf(range), 0);
    },
    add(epoch, range) {
      if (countOf(range) <= 0) return;
      gaps.push({ epoch, range });
      running ??= Promise.resolve().then(run);
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
