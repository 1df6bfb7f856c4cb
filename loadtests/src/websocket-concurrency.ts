/**
 * 50 clients at each of the two WebSockets at once: observability-api's numbers and the front door's ticks.
 * They stay, ping on a fixed beat, and see ticks that the suite itself sends in at the front door.
 */
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import { baseUrl, jsonParams, socketUrl, symbols } from './lib/env.ts';
import { tellFailure } from './lib/failures.ts';
import { noteStart, scheduledAt } from './lib/latency.ts';
import { atLeast, common, mainSeconds, plan, scaled, warmupSeconds } from './lib/plan.ts';
import { learnPrices, tickAt, type Prices } from './lib/prices.ts';
import { connect, type Message } from './lib/socket.ts';

const load = plan.load['websocket-concurrency'];
const connections = scaled(load.connections);
const pingMs = 1000 / load.pings_per_second;
const probeRate = load.probes_per_second;
const floor = plan.floors['websocket-concurrency'];
const sockets = 2 * connections;
const pings = sockets * load.pings_per_second * mainSeconds;
const clientsPerSymbol = Math.floor(connections / symbols.length);
/** The last probes need time to arrive before their receivers go. */
const probeSeconds = Math.max(1, mainSeconds - 1);
const probes = probeRate * probeSeconds * clientsPerSymbol;

const connected = new Counter('ws_connected');
const stayed = new Counter('ws_stayed');
const streaming = new Counter('ws_streaming');
const ponged = new Counter('ws_pongs');
const probed = new Counter('ws_probes_seen');
const pongLatency = new Trend('ws_pong_latency', true);
const tickLatency = new Trend('ws_tick_latency', true);

const METRICS = socketUrl('OBSERVABILITY_URL', '/ws/metrics');
const TICKS = socketUrl('ORCHESTRATOR_URL', '/ws/market_data');
const PROBE = `${baseUrl('ORCHESTRATOR_URL')}/api/v1/market_data`;
const params = jsonParams(10_000);

/** Probes are told from the market's own ticks by a volume that no market makes. */
const PROBE_VOLUME = 987_654_321;
const LIFETIME_MS = (warmupSeconds + mainSeconds) * 1000;

const clients = (exec: string) =>
  ({
    executor: 'per-vu-iterations',
    exec,
    vus: connections,
    iterations: 1,
    maxDuration: `${warmupSeconds + mainSeconds + 10}s`,
    gracefulStop: '5s',
  }) as const;

export const options = {
  ...common,
  scenarios: {
    main_metrics: clients('metrics'),
    main_ticks: clients('ticks'),
    main_probe: {
      executor: 'constant-arrival-rate',
      exec: 'probe',
      rate: probeRate,
      timeUnit: '1s',
      startTime: `${warmupSeconds}s`,
      duration: `${Math.round(probeSeconds * 1000 - 500 / probeRate)}ms`,
      preAllocatedVUs: 20,
    },
  },
  thresholds: {
    ws_connected: [atLeast(floor.connect_percent, sockets)],
    ws_stayed: [atLeast(floor.stay_percent, sockets)],
    ws_streaming: [atLeast(floor.stay_percent, sockets)],
    ws_pongs: [atLeast(floor.message_percent, pings)],
    ws_pong_latency: [`med<=${floor.message_median_ms}`],
    ws_probes_seen: [atLeast(floor.message_percent, probes)],
    ws_tick_latency: [`med<=${floor.message_median_ms}`],
    'dropped_iterations{scenario:main_probe}': ['count<=0'],
  },
};

export function setup(): Promise<Prices> {
  // k6 lets thresholds of metrics without a sample pass; a zero makes "none at all" a number that fails.
  for (const counter of [connected, stayed, streaming, ponged, probed]) counter.add(0);
  return learnPrices();
}

/**
 * Holds one connection for the suite's length. Pings go out on a beat that is fixed beforehand and do not
 * wait for answers; an answer's time counts from the beat. Answers come in the order of the pings.
 */
function stay(url: string, hello: object | undefined, onTick: (message: Message) => void): void {
  const start = Date.now();
  const offset = ((exec.vu.idInTest % connections) * pingMs) / connections;
  const due = (beat: number) => start + warmupSeconds * 1000 + offset + beat * pingMs;
  const waiting: number[] = [];
  let ended = false;
  let streams = false;

  const ping = (beat: number) => {
    if (ended || due(beat) >= start + LIFETIME_MS) return;
    setTimeout(
      () => {
        if (ended) return;
        waiting.push(due(beat));
        socket.send({ action: 'ping' });
        ping(beat + 1);
      },
      Math.max(0, due(beat) - Date.now()),
    );
  };

  const onMessage = (message: Message) => {
    if (message.type === 'pong') {
      const scheduled = waiting.shift();
      if (scheduled === undefined) return;
      ponged.add(1);
      pongLatency.add(Math.max(0, Date.now() - scheduled));
      return;
    }
    if (message.type === 'subscribed' || message.type === 'error') return;
    if (!streams) streaming.add(1);
    streams = true;
    onTick(message);
  };

  const leave = () => {
    if (ended) return;
    ended = true;
    stayed.add(1);
    socket.close();
  };

  const socket = connect(url, {
    opened: () => {
      connected.add(1);
      if (hello !== undefined) socket.send(hello);
      ping(0);
      setTimeout(leave, Math.max(0, start + LIFETIME_MS + pingMs / 2 - Date.now()));
    },
    message: onMessage,
    failed: (reason) => {
      if (!ended) tellFailure(`${url} broke`, { status: 0, error: reason });
    },
    closed: () => {
      ended = true;
    },
  });
}

export function metrics(): void {
  noteStart(warmupSeconds * 1000);
  stay(METRICS, undefined, () => undefined);
}

export function ticks(): void {
  const symbol = symbols[exec.scenario.iterationInTest % symbols.length]!;
  stay(TICKS, { action: 'subscribe', symbols: [symbol] }, ({ size, timestamp }) => {
    if (Number(size) !== PROBE_VOLUME || timestamp === undefined) return;
    probed.add(1);
    tickLatency.add(Math.max(0, Date.now() - Date.parse(timestamp)));
  });
}

export function probe(prices: Prices): void {
  const scheduled = scheduledAt(probeRate);
  const index = exec.scenario.iterationInTest;
  const symbol = symbols[index % symbols.length]!;
  const tick = { ...tickAt(prices[symbol]!, symbol, index, scheduled), volume: PROBE_VOLUME };
  const response = http.post(PROBE, JSON.stringify(tick), params);
  if (response.status !== 200) tellFailure('probe not accepted', response);
}
