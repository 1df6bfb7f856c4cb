import { Alpaca, streaming } from '@alpacahq/alpaca-trade-api';

/**
 * The ceiling: the official client alone, which decodes and counts and does nothing else.
 * Arguments: URL, key, secret, symbols. Prints `ready`, then `done <ms>` when that many ticks have come.
 */
const [url = '', keyId = '', secret = '', symbols = '', total = '0'] = process.argv.slice(2);
const stream = new Alpaca({ keyId, secret, paper: true }).marketData.stockStream({ url });
let count = 0;
let begin = 0;

const tick = (): void => {
  if (count === 0) begin = performance.now();
  count += 1;
  if (count === Number(total)) {
    process.stdout.write(`done ${performance.now() - begin}\n`);
    stream.disconnect();
  }
};
stream.onTrade(tick);
stream.onQuote(tick);
stream.onError((message) => process.stderr.write(`${message}\n`));
stream.on(streaming.EVENT.SUBSCRIPTION, () => process.stdout.write('ready\n'));
stream.subscribeForTrades(symbols.split(','));
stream.subscribeForQuotes(symbols.split(','));
stream.connect();
