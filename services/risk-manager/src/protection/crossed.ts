import { markOf, type SymbolExposure } from '../exposure/exposure.ts';
import type { CompiledLimits } from '../limits/compile.ts';
import type { Nanos } from '../units.ts';

/** What a position has crossed. */
export type Trigger = 'stop_loss' | 'trailing_stop' | 'take_profit';

const PERCENT_UNITS = 100_000_000n;

/**
 * Whether a position's mark has crossed its stop or its target. `best` is the most favourable mark since the
 * position was opened, which a trailing stop is measured from. A level that is reached counts as crossed.
 */
export function crossed(
  symbol: SymbolExposure,
  best: Nanos,
  limits: Pick<CompiledLimits, 'stopLoss' | 'takeProfit'>,
): Trigger | undefined {
  const mark = markOf(symbol);
  if (mark === undefined || symbol.quantity === 0n || symbol.averagePrice === 0n) return undefined;
  const long = symbol.quantity > 0n;
  const { stopLoss, takeProfit } = limits;
  const against = (from: Nanos): Nanos => (long ? from - mark : mark - from);
  const base = stopLoss.trailing ? best : symbol.averagePrice;
  if (stopLoss.enabled && against(base) * PERCENT_UNITS >= base * stopLoss.percent) {
    return stopLoss.trailing ? 'trailing_stop' : 'stop_loss';
  }
  const gain = -against(symbol.averagePrice);
  if (takeProfit.enabled && gain * PERCENT_UNITS >= symbol.averagePrice * takeProfit.percent) return 'take_profit';
  return undefined;
}
