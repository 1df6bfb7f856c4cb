import type { Metrics } from '@papergate/service-kit';
import type { Tick } from '@papergate/service-kit';
import type { DropReason } from './ticks/admit.ts';

/** The metrics of this service; README.md lists them. Counted once a message, not once a tick. */
export class Instruments {
  readonly #ticks;
  readonly #dropped;
  readonly #regressions;
  readonly #batch;
  readonly #wait;
  readonly #lossy;
  readonly #holds;
  readonly #streamDropped;
  readonly #losses;
  readonly #connected;
  readonly #staleness;
  readonly #pending;
  readonly #clients;

  constructor(metrics: Metrics) {
    this.#ticks = metrics.counter('market_ticks_total', 'Ticks numbered, by kind and where they came from', [
      'kind',
      'source',
    ]);
    this.#dropped = metrics.counter('market_ticks_dropped_total', 'Ticks of the exchange that cannot be true', [
      'reason',
    ]);
    this.#regressions = metrics.gauge(
      'market_ticks_regressed',
      'Ticks whose event time lay before that of the one before (same symbol and kind)',
    );
    this.#batch = metrics.histogram(
      'market_batch_ticks',
      'Ticks a bus message',
      [],
      [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
    );
    this.#wait = metrics.histogram(
      'market_publish_seconds',
      'Arrival of the first tick of a message until the bus has it',
    );
    this.#lossy = metrics.counter('market_bus_stalls_total', 'Stuck subscribers that were left behind');
    this.#holds = metrics.counter(
      'market_upstream_holds_total',
      'Times the exchange was not read since the bus was behind',
    );
    this.#streamDropped = metrics.counter('market_stream_dropped_total', 'Ticks that slow WebSocket clients lost');
    this.#losses = metrics.gauge('market_upstream_losses', 'Times that the subscribed connection was lost');
    this.#connected = metrics.gauge('market_upstream_connected', '1 while every symbol is subscribed at the exchange');
    this.#staleness = metrics.gauge(
      'market_staleness_seconds',
      'Since the last tick of the exchange; -1 before the first',
    );
    this.#pending = metrics.gauge('market_bus_pending', 'Bus messages that wait to be sent');
    this.#clients = metrics.gauge('market_stream_clients', 'Clients of WS /stream');
    for (const kind of ['trade', 'quote']) this.#ticks.inc({ kind, source: 'exchange' }, 0);
  }

  published(ticks: readonly Tick[]): void {
    let trades = 0;
    let quotes = 0;
    let posted = 0;
    for (const tick of ticks) {
      if (tick.x === true) posted += 1;
      else if (tick.k === 't') trades += 1;
      else quotes += 1;
    }
    if (trades > 0) this.#ticks.inc({ kind: 'trade', source: 'exchange' }, trades);
    if (quotes > 0) this.#ticks.inc({ kind: 'quote', source: 'exchange' }, quotes);
    if (posted > 0) this.#ticks.inc({ kind: 'trade', source: 'client' }, posted);
    this.#batch.observe(ticks.length);
  }

  reachedBus(seconds: number): void {
    this.#wait.observe(Math.max(0, seconds));
  }

  droppedTick(reason: DropReason): void {
    this.#dropped.inc({ reason });
  }

  stalled(): void {
    this.#lossy.inc();
  }

  held(): void {
    this.#holds.inc();
  }

  streamDropped(ticks: number): void {
    this.#streamDropped.inc(ticks);
  }

  sample(now: {
    connected: boolean;
    losses: number;
    regressions: number;
    staleSeconds: number;
    pending: number;
    clients: number;
  }): void {
    this.#connected.set(now.connected ? 1 : 0);
    this.#losses.set(now.losses);
    this.#regressions.set(now.regressions);
    this.#staleness.set(now.staleSeconds);
    this.#pending.set(now.pending);
    this.#clients.set(now.clients);
  }
}
