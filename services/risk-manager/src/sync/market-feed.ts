import type { Envelope, Heartbeat, ServiceClient, Tick } from '@papergate/service-kit';
import { toMicros } from '@papergate/service-kit';
import type { FeedHealth } from '../breaker/rules.ts';
import type { Exposure } from '../exposure/exposure.ts';

interface SnapshotSymbol {
  bid: string | null;
  ask: string | null;
  price: string | null;
  quote_time: string | null;
  trade_time: string | null;
}

/** Marks out of market-data's ticks, and what is known of market-data itself. */
export class MarketFeed {
  readonly #exposure: Exposure;
  readonly #freshMs: number;
  readonly #now: () => number;
  #lastSeen: number | undefined;
  #disconnectedSince: number | undefined;

  constructor(exposure: Exposure, freshMs: number, now: () => number) {
    this.#exposure = exposure;
    this.#freshMs = freshMs;
    this.#now = now;
  }

  take(topic: string, message: Envelope<unknown>): void {
    const at = this.#now();
    this.#lastSeen = at;
    if (topic === 'tick') {
      for (const tick of message.data as Tick[]) this.#exposure.mark(tick, at, this.#freshMs);
      // Now, so that the next check does not have to.
      this.#exposure.totals();
    } else if (topic === 'heartbeat') {
      const { upstream } = message.data as Heartbeat;
      if (upstream === 'disconnected') this.#disconnectedSince ??= at;
      else this.#disconnectedSince = undefined;
    }
  }

  health(): FeedHealth {
    return { lastSeen: this.#lastSeen, disconnectedSince: this.#disconnectedSince };
  }

  /** What market-data knew before this process listened. A price is as old as it is; one without a time says nothing of its age. */
  async readSnapshot(marketData: Pick<ServiceClient, 'get'>): Promise<void> {
    const { status, body } = await marketData.get('/api/v1/snapshot', { timeoutMs: 2_000 });
    if (status !== 200) return;
    for (const [name, found] of Object.entries((body as { symbols?: Record<string, SnapshotSymbol> }).symbols ?? {})) {
      const symbol = this.#exposure.symbol(name);
      if (symbol.markAt !== undefined) continue;
      const times = [found.quote_time, found.trade_time].flatMap((text) => (text === null ? [] : [Date.parse(text)]));
      const at = Math.min(Math.max(...times), this.#now());
      if (!Number.isFinite(at)) continue;
      const [bid, ask, last] = [found.bid, found.ask, found.price].map((text) =>
        text === null ? 0 : toMicros(text),
      ) as [number, number, number];
      this.#exposure.setMark(name, { bid, ask, last }, at);
    }
  }
}
