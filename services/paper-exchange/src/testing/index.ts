/** A whole exchange on a free port, for tests: a real server that Alpaca's own client drives. */
export * from './start-exchange.ts';
export * from './lean-zip.ts';
