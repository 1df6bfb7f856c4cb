import { Subscriber } from 'zeromq';
import type { Envelope } from '../messages/messages.ts';
import type { Bus, BusEndpoint } from './bus.ts';
import { connectionTo, type Connection } from './connect.ts';
import { BusMessageError, readMessage } from './message.ts';

export interface BusGap {
  src: string;
  topic: string;
  epoch: string;
  /** First and last sequence number that did not arrive. */
  from: number;
  to: number;
}

export interface BusSubscriberOptions {
  /** Every publisher to listen to. Where it says whose they are, nobody else's messages are taken. */
  endpoints: readonly (string | BusEndpoint)[];
  topics: string[];
  /** Called in order, one at a time; while it is awaited, messages wait in the socket. Must not throw: {@link BusSubscriberOptions.onError} gets what does. */
  onMessage: (topic: string, message: Envelope<unknown>) => void | Promise<void>;
  onGap?: (gap: BusGap) => void;
  /** A publisher started anew: its numbering begins again. */
  onEpoch?: (src: string, epoch: string, previous: string | undefined) => void;
  onError?: (error: unknown) => void;
  highWaterMark?: number;
  /** What the sockets of the service share: its keys, and who counts the messages that were refused. */
  bus?: Bus;
}

/** Of one frame, bytes: many times a full message of ticks. What is larger ends the connection. */
const LARGEST_MESSAGE = 16 * 1024 * 1024;

export interface BusSubscriber {
  /** Messages received, by `src/topic`. */
  readonly received: ReadonlyMap<string, number>;
  /** When something last came from a publisher, ms since 1970; undefined before. */
  lastSeen(src: string): number | undefined;
  close(): Promise<void>;
}

/**
 * SUB on any number of publishers, each through a socket of its own, so that it is known who said what. Notices gaps and
 * restarts by the envelope's numbers, and reconnects by itself.
 */
export function createSubscriber(options: BusSubscriberOptions): BusSubscriber {
  const connections = options.endpoints.map((endpoint) => connectionTo(endpoint, options.bus));
  const sockets = connections.map((connection) => {
    const socket = new Subscriber({
      receiveHighWaterMark: options.highWaterMark ?? 100_000,
      reconnectInterval: 100,
      reconnectMaxInterval: 1_000,
      linger: 0,
      maxMessageSize: LARGEST_MESSAGE,
      ...connection.options,
    });
    for (const topic of options.topics) socket.subscribe(topic);
    connection.open(socket);
    return { socket, connection };
  });

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

  async function take(topicFrame: Buffer | undefined, payload: Buffer | undefined, from: Connection): Promise<void> {
    try {
      const topic = String(topicFrame);
      // A subscription is a prefix: `tick` would also bring `ticker`.
      if (!options.topics.includes(topic)) return;
      const message = readMessage(topic, payload, from.server);
      track(topic, message);
      await options.onMessage(topic, message);
    } catch (error) {
      if (error instanceof BusMessageError && options.bus !== undefined) {
        options.bus.malformed(error.fault, from.server ?? from.url);
      } else options.onError?.(error);
    }
  }

  let last: Promise<void> = Promise.resolve();

  /** Publishers take turns: a message is handled to its end before the next one is, whosever it is. */
  async function receive(socket: Subscriber, from: Connection): Promise<void> {
    for await (const [topic, payload] of socket) {
      if (sockets.length === 1) await take(topic, payload, from);
      else await (last = last.then(() => take(topic, payload, from)));
    }
  }

  const running = sockets.map(({ socket, connection }) =>
    receive(socket, connection).catch((error: unknown) => options.onError?.(error)),
  );
  return {
    received,
    lastSeen: (src) => seen.get(src),
    async close() {
      for (const { socket, connection } of sockets) {
        connection.close();
        socket.close();
      }
      await Promise.all(running);
    },
  };
}
