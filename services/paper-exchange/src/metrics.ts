import type { Metrics } from '@papergate/service-kit';
import type { Exchange } from './exchange.ts';

/** What Prometheus sees of the exchange. Call what this gives back before each scrape: no tick pays for a number nobody reads. */
export function exchangeMetrics(metrics: Metrics, exchange: Exchange): () => void {
  const { data, store, ledger, updates, account } = exchange;
  const series: [name: string, help: string, read: () => number][] = [
    ['exchange_trades_sent', 'Trades sent on the data stream since the start', () => data.sent.trades],
    ['exchange_quotes_sent', 'Quotes sent on the data stream since the start', () => data.sent.quotes],
    ['exchange_data_clients', 'Connections of the data stream', () => data.clients().length],
    ['exchange_trade_updates_sent', 'Trade updates sent since the start', () => updates.sent],
    ['exchange_orders', 'Orders accepted since the start or the last reset', () => store.size],
    ['exchange_open_orders', 'Orders that are open', () => store.openCount],
    ['exchange_positions', 'Symbols in which a position is held', () => account.positions.size],
    ['exchange_ledger_entries', 'Entries of the ledger', () => ledger.size],
  ];
  const gauges = series.map(([name, help, read]) => ({ gauge: metrics.gauge(name, help), read }));
  return () => {
    for (const { gauge, read } of gauges) gauge.set(read());
  };
}
