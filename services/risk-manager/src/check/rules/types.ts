import type { Exposure, SymbolExposure, Totals } from '../../exposure/exposure.ts';
import type { CompiledLimits } from '../../limits/compile.ts';
import type { Attos, Nanos } from '../../units.ts';
import type { CheckedOrder, Refusal } from '../order.ts';
import type { Traffic } from '../traffic.ts';

/** What the rules look at, reckoned once for all of them. */
export interface Question {
  order: CheckedOrder;
  /** Of the order's symbol, before it. */
  symbol: SymbolExposure;
  /** Middle of the quote, else the last trade. */
  mark: Nanos | undefined;
  /** What a share is reckoned at: the limit or stop where the mark is lower, else the mark; 0 while nobody knows one. */
  price: Nanos;
  /** The order takes from the position and cannot turn it, whatever else is filled first. */
  shrinks: boolean;
  /** The most shares that the symbol can come to, without the order and with it. */
  worstBefore: Nanos;
  worst: Nanos;
  /** All other symbols, each at its worst. */
  others: Totals;
  /** What the order may take of the buying power. */
  cost: Attos;
  exposure: Exposure;
  limits: CompiledLimits;
  traffic: Traffic;
  /** ms since 1970. */
  now: number;
}

/** One reason for which an order does not go. Pure: it changes nothing and reads no clock. */
export interface Rule {
  name: string;
  refuse(question: Question): Refusal | undefined;
}
