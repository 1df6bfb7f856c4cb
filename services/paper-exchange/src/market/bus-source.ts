import {
  createSubscriber,
  type Bus,
  type BusEndpoint,
  type BusSubscriber,
  type Envelope,
  type Tick,
} from '@papergate/service-kit';
import type { MarketSource } from './source.ts';
import type { MarketTick } from './tick.ts';
import { isSymbol } from './instruments.ts';

export interface BusSourceOptions {
  /** market-data's PUB socket. */
  endpoint: string | BusEndpoint;
  bus?: Bus;
  publish: (ticks: MarketTick[]) => void;
  onError?: (error: unknown) => void;
}

/** The live book: market-data's ticks as this exchange's market. Orders fill against it; nothing is sent back. */
export function busSource(options: BusSourceOptions): MarketSource {
  let subscriber: BusSubscriber | undefined;
  let ticks = 0;
  let missed = 0;
  const ids = new Map<string, number>();

  function toMarket(tick: Tick): MarketTick[] {
    if (!isSymbol(tick.s)) return [];
    const made: MarketTick[] = [];
    if (tick.b !== undefined || tick.a !== undefined) {
      made.push({
        kind: 'q',
        symbol: tick.s,
        time: tick.t,
        bid: tick.b ?? 0,
        bidSize: tick.bs ?? 0,
        ask: tick.a ?? 0,
        askSize: tick.as ?? 0,
        exchange: 'V',
      });
    }
    if (tick.k === 't' && tick.p !== undefined && tick.p > 0) {
      const id = (ids.get(tick.s) ?? 0) + 1;
      ids.set(tick.s, id);
      made.push({ kind: 't', symbol: tick.s, time: tick.t, price: tick.p, size: tick.v ?? 0, exchange: 'V', id });
    }
    return made;
  }

  return {
    kind: 'bus',
    start() {
      subscriber = createSubscriber({
        endpoints: [options.endpoint],
        ...(options.bus === undefined ? {} : { bus: options.bus }),
        topics: ['tick'],
        onMessage: (_topic, message: Envelope<unknown>) => {
          const batch = (message.data as Tick[]).flatMap(toMarket);
          ticks += batch.length;
          options.publish(batch);
        },
        onGap: ({ from, to }) => {
          missed += to - from + 1;
        },
        ...(options.onError === undefined ? {} : { onError: options.onError }),
      });
      return Promise.resolve();
    },
    async stop() {
      await subscriber?.close();
      subscriber = undefined;
    },
    status: () => ({
      running: ticks > 0 && subscriber !== undefined,
      finished: false,
      endpoint: typeof options.endpoint === 'string' ? options.endpoint : options.endpoint.url,
      read: ticks,
      missed_messages: missed,
    }),
  };
}
