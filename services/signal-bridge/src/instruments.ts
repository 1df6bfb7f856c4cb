import type { Metrics, Signal } from '@papergate/service-kit';

/** The metrics of this service; README.md lists them. */
export function createInstruments(metrics: Metrics) {
  return {
    ticks: metrics.counter('signal_ticks_total', 'Ticks that the strategies have seen'),
    late: metrics.counter(
      'signal_ticks_late_total',
      'Ticks of bars that were closed already, by strategy and symbol once each',
    ),
    repaired: metrics.counter('signal_ticks_repaired_total', 'Ticks missed on the bus and fetched from market-data'),
    missed: metrics.counter('signal_ticks_missed_total', 'Ticks that could not be fetched any more'),
    duplicates: metrics.counter('signal_ticks_duplicate_total', 'Ticks that came twice and were ignored'),
    bars: metrics.counter('signal_bars_total', 'Bars closed', ['strategy']),
    signals: metrics.counter('signals_total', 'Signals published', ['strategy', 'side']),
    suppressed: metrics.counter('signals_suppressed_total', 'Signals not published', ['strategy', 'reason']),
    failures: metrics.counter('signal_strategy_failures_total', 'Strategies that were stopped, by what they did', [
      'strategy',
      'reason',
    ]),
    slow: metrics.counter('signal_strategy_slow_total', 'Calls of a strategy that took longer than 50 ms', [
      'strategy',
    ]),
    resets: metrics.counter('signal_resets_total', 'Strategies started anew', ['reason']),
    latency: metrics.histogram('signal_latency_seconds', 'From a tick at market-data to its signal on the bus'),
    waiting: metrics.gauge('signal_outbox', 'Signals that wait to be stored'),
  };
}
export type Instruments = ReturnType<typeof createInstruments>;

export const labelsOf = ({ strategy, side }: Signal): { strategy: string; side: string } => ({ strategy, side });
