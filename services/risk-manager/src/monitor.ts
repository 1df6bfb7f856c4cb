import type { Breaker } from './breaker/breaker.ts';
import type { BreakerRules, FeedHealth } from './breaker/rules.ts';
import type { Recorder } from './events/recorder.ts';
import { dailyPnl, type Exposure } from './exposure/exposure.ts';
import { heldExposure, sumOthers } from './exposure/totals.ts';
import type { Instruments } from './instruments.ts';
import type { CompiledLimits } from './limits/compile.ts';
import { attosText, percentText, reachesPercent, usd, type Attos } from './units.ts';

export interface MonitorOptions {
  exposure: Exposure;
  limits: CompiledLimits;
  breaker: Pick<Breaker, 'tripAutomatically' | 'resume'>;
  rules: Pick<BreakerRules, 'cause'>;
  feed: () => FeedHealth;
  recorder: Pick<Recorder, 'record'>;
  instruments: Instruments;
  now: () => number;
}

const asNumber = (value: Attos): number => Number(attosText(value));

/** Looks at limits that time and prices move, not orders: trips the breaker, warns ahead of it, and sets the gauges. */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #warned = new Set<string>();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  run(): void {
    const { breaker, exposure, feed, limits, now, rules } = this.#options;
    const cause = exposure.state === undefined ? undefined : rules.cause(exposure, feed(), now());
    if (cause !== undefined) breaker.tripAutomatically(cause.code, cause.message, limits.breaker.trip_state);
    else if (exposure.state !== undefined && exposure.state !== 'ACTIVE') void breaker.resume();
    this.#warn();
    this.#measure();
  }

  /** Once on the way up; again only after it was below. */
  #warn(): void {
    const { exposure, limits } = this.#options;
    const { gross } = sumOthers(exposure, undefined);
    this.#warnIf(
      'WARN_GROSS_EXPOSURE',
      reachesPercent(gross, limits.position.gross, limits.monitoring.exposureWarning),
      () =>
        `gross exposure with open orders is ${usd(gross)}, above ${percentText(limits.monitoring.exposureWarning)} % of the limit of ${usd(limits.position.gross)}`,
    );
    const open = exposure.totals().pnl;
    const losses: [code: string, what: string, lost: Attos, limit: Attos][] = [
      ['WARN_DAILY_LOSS', 'today’s loss', -(exposure.realizedToday + open), limits.loss.daily],
      ['WARN_WEEKLY_LOSS', 'the loss since Monday', -(exposure.realizedWeek + open), limits.loss.weekly],
      ['WARN_MONTHLY_LOSS', 'the loss of this month', -(exposure.realizedMonth + open), limits.loss.monthly],
    ];
    for (const [code, what, lost, limit] of losses) {
      this.#warnIf(
        code,
        lost > 0n && reachesPercent(lost, limit, limits.monitoring.lossWarning),
        () =>
          `${what} is ${usd(lost)}, above ${percentText(limits.monitoring.lossWarning)} % of the limit of ${usd(limit)}`,
      );
    }
  }

  #warnIf(code: string, hit: boolean, message: () => string): void {
    if (!hit) this.#warned.delete(code);
    else if (!this.#warned.has(code)) {
      this.#warned.add(code);
      this.#options.recorder.record({ kind: 'warning', code, message: message() });
    }
  }

  #measure(): void {
    const { exposure, instruments } = this.#options;
    const held = heldExposure(exposure);
    instruments.gross.set(asNumber(held.gross));
    instruments.net.set(asNumber(held.net));
    instruments.dailyPnl.set(asNumber(dailyPnl(exposure).total));
    const open = exposure.totals().pnl;
    instruments.weeklyPnl.set(asNumber(exposure.realizedWeek + open));
    instruments.monthlyPnl.set(asNumber(exposure.realizedMonth + open));
    instruments.trades.set(exposure.tradesToday);
    const { claimed, standing } = exposure.funds;
    if (standing !== undefined) instruments.buyingPower.set(asNumber(standing.buyingPower - claimed));
    instruments.streak.set(exposure.lossStreak);
    instruments.reservations.set(exposure.reservations.size);
    for (const state of ['ACTIVE', 'REDUCING', 'HALTED'] as const) {
      instruments.state.set({ state }, (exposure.state ?? 'HALTED') === state ? 1 : 0);
    }
    const { equity } = exposure;
    if (equity === undefined) return;
    instruments.equity.set(asNumber(equity.current));
    instruments.drawdown.set(equity.peak <= 0n ? 0 : (1 - asNumber(equity.current) / asNumber(equity.peak)) * 100);
  }
}
