export { buildApp } from './app.ts';
export { buildExchange, type Exchange, type ExchangeOptions } from './exchange.ts';
export { replayLedger, type ReplayedState } from './ledger/replay.ts';
export type { LedgerEntry } from './ledger/ledger.ts';
