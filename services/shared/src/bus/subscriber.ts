import { Subscriber } from 'zeromq';
import type { Envelope } from '../messages/messages.ts';

export interface BusGap {
  src: string;
  topic: string;
  epoch: string;
  /** First and last sequence number that did not arrive. */
  from: number;
  to: number;
}

export interface BusSubscriberOptions {
  /** `tcp://host:port` of every publisher to listen to. */
  endpoints: string[];
  topics: string[];
  /** Called in order, one at a time; while it is awaited, messages wait in the socket. Must not throw: {@link BusSubscriberOptions.onError} gets what does. */
  onMessage: (topic: string, message: Envelope<unknown>) => void | Promise<void>;
  onGap?: (gap: BusGap) => void;
  /** A publisher started anew: its numbering begins again. */
  onEpoch?: (src: string, epoch: string, previous: string | undefined) => void;
  onError?: (error: unknown) => void;
  highWaterMark?: number;
}

export interface BusSubscriber {
  /** Messages received, by `src/topic`. */
  readonly received: ReadonlyMap<string, number>;
  /** When something last came from a publisher, ms since 1970; undefined before. */
  lastSeen(src: string): number | undefined;
  close(): Promise<void>;
}

/** A SUB socket on any number of publishers, which notices gaps and restarts by the envelope's numbers. It reconnects by itself. */
export function createSubscriber(options: BusSubscriberOptions): BusSubscriber {
  const socket = new Subscriber({
    receiveHighWaterMark: options.highWaterMark ?? 100_000,
    reconnectInterval: 100,
    reconnectMaxInterval: 1_000,
    linger: 0,
  });
  for (const topic of options.topics) socket.subscribe(topic);
  for (const endpoint of options.endpoints) socket.connect(endpoint);

  const received = new Map<string, number>();
  const seen = new Map<string, number>();
  const positions = new Map<string, { epoch: string; seq: number }>();

  function track(topic: string, message: Envelope<unknown>): void {
    const key = `${message.src}/${topic}`;
    const at = positions.get(key);
    received.set(key, (received.get(key) ?? 0) + 1);
    seen.set(message.src, Date.now());
    if (at === undefined || at.epoch !== message.epoch) {
      options.onEpoch?.(message.src, message.epoch, at?.epoch);
    } else if (message.seq > at.seq + 1) {
      options.onGap?.({ src: message.src, topic, epoch: at.epoch, from: at.seq + 1, to: message.seq - 1 });
    }
    positions.set(key, { epoch: message.epoch, seq: message.seq });
  }

  async function receive(): Promise<void> {
    for await (const [topicFrame, payload] of socket) {
      try {
        const topic = String(topicFrame);
        // A subscription is a prefix: `tick` would also bring `ticker`.
        if (!options.topics.includes(topic)) continue;
        const message = JSON.parse(String(payload)) as Envelope<unknown>;
        track(topic, message);
        await options.onMessage(topic, message);
      } catch (error) {
        options.onError?.(error);
      }
    }
  }

  const running = receive().catch((error: unknown) => options.onError?.(error));
  return {
    received,
    lastSeen: (src) => seen.get(src),
    async close() {
      socket.close();
      await running;
    },
  };
}
