import { formatMoney, toRfc3339 } from '@papergate/paper-exchange/backtest';
import type { EquityPoint } from '../types.ts';
import { percentOf } from './statistics.ts';

/** More than a plot has room for. */
const MOST_POINTS = 500;

interface Point {
  /** µs since 1970. */
  at: number;
  /** Femtos (10⁻¹⁵ USD). */
  equity: bigint;
  /** The deepest of the looks that this point stands for, and the highest value before it. */
  down: bigint;
  peak: bigint;
}

/**
 * The equity over time, in at most 500 points however long it goes on: where there are too many, every two become one,
 * with the later equity and the deeper fall. Each point stands for as many looks as any other.
 */
export class EquityCurve {
  #points: Point[] = [];
  #peak: bigint;
  #looksAPoint = 1;
  #pending: Point | undefined;
  #looks = 0;

  constructor(startingCash: bigint) {
    this.#peak = startingCash;
  }

  see(at: number, equity: bigint): void {
    if (equity > this.#peak) this.#peak = equity;
    const point = { at, equity, down: this.#peak - equity, peak: this.#peak };
    this.#pending = this.#pending === undefined ? point : merged(this.#pending, point);
    this.#looks += 1;
    if (this.#looks < this.#looksAPoint) return;
    this.#points.push(this.#pending);
    this.#pending = undefined;
    this.#looks = 0;
    if (this.#points.length === MOST_POINTS) this.#halve();
  }

  #halve(): void {
    const halved: Point[] = [];
    for (let at = 0; at < this.#points.length; at += 2) {
      const [one, two] = [this.#points[at], this.#points[at + 1]];
      if (one !== undefined) halved.push(two === undefined ? one : merged(one, two));
    }
    this.#points = halved;
    this.#looksAPoint *= 2;
  }

  points(): EquityPoint[] {
    const all = this.#pending === undefined ? this.#points : [...this.#points, this.#pending];
    return all.map(({ at, equity, down, peak }) => ({
      at: toRfc3339(at),
      equity: formatMoney(equity),
      drawdown_percent: percentOf(down, peak),
    }));
  }
}

/** Of two falls the deeper one, as a part of what was there before it. */
const merged = (one: Point, two: Point): Point =>
  one.down * two.peak > two.down * one.peak ? { ...two, down: one.down, peak: one.peak } : two;
