import { abs, type Attos } from '../units.ts';
import { valuationPrice, type Exposure, type Totals } from './exposure.ts';

/** All symbols but one, each at its worst. */
export function sumOthers(exposure: Exposure, except: string | undefined): Totals {
  const { gross, high, low, open, pnl } = exposure.totals();
  const share = except === undefined ? undefined : exposure.symbols.get(except)?.share;
  if (share === undefined) return { gross, high, low, open, pnl };
  return {
    gross: gross - share.gross,
    high: high - share.high,
    low: low - share.low,
    open: open - share.open,
    pnl: pnl - share.pnl,
  };
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
