import {
  busServer,
  createSubscriber,
  ordersOf,
  type Bus,
  type BusSubscriber,
  type Fill,
  type Heartbeat,
  type Signal,
  type Tick,
} from '@papergate/service-kit';
import type { SystemConfig } from '@papergate/config';
import type { LiveHub } from '../live/hub.ts';
import type { Activity } from './activity.ts';
import type { TickCollector } from './ticks.ts';

export interface BusCollectors {
  /** Whether a publisher was heard lately, or why not. */
  heard(source: 'market-data' | 'signal-bridge' | 'execution-engine'): true | string;
  close(): Promise<void>;
}

export interface BusCollectorOptions {
  system: SystemConfig;
  bus: Bus;
  ticks: TickCollector;
  activity: Activity;
  live: LiveHub;
  onError: (error: unknown) => void;
  now?: () => number;
}

/** Publishers have a heartbeat each second. */
const SILENT_MS = 5_000;
/**
 * Tick messages hold up to a thousand ticks. Few may wait here: what is held in all (this, the publisher's pipe,
 * the writer) stays far below the million that market-data can still repair, and the rest is held back at the exchange.
 */
const TICK_MESSAGES = 64;

/** SUB on all publishers. Ticks have a socket of their own: while the store is full it waits, and orders go on. */
export function collectFromBus(options: BusCollectorOptions): BusCollectors {
  const { system, bus, ticks, activity, live, onError, now = Date.now } = options;
  const tickSocket = createSubscriber({
    endpoints: [busServer(system, 'market-data')],
    bus,
    topics: ['tick', 'heartbeat'],
    highWaterMark: TICK_MESSAGES,
    onError,
    onMessage: (topic, message) =>
      topic === 'tick'
        ? ticks.accept(message.epoch, message.data as Tick[])
        : ticks.heartbeat(message.epoch, (message.data as Heartbeat).n),
  });
  const eventSocket = createSubscriber({
    endpoints: [busServer(system, 'signal-bridge'), busServer(system, 'execution-engine')],
    bus,
    topics: ['signal', 'order', 'fill', 'heartbeat'],
    onError,
    onMessage: (topic, { data }) => {
      if (topic === 'signal') {
        activity.signal(data as Signal);
        live.event('signal', data as Signal);
      } else if (topic === 'order') {
        for (const order of ordersOf(data)) {
          activity.order(order);
          live.event('order', order);
        }
      } else if (topic === 'fill') {
        activity.fill(data as Fill);
        live.event('fill', data as Fill);
      }
    },
  });
  const socketOf = (source: string): BusSubscriber => (source === 'market-data' ? tickSocket : eventSocket);
  return {
    heard(source) {
      const seen = socketOf(source).lastSeen(source);
      if (seen === undefined) return `nothing heard from ${source} yet`;
      const silent = now() - seen;
      return silent <= SILENT_MS ? true : `nothing heard from ${source} for ${Math.round(silent / 1000)} s`;
    },
    async close() {
      ticks.close();
      await Promise.all([tickSocket.close(), eventSocket.close()]);
    },
  };
}
