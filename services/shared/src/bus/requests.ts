import { randomUUID } from 'node:crypto';
import { Dealer, Router } from 'zeromq';
import { ExternalError, messageOf } from '@papergate/config';
import { bindSocket } from './bind.ts';
import type { Bus, BusEndpoint } from './bus.ts';
import { connectionTo } from './connect.ts';
import { BusMessageError } from './message.ts';

export interface Requester {
  /** Sends a request and resolves to its answer; rejects with `BUS_TIMEOUT` when none came in time. */
  request(body: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** Of one frame, bytes: many times the largest batch of orders. What is larger ends the connection. */
const LARGEST_MESSAGE = 4 * 1024 * 1024;

/** The asking side of a DEALER/ROUTER pair: frames are request id and JSON. Many requests may be under way. */
export function createRequester(options: { endpoint: string | BusEndpoint; timeoutMs: number; bus?: Bus }): Requester {
  const connection = connectionTo(options.endpoint, options.bus);
  const socket = new Dealer({
    sendHighWaterMark: 10_000,
    receiveHighWaterMark: 10_000,
    reconnectInterval: 100,
    reconnectMaxInterval: 1_000,
    linger: 0,
    sendTimeout: options.timeoutMs,
    maxMessageSize: LARGEST_MESSAGE,
    ...connection.options,
  });
  connection.open(socket);
  const waiting = new Map<
    string,
    { resolve: (value: unknown) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }
  >();
  let sending = Promise.resolve();

  const running = (async () => {
    for await (const [id, payload] of socket) {
      const key = String(id);
      const entry = waiting.get(key);
      if (entry === undefined) continue; // answered too late: the caller has already been told
      waiting.delete(key);
      clearTimeout(entry.timer);
      try {
        entry.resolve(JSON.parse(String(payload)));
      } catch (error) {
        entry.reject(error as Error);
      }
    }
  })().catch(() => undefined);

  return {
    request(body) {
      const id = randomUUID();
      return new Promise((resolve, reject) => {
        const fail = (why: string, cause?: unknown) => {
          const entry = waiting.get(id);
          if (entry === undefined) return;
          waiting.delete(id);
          clearTimeout(entry.timer);
          reject(new ExternalError({ code: 'BUS_TIMEOUT', message: `${connection.url} ${why}`, cause }));
        };
        const timer = setTimeout(() => fail(`gave no answer within ${options.timeoutMs} ms`), options.timeoutMs);
        waiting.set(id, { resolve, reject, timer });
        // One pending send a socket: sends are chained.
        sending = sending
          .then(() => socket.send([id, JSON.stringify(body)]))
          .catch((error: unknown) => fail(`cannot be reached: ${messageOf(error)}`, error));
      });
    },
    async close() {
      connection.close();
      socket.close();
      for (const [, entry] of waiting) {
        clearTimeout(entry.timer);
        entry.reject(new ExternalError({ code: 'BUS_CLOSED', message: 'the requester was closed' }));
      }
      waiting.clear();
      await running;
    },
  };
}

export interface Responder {
  readonly port: number;
  close(): Promise<void>;
}

/** The answering side. A handler that throws gives `{"error": message}`; requests are handled side by side. */
export async function createResponder(options: {
  service: string;
  host: string;
  port: number;
  handle: (body: unknown) => unknown;
  onError?: (error: unknown) => void;
  bus?: Bus;
}): Promise<Responder> {
  const side = await options.bus?.security?.serve();
  const socket = new Router({
    sendHighWaterMark: 10_000,
    receiveHighWaterMark: 10_000,
    linger: 200,
    mandatory: false,
    maxMessageSize: LARGEST_MESSAGE,
    ...side?.options,
  });
  side?.watch(socket);
  let port: number;
  try {
    port = await bindSocket(socket, options);
  } catch (error) {
    socket.close();
    await side?.release();
    throw error;
  }
  let sending = Promise.resolve();

  async function answer(identity: Buffer, id: Buffer, payload: Buffer): Promise<void> {
    let body: unknown;
    try {
      body = await options.handle(parse(payload));
    } catch (error) {
      if (error instanceof BusMessageError && options.bus !== undefined) options.bus.malformed(error.fault, 'a client');
      else options.onError?.(error);
      body = { error: messageOf(error) };
    }
    sending = sending
      .then(() => socket.send([identity, id, JSON.stringify(body)]))
      .catch((error: unknown) => options.onError?.(error));
    await sending;
  }

  const running = (async () => {
    for await (const [identity, id, payload] of socket) {
      if (identity === undefined || id === undefined || payload === undefined) {
        options.bus?.malformed('frames', 'a client');
        continue;
      }
      void answer(identity, id, payload);
    }
  })().catch((error: unknown) => options.onError?.(error));

  return {
    port,
    async close() {
      await sending;
      socket.close();
      await running;
      await side?.release();
    },
  };
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(String(payload));
  } catch {
    // The parser's message quotes what may be anything.
    throw new BusMessageError('json');
  }
}
