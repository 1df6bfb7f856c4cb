import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import type { Pool, ServiceClient } from '@papergate/service-kit';
import { readAccount } from '../account/account.ts';
import type { Equity, Exposure } from '../exposure/exposure.ts';
import { attos, attosText, max } from '../units.ts';

export interface EquityDay {
  day: string;
  equity: Equity;
}

export interface EquityStore {
  /** The newest row; undefined in a fresh database. */
  latest(): Promise<EquityDay | undefined>;
  save(day: EquityDay): Promise<void>;
}

export function createEquityStore(pool: Pool): EquityStore {
  return {
    async latest() {
      const { rows } = await pool.query<{ day: string; opening: string; peak: string; last: string }>(
        'SELECT day::text, opening::text, peak::text, last::text FROM equity_days ORDER BY day DESC LIMIT 1',
      );
      const row = rows[0];
      if (row === undefined) return undefined;
      return { day: row.day, equity: { opening: attos(row.opening), peak: attos(row.peak), current: attos(row.last) } };
    },
    async save({ day, equity }) {
      await pool.query(
        `INSERT INTO equity_days (day, opening, peak, last) VALUES ($1::date, $2, $3, $4)
         ON CONFLICT (day) DO UPDATE SET peak = excluded.peak, last = excluded.last, updated_at = now()`,
        [day, attosText(equity.opening), attosText(equity.peak), attosText(equity.current)],
      );
    },
  };
}

export interface EquityWatchOptions {
  engine: Pick<ServiceClient, 'get'>;
  store: EquityStore;
  exposure: Exposure;
  day: (ms: number) => string;
  logger: Pick<Logger, 'info' | 'warn'>;
  now: () => number;
  /** How much older than the question the engine's answer may be, ms: it keeps one for a while. */
  lagMs: number;
}

/**
 * The account's equity, which percent limits are percents of: the broker's, asked of execution-engine; while
 * that does not answer, the last one that was stored. The day's opening is the last equity of the day before.
 */
export class EquityWatch {
  readonly #options: EquityWatchOptions;
  #day: string | undefined;
  #loaded = false;
  #lastAt: number | undefined;
  #complained = false;

  constructor(options: EquityWatchOptions) {
    this.#options = options;
  }

  /** ms since 1970 of the broker's last answer. */
  get askedAt(): number | undefined {
    return this.#lastAt;
  }

  /** One look at the broker. Never rejects: what is known stays in force. */
  async refresh(): Promise<void> {
    const { engine, exposure, lagMs, logger, now } = this.#options;
    try {
      if (!this.#loaded) await this.#load();
      const askedAt = now();
      const { status, body } = await engine.get('/account', { timeoutMs: 3_000 });
      const { equity, standing } = readAccount(status, body);
      if (standing !== undefined) exposure.funds.observe(standing, askedAt - lagMs);
      await this.#observe(equity, now());
      if (this.#complained) logger.info('the account’s equity is known again');
      this.#complained = false;
    } catch (error) {
      if (!this.#complained)
        logger.warn(
          { reason: messageOf(error) },
          'the account’s equity cannot be asked for; the last known one stays in force',
        );
      this.#complained = true;
    }
  }

  /** Drawdown is counted anew from here: somebody has looked at it. */
  async rebase(): Promise<void> {
    const { exposure, store } = this.#options;
    const { equity } = exposure;
    if (equity === undefined || this.#day === undefined) return;
    exposure.equity = { ...equity, peak: equity.current };
    await store.save({ day: this.#day, equity: exposure.equity }).catch(() => undefined);
  }

  async #load(): Promise<void> {
    const { exposure, store } = this.#options;
    const stored = await store.latest();
    if (stored !== undefined && exposure.equity === undefined) {
      exposure.equity = stored.equity;
      this.#day = stored.day;
    }
    this.#loaded = true;
  }

  async #observe(current: bigint, at: number): Promise<void> {
    const { day, exposure, store } = this.#options;
    const today = day(at);
    const before = exposure.equity;
    const opening = before === undefined ? current : this.#day === today ? before.opening : before.current;
    const equity = { current, opening, peak: max(before?.peak ?? current, current) };
    exposure.equity = equity;
    this.#day = today;
    this.#lastAt = at;
    await store.save({ day: today, equity });
  }
}
