import { clearTimeout, setTimeout } from 'k6/timers';
import { socketUrl, symbols } from './env.ts';
import { connect } from './socket.ts';

/** A reference price per symbol, USD. */
export type Prices = Record<string, number>;

/** Where the market is closed and nothing has traded: any price does, since ours are then the only ones. */
const NO_MARKET = 100;
const PATIENCE_MS = 8000;

/**
 * The last price of each symbol, as the front door streams it: ticks and limits that are sent must be near
 * the market, or the risk limits would refuse them and the strategies would trade on nonsense.
 */
export function learnPrices(): Promise<Prices> {
  return new Promise((resolve, reject) => {
    const prices: Prices = {};
    let done = false;
    const finish = () => {
      if (done) return;
      done = true;
      // k6 ends setup only when no timer is left.
      clearTimeout(patience);
      socket.close();
      resolve(withDefaults(prices));
    };
    const socket = connect(socketUrl('ORCHESTRATOR_URL', '/ws/market_data'), {
      opened: () => socket.send({ action: 'subscribe', symbols }),
      message: ({ type, symbol, price, bid }) => {
        if (type !== 'tick' || symbol === undefined || !(Number(price ?? bid) > 0)) return;
        prices[symbol] = Number(price ?? bid);
        if (symbols.every((each) => prices[each] !== undefined)) finish();
      },
      failed: (reason) => {
        if (!done) reject(new Error(`/ws/market_data does not answer: ${reason}`));
      },
      closed: () => {
        if (!done) reject(new Error('/ws/market_data closed the connection'));
      },
    });
    const patience = setTimeout(finish, PATIENCE_MS);
  });
}

function withDefaults(prices: Prices): Prices {
  const missing = symbols.filter((symbol) => prices[symbol] === undefined);
  if (missing.length > 0) {
    console.warn(`no price of ${missing.join(', ')} within ${PATIENCE_MS} ms: using ${NO_MARKET}`);
  }
  return Object.fromEntries(symbols.map((symbol) => [symbol, prices[symbol] ?? NO_MARKET]));
}

/** Two decimals: the price increment of US stocks above one dollar. */
export function cents(price: number): number {
  return Math.round(price * 100) / 100;
}

export function tickAt(price: number, symbol: string, index: number, timestampMs: number) {
  const last = cents(price + ((index % 5) - 2) * 0.01);
  return {
    symbol,
    price: last,
    volume: 100 + (index % 9) * 100,
    timestamp: new Date(timestampMs).toISOString(),
    bid: cents(last - 0.01),
    ask: cents(last + 0.01),
  };
}
