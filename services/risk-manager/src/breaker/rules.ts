import { lossCause } from '../check/rules/loss.ts';
import { RateWindow } from '../check/rate-window.ts';
import { worstQuantity, type Exposure } from '../exposure/exposure.ts';
import type { CompiledLimits } from '../limits/compile.ts';

export interface Cause {
  code: string;
  message: string;
}

/** What is known of market data. */
export interface FeedHealth {
  /** ms since 1970 of the last message of market-data itself; undefined before the first. */
  lastSeen: number | undefined;
  /** ms since 1970 since when market-data has had no connection to its source; undefined while it has one. */
  disconnectedSince: number | undefined;
}

const MINUTE_MS = 60_000;

/** When the breaker trips by itself. */
export class BreakerRules {
  readonly #limits: CompiledLimits;
  readonly #rejects: RateWindow;

  constructor(limits: CompiledLimits) {
    this.#limits = limits;
    // One more than the limit within a minute is one too many.
    this.#rejects = new RateWindow(limits.breaker.max_rejects_per_minute + 1);
  }

  /** A refusal here or a rejection by the broker. */
  rejected(now: number): void {
    this.#rejects.add(now);
  }

  /** After a reset: what led to the trip has been looked at. */
  clear(): void {
    this.#rejects.clear();
  }

  /** The first limit that is hit; undefined while none is, or while the breaker is switched off. */
  cause(exposure: Exposure, feed: FeedHealth, now: number): Cause | undefined {
    const { breaker, loss } = this.#limits;
    if (!breaker.enabled) return undefined;
    const lost = lossCause(exposure, loss);
    if (lost !== undefined) return lost;
    if (this.#rejects.full(now, MINUTE_MS)) {
      return {
        code: 'RISK_REJECT_RATE',
        message: `more than ${breaker.max_rejects_per_minute} orders were refused or rejected within a minute`,
      };
    }
    return this.#stale(exposure, feed, now);
  }

  /**
   * Blind with something at stake. Without a position or an open order there is nothing that could be lost,
   * and new market orders are refused for want of a price anyway.
   */
  #stale(exposure: Exposure, feed: FeedHealth, now: number): Cause | undefined {
    const { breaker } = this.#limits;
    const atStake = [...exposure.symbols.values()].filter((symbol) => worstQuantity(symbol) !== 0n);
    if (atStake.length === 0) return undefined;
    const allowed = breaker.max_stale_data_ms;
    const silent = feed.lastSeen === undefined ? undefined : now - feed.lastSeen;
    if (silent !== undefined && silent > allowed) {
      return {
        code: 'RISK_STALE_DATA',
        message: `market-data has been silent for ${silent} ms with positions or orders open, allowed: ${allowed} ms`,
      };
    }
    const cut = feed.disconnectedSince === undefined ? undefined : now - feed.disconnectedSince;
    if (cut !== undefined && cut > allowed) {
      return {
        code: 'RISK_STALE_DATA',
        message: `market-data has been cut off from its source for ${cut} ms with positions or orders open, allowed: ${allowed} ms`,
      };
    }
    return undefined;
  }
}
