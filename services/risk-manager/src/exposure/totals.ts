import { abs, type Attos } from '../units.ts';
import { valuationPrice, worstQuantity, type Exposure } from './exposure.ts';

export interface Totals {
  gross: Attos;
  /** Net value when every open buy, and no sell, is filled; and the reverse. */
  high: Attos;
  low: Attos;
  /** Symbols that are held or ordered. */
  open: number;
}

/** All symbols but one, each at its worst. */
export function sumOthers(exposure: Exposure, except: string | undefined): Totals {
  const totals: Totals = { gross: 0n, high: 0n, low: 0n, open: 0 };
  for (const symbol of exposure.symbols.values()) {
    if (symbol.symbol === except) continue;
    const worst = worstQuantity(symbol);
    if (worst === 0n) continue;
    const price = valuationPrice(symbol);
    totals.gross += worst * price;
    totals.high += (symbol.quantity + symbol.buys) * price;
    totals.low += (symbol.quantity - symbol.sells) * price;
    totals.open += 1;
  }
  return totals;
}

/** Held positions at their marks: absolute and signed sum. */
export function heldExposure(exposure: Exposure): { gross: Attos; net: Attos; open: number } {
  const held = { gross: 0n, net: 0n, open: 0 };
  for (const symbol of exposure.symbols.values()) {
    if (symbol.quantity === 0n) continue;
    const value = symbol.quantity * valuationPrice(symbol);
    held.gross += abs(value);
    held.net += value;
    held.open += 1;
  }
  return held;
}
