import { formatMoney, formatQty } from '@papergate/paper-exchange/backtest';

const TRADING_MINUTES_A_YEAR = 252 * 390;

export const FORMULAS = {
  total_pnl: 'cash and positions at their last market price, less the starting cash and the fees',
  max_drawdown: 'the largest fall of the equity from its highest value before, looked at once a mark interval',
  sharpe_ratio:
    'mean over sample standard deviation (n − 1) of the equity’s returns of one minute in regular hours, risk-free rate 0, times √(252 · 390) (Sharpe, 1994)',
  turnover: 'prices times quantities of all fills, buys and sells, as a part of the starting cash',
  win_rate: 'trades (from flat to flat, or through it) that brought more than 0 after fees, as a part of all of them',
} as const;

/** Follows the equity: the deepest fall exactly, the returns of minutes for the ratio. Money in femtos (10⁻¹⁵ USD). */
export class Statistics {
  readonly #returns: number[] = [];
  #peak: bigint;
  #minute: bigint | undefined;
  #drawdown = 0n;
  #peakOfDrawdown = 1n;

  constructor(startingCash: bigint) {
    this.#peak = startingCash;
  }

  see(equity: bigint): void {
    if (equity > this.#peak) this.#peak = equity;
    const down = this.#peak - equity;
    if (down <= this.#drawdown) return;
    this.#drawdown = down;
    this.#peakOfDrawdown = this.#peak;
  }

  /** At each full minute in regular hours. */
  minute(equity: bigint): void {
    if (this.#minute !== undefined && this.#minute > 0n) {
      this.#returns.push(Number(((equity - this.#minute) * 10n ** 15n) / this.#minute) / 1e15);
    }
    this.#minute = equity;
  }

  /** The night between is no minute. */
  newDay(): void {
    this.#minute = undefined;
  }

  get maxDrawdown(): string {
    return formatMoney(this.#drawdown);
  }

  get maxDrawdownPercent(): string {
    return percentOf(this.#drawdown, this.#peakOfDrawdown);
  }

  get sharpe(): number | null {
    const { length } = this.#returns;
    if (length < 2) return null;
    const mean = this.#returns.reduce((sum, value) => sum + value, 0) / length;
    const squares = this.#returns.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const deviation = Math.sqrt(squares / (length - 1));
    if (deviation === 0) return null;
    return Number(((mean / deviation) * Math.sqrt(TRADING_MINUTES_A_YEAR)).toFixed(4));
  }
}

/** Percent of a whole as decimal text, cut off after four places. */
export function percentOf(part: bigint, whole: bigint): string {
  if (whole === 0n) return '0';
  return formatQty(((part * 1_000_000n) / whole) * 100_000n);
}
