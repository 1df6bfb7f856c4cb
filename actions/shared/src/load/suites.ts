/**
 * The load suites and the floors that a release has to hold, as the gate understands them. The suites carry the
 * same floors as thresholds of their own (`loadtests/plan.json`); they are written down here a second time so that
 * a release cannot lower the bar by which it is judged.
 */

/** At least `min` percent of what was planned: what was dropped or never answered is missing, and so fails it. */
export interface ShareFloor {
  kind: 'share';
  name: string;
  /** A k6 counter. */
  metric: string;
  min: number;
  /** How many were due, from the plan's load and the seconds of the main phase. */
  planned: (load: Load, seconds: number) => number;
}

/** A statistic of a k6 trend, in ms, with at least this share of the planned samples in it. */
export interface LatencyFloor {
  kind: 'latency';
  name: string;
  metric: string;
  stat: 'avg' | 'med' | 'p(99)';
  max: number;
  minSamplesPercent: number;
  planned: (load: Load, seconds: number) => number;
}

/** Numbers of one suite in `plan.json`. */
export type Load = Readonly<Record<string, number>>;

export interface Suite {
  name: string;
  title: string;
  /** What the load is, for people. */
  describes: string;
  /** The load that the floors speak of; a plan that asks for less proves nothing. */
  atLeast: Load;
  floors: ReadonlyArray<ShareFloor | LatencyFloor>;
  /** What the report plots over time: counters as a rate, trends as percentiles. */
  rates: ReadonlyArray<{ metric: string; label: string }>;
  latencies: ReadonlyArray<{ metric: string; label: string }>;
}

const of = (load: Load, key: string): number => load[key] ?? Number.NaN;

const ticks = (load: Load, seconds: number) => of(load, 'ticks_per_second') * seconds;
const rounds = (load: Load, seconds: number) => of(load, 'rounds_per_second') * seconds;
const orders = (load: Load, seconds: number) => rounds(load, seconds) * of(load, 'orders_per_round');
const writes = (load: Load, seconds: number) => of(load, 'writes_per_second') * seconds;
const reads = (load: Load, seconds: number) => of(load, 'reads_per_second') * seconds;
const sockets = (load: Load) => 2 * of(load, 'connections');
const pings = (load: Load, seconds: number) => sockets(load) * of(load, 'pings_per_second') * seconds;
/** Each probe is seen by the clients of its symbol; the suite spreads the clients over five symbols. */
const SYMBOLS = 5;
const probes = (load: Load, seconds: number) =>
  of(load, 'probes_per_second') * Math.max(1, seconds - 1) * Math.floor(of(load, 'connections') / SYMBOLS);

export const SUITES: readonly Suite[] = [
  {
    name: 'market-data-flood',
    title: 'Market-data flood',
    describes: '1000 ticks a second at the front door, one a request',
    atLeast: { ticks_per_second: 1000 },
    floors: [
      { kind: 'share', name: 'ticks sent', metric: 'ticks_sent', min: 99, planned: ticks },
      { kind: 'share', name: 'ticks accepted', metric: 'ticks_accepted', min: 99, planned: ticks },
      {
        kind: 'latency',
        name: 'tick latency, median',
        metric: 'tick_latency',
        stat: 'med',
        max: 100,
        minSamplesPercent: 99,
        planned: ticks,
      },
    ],
    rates: [{ metric: 'ticks_accepted', label: 'ticks accepted' }],
    latencies: [{ metric: 'tick_latency', label: 'tick latency' }],
  },
  {
    name: 'order-stress',
    title: 'Order stress',
    describes: '100 orders at the same moment at the front door, each second',
    atLeast: { orders_per_round: 100, rounds_per_second: 1 },
    floors: [
      { kind: 'share', name: 'orders sent', metric: 'orders_sent', min: 99, planned: orders },
      { kind: 'share', name: 'orders accepted', metric: 'orders_succeeded', min: 95, planned: orders },
      {
        kind: 'latency',
        name: 'order latency, mean',
        metric: 'order_latency',
        stat: 'avg',
        max: 100,
        minSamplesPercent: 99,
        planned: orders,
      },
      {
        kind: 'latency',
        name: 'order latency, p99',
        metric: 'order_latency',
        stat: 'p(99)',
        max: 500,
        minSamplesPercent: 99,
        planned: orders,
      },
      { kind: 'share', name: 'rounds whose order filled', metric: 'rounds_settled', min: 95, planned: rounds },
    ],
    rates: [{ metric: 'orders_succeeded', label: 'orders accepted' }],
    latencies: [
      { metric: 'order_latency', label: 'order latency' },
      { metric: 'order_settle_time', label: 'time to fill' },
    ],
  },
  {
    name: 'database-throughput',
    title: 'Database throughput',
    describes: '1000 rows written a second, one a request, and 20 reads of 100 rows',
    atLeast: { writes_per_second: 1000, reads_per_second: 20 },
    floors: [
      { kind: 'share', name: 'rows sent', metric: 'writes_sent', min: 99, planned: writes },
      { kind: 'share', name: 'rows written', metric: 'writes_succeeded', min: 99, planned: writes },
      {
        kind: 'latency',
        name: 'write latency, median',
        metric: 'write_latency',
        stat: 'med',
        max: 50,
        minSamplesPercent: 99,
        planned: writes,
      },
      { kind: 'share', name: 'reads answered', metric: 'reads_succeeded', min: 99, planned: reads },
      {
        kind: 'latency',
        name: 'read latency, median',
        metric: 'read_latency',
        stat: 'med',
        max: 100,
        minSamplesPercent: 99,
        planned: reads,
      },
    ],
    rates: [
      { metric: 'writes_succeeded', label: 'rows written' },
      { metric: 'reads_succeeded', label: 'reads answered' },
    ],
    latencies: [
      { metric: 'write_latency', label: 'write latency' },
      { metric: 'read_latency', label: 'read latency' },
    ],
  },
  {
    name: 'websocket-concurrency',
    title: 'WebSocket concurrency',
    describes: '50 clients at each of the two WebSockets, pinging and watching ticks',
    atLeast: { connections: 50, pings_per_second: 1, probes_per_second: 20 },
    floors: [
      { kind: 'share', name: 'clients connected', metric: 'ws_connected', min: 95, planned: sockets },
      { kind: 'share', name: 'clients that stayed', metric: 'ws_stayed', min: 90, planned: sockets },
      { kind: 'share', name: 'clients that got a stream', metric: 'ws_streaming', min: 90, planned: sockets },
      { kind: 'share', name: 'pings answered', metric: 'ws_pongs', min: 90, planned: pings },
      {
        kind: 'latency',
        name: 'ping to pong, median',
        metric: 'ws_pong_latency',
        stat: 'med',
        max: 100,
        minSamplesPercent: 90,
        planned: pings,
      },
      { kind: 'share', name: 'ticks delivered', metric: 'ws_probes_seen', min: 90, planned: probes },
      {
        kind: 'latency',
        name: 'tick in to tick out, median',
        metric: 'ws_tick_latency',
        stat: 'med',
        max: 100,
        minSamplesPercent: 90,
        planned: probes,
      },
    ],
    rates: [
      { metric: 'ws_pongs', label: 'pongs' },
      { metric: 'ws_probes_seen', label: 'ticks delivered' },
    ],
    latencies: [
      { metric: 'ws_pong_latency', label: 'ping to pong' },
      { metric: 'ws_tick_latency', label: 'tick in to tick out' },
    ],
  },
];
