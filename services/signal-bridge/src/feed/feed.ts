import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@papergate/config';
import type { Envelope, Heartbeat, Tick } from '@papergate/service-kit';

/** A page of `GET /api/v1/ticks` of market-data; undefined where it does not know the epoch. */
export interface TickPage {
  oldest: number;
  last: number;
  ticks: Tick[];
}
export type FetchTicks = (epoch: string, after: number, limit: number) => Promise<TickPage | undefined>;

export interface FeedOptions {
  fetchTicks: FetchTicks;
  /** Every tick once, in the order of its number. */
  onTick: (tick: Tick) => void;
  /** What comes next does not follow what was: market-data started anew, or ticks are gone for good. */
  onReset: (reason: 'epoch' | 'missed', detail: string) => void;
  onRepaired?: (ticks: number) => void;
  onMissed?: (ticks: number) => void;
  /** Ticks that had been seen already. */
  onDuplicate?: (ticks: number) => void;
  retryDelaysMs?: readonly number[];
}

const PAGE = 10_000;
const RETRY_DELAYS_MS = [50, 200, 500, 1_000];

/**
 * Turns what arrives on the bus into the tape as market-data numbered it: duplicates are dropped, and what
 * is missing is fetched before anything newer is handed on. Only one message is handled at a time (the
 * subscriber awaits it), so order needs no further care.
 *
 * At its very first message it joins the tape where it is; nothing older is asked for.
 */
export class TickFeed {
  readonly #options: FeedOptions;
  #epoch: string | undefined;
  #n = 0;
  #closed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Number of the last tick handed on. */
  get n(): number {
    return this.#n;
  }

  /** Ends a repair that is under way, at the next answer; nothing is handed on any more. */
  close(): void {
    this.#closed = true;
  }

  async onTicks({ epoch, data: ticks }: Envelope<Tick[]>): Promise<void> {
    const [first] = ticks;
    if (first === undefined) return;
    await this.#enter(epoch, first.n - 1);
    if (first.n > this.#n + 1) await this.#repair(epoch, first.n - 1);
    if (this.#closed) return;
    let duplicates = 0;
    for (const tick of ticks) {
      if (tick.n <= this.#n) {
        duplicates += 1;
        continue;
      }
      this.#n = tick.n;
      this.#options.onTick(tick);
    }
    if (duplicates > 0) this.#options.onDuplicate?.(duplicates);
  }

  /** A heartbeat comes after every tick up to its number: a higher number means that the last ones were lost. */
  async onHeartbeat({ epoch, data }: Envelope<Heartbeat>): Promise<void> {
    await this.#enter(epoch, data.n);
    if (data.n > this.#n) await this.#repair(epoch, data.n);
  }

  /** In a new epoch numbering begins at 1, and so does what is asked for. */
  async #enter(epoch: string, joinAt: number): Promise<void> {
    if (epoch === this.#epoch) return;
    const before = this.#epoch;
    this.#epoch = epoch;
    this.#n = before === undefined ? joinAt : 0;
    if (before !== undefined) this.#options.onReset('epoch', `market-data numbers anew: ${before} → ${epoch}`);
  }

  async #repair(epoch: string, until: number): Promise<void> {
    const begin = this.#n;
    let missed = 0;
    let why = '';
    while (this.#n < until) {
      const page = await this.#fetch(epoch);
      if (this.#closed) return;
      if (typeof page === 'string' || page === undefined || page.ticks.length === 0) {
        why = typeof page === 'string' ? page : 'market-data no longer has them';
        missed += until - this.#n;
        this.#n = until;
        break;
      }
      for (const tick of page.ticks) {
        if (tick.n > until) break;
        if (tick.n <= this.#n) continue;
        if (tick.n > this.#n + 1) {
          const gone = tick.n - this.#n - 1;
          missed += gone;
          this.#n += gone;
          this.#options.onReset('missed', `${gone} ticks are older than what market-data keeps`);
        }
        this.#n = tick.n;
        this.#options.onTick(tick);
      }
    }
    if (why !== '') this.#options.onReset('missed', `${missed} ticks before ${until + 1}: ${why}`);
    if (missed > 0) this.#options.onMissed?.(missed);
    const repaired = until - begin - missed;
    if (repaired > 0) this.#options.onRepaired?.(repaired);
  }

  /** A page, or the reason why there is none after every retry. */
  async #fetch(epoch: string): Promise<TickPage | undefined | string> {
    const delays = this.#options.retryDelaysMs ?? RETRY_DELAYS_MS;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#options.fetchTicks(epoch, this.#n, PAGE);
      } catch (error) {
        const wait = delays[attempt];
        if (wait === undefined || this.#closed) return messageOf(error);
        await delay(wait);
      }
    }
  }
}
