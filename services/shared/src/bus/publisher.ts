import { setTimeout as delay } from 'node:timers/promises';
import { Publisher } from 'zeromq';
import type { Envelope } from '../messages/messages.ts';
import { bindSocket } from './bind.ts';
import type { Bus } from './bus.ts';

export interface BusPublisherOptions {
  service: string;
  host: string;
  /** 0 takes a free port; {@link BusPublisher.port} tells which. */
  port: number;
  now?: () => number;
  /** How long one stuck subscriber may hold the others up before only it loses messages. */
  stallMs?: number;
  /** Messages that may wait in one subscriber's pipe. */
  highWaterMark?: number;
  onLossy?: (topic: string) => void;
  /** What the sockets of the service share; where it has keys, only this service's clients are let in. */
  bus?: Bus;
}

export interface BusPublisher {
  readonly epoch: string;
  readonly port: number;
  /** Sequence number of the last message on a topic. */
  sequence(topic: string): number;
  /** Messages that wait to be handed to the sockets. */
  readonly pending: number;
  /** Resolves once the message is with every subscriber's pipe: await it for back-pressure, or don't. Never rejects. */
  publish(topic: string, data: unknown): Promise<void>;
  close(): Promise<void>;
}

/**
 * How long the socket stays lossy after a stall, so that one stuck subscriber costs one stall and not one a
 * message. A stall that follows on the heels of the last one is the same subscriber: each time it is left
 * alone for twice as long, up to the second figure.
 */
const LOSSY_FOR_MS = 5_000;
const LOSSY_AT_MOST_MS = 300_000;

/**
 * The one PUB socket of a service. zeromq's default drops silently when a subscriber's pipe is full; here a
 * full pipe first holds the publisher back (`noDrop`), and only a subscriber that stays stuck for `stallMs`
 * loses messages, which it sees by their sequence numbers.
 */
export async function createPublisher(options: BusPublisherOptions): Promise<BusPublisher> {
  const { service, host, port, now = () => Date.now() * 1000, stallMs = 2_000, highWaterMark = 20_000 } = options;
  const side = await options.bus?.security?.serve();
  const limits = { sendHighWaterMark: highWaterMark, noDrop: true, sendTimeout: 0, linger: 500 };
  const socket = new Publisher({ ...limits, ...side?.options });
  side?.watch(socket);
  let bound: number;
  try {
    bound = await bindSocket(socket, { service, host, port });
  } catch (error) {
    socket.close();
    await side?.release();
    throw error;
  }
  const epoch = `${Date.now().toString(36)}-${process.pid.toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  const sequences = new Map<string, number>();
  const queue: { topic: string; frames: [string, string]; done: () => void }[] = [];
  let draining: Promise<void> | undefined;
  let lossyUntil = 0;
  let lossyFor = LOSSY_FOR_MS;
  let lossyEnded = 0;
  let closed = false;

  // With noDrop a full pipe fails the send at once (libzmq always reports a PUB socket as writable), so waiting is done here.
  async function send(topic: string, frames: [string, string]): Promise<void> {
    const started = performance.now();
    for (;;) {
      try {
        return await socket.send(frames);
      } catch {
        if (closed) return undefined;
        if (performance.now() - started > stallMs && lossyUntil === 0) {
          const again = lossyEnded !== 0 && Date.now() - lossyEnded < lossyFor + stallMs;
          lossyFor = again ? Math.min(2 * lossyFor, LOSSY_AT_MOST_MS) : LOSSY_FOR_MS;
          lossyUntil = Date.now() + lossyFor;
          socket.noDrop = false; // takes effect at once on a PUB socket
          options.onLossy?.(topic);
        } else {
          await delay(1);
        }
      }
    }
  }

  async function drain(): Promise<void> {
    for (let head = queue.shift(); head !== undefined; head = queue.shift()) {
      if (lossyUntil !== 0 && Date.now() > lossyUntil) {
        lossyUntil = 0;
        lossyEnded = Date.now();
        socket.noDrop = true;
      }
      await send(head.topic, head.frames);
      head.done();
    }
    draining = undefined;
  }

  return {
    epoch,
    port: bound,
    sequence: (topic) => sequences.get(topic) ?? 0,
    get pending() {
      return queue.length;
    },
    publish(topic, data) {
      if (closed) return Promise.resolve();
      const seq = (sequences.get(topic) ?? 0) + 1;
      sequences.set(topic, seq);
      const envelope: Envelope<unknown> = { src: service, epoch, seq, ts: now(), data };
      return new Promise((done) => {
        queue.push({ topic, frames: [topic, JSON.stringify(envelope)], done });
        draining ??= drain();
      });
    },
    async close() {
      closed = true;
      await draining;
      socket.close();
      await side?.release();
    },
  };
}
