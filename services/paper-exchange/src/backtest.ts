/** What a backtest runs of the exchange: its books, its money and its readers, without sockets and without a clock of its own. */
export { Account, type Position } from './account/account.ts';
export { accountJson } from './account/views.ts';
export { EventClock } from './clock/clock.ts';
export { hoursOf } from './clock/hours.ts';
export { newYorkDate, newYorkTimeOfDay, toRfc3339, type Micros } from './clock/new-york.ts';
export { AlpacaError } from './errors.ts';
export { buildExchange, type Exchange } from './exchange.ts';
export type { LedgerEntry } from './ledger/ledger.ts';
export { findLeanFiles, type LeanFile } from './market/lean-files.ts';
export { readLeanFile } from './market/lean-reader.ts';
export { mergeByTime } from './market/merge.ts';
export { parseTimeOfDay } from './market/replay.ts';
export type { MarketTick } from './market/tick.ts';
export {
  averagePrice,
  FEMTOS_PER_USD,
  formatMoney,
  formatPrice,
  formatQty,
  parseScaled,
  valueOf,
} from './units/amounts.ts';
export { seededRandom } from './units/random.ts';
