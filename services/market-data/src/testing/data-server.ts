import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decode, encode, encodeTimeSpecToTimestamp, EXT_TIMESTAMP, ExtensionCodec } from '@msgpack/msgpack';
import { WebSocketServer, type WebSocket } from 'ws';

/** µs since 1970, sent as msgpack's own timestamp, to the microsecond. */
export class Micro {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

const codec = new ExtensionCodec();
codec.register({
  type: EXT_TIMESTAMP,
  encode: (object) => {
    if (!(object instanceof Micro)) return null;
    const sec = Math.floor(object.value / 1e6);
    return encodeTimeSpecToTimestamp({ sec, nsec: (object.value - sec * 1e6) * 1000 });
  },
  decode: () => null,
});

export type Frame = Record<string, unknown>;

export const tradeFrame = (symbol: string, price: number, size: number, time: number, id = 1): Frame => ({
  T: 't',
  S: symbol,
  i: id,
  x: 'V',
  p: price,
  s: size,
  c: ['@'],
  z: 'C',
  t: new Micro(time),
});

export const quoteFrame = (symbol: string, bid: [number, number], ask: [number, number], time: number): Frame => ({
  T: 'q',
  S: symbol,
  bx: 'V',
  bp: bid[0],
  bs: bid[1],
  ax: 'V',
  ap: ask[0],
  as: ask[1],
  c: ['R'],
  z: 'C',
  t: new Micro(time),
});

export interface DataServerBehaviour {
  /** Answers an authentication with this error instead. */
  refuseWith?: { code: number; msg: string };
  /** Says nothing to a subscription. */
  ignoreSubscriptions?: boolean;
  /** Confirms only these symbols, whatever was asked for. */
  confirmOnly?: string[];
}

/**
 * The data stream of Alpaca as far as market-data uses it: connected, auth, subscribe, frames in msgpack,
 * errors. It can also be told to misbehave. Paced by the reader: {@link DataServer.send} waits for the socket.
 */
export class DataServer {
  readonly behaviour: DataServerBehaviour;
  readonly #http = createServer();
  readonly #ws = new WebSocketServer({ server: this.#http, perMessageDeflate: false });
  readonly #ready = new Set<WebSocket>();
  readonly subscriptions: Frame[] = [];
  connections = 0;
  /** Largest number of bytes that waited in one socket. */
  peakBuffered = 0;
  port = 0;

  constructor(behaviour: DataServerBehaviour = {}) {
    this.behaviour = behaviour;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/v2/iex`;
  }

  /** Connections that have subscribed. */
  get subscribed(): number {
    return this.#ready.size;
  }

  async listen(port = 0): Promise<this> {
    this.#ws.on('connection', (socket, request) => this.#serve(socket, request));
    await new Promise<void>((resolve) => this.#http.listen(port, '127.0.0.1', resolve));
    this.port = (this.#http.address() as AddressInfo).port;
    return this;
  }

  #serve(socket: WebSocket, request: IncomingMessage): void {
    this.connections += 1;
    if (request.headers['content-type'] !== 'application/msgpack') {
      socket.close(1003, 'this double speaks msgpack only');
      return;
    }
    const tell = (frames: Frame[]): void => socket.send(encode(frames), { binary: true });
    socket.on('close', () => this.#ready.delete(socket));
    socket.on('message', (data: Buffer) => {
      const message = decode(data) as { action: string; trades?: string[]; quotes?: string[] };
      if (message.action === 'auth') {
        const { refuseWith } = this.behaviour;
        tell(refuseWith === undefined ? [{ T: 'success', msg: 'authenticated' }] : [{ T: 'error', ...refuseWith }]);
      } else if (message.action === 'subscribe') {
        this.subscriptions.push(message);
        if (this.behaviour.ignoreSubscriptions === true) return;
        const { confirmOnly } = this.behaviour;
        tell([
          {
            T: 'subscription',
            trades: confirmOnly ?? message.trades ?? [],
            quotes: confirmOnly ?? message.quotes ?? [],
          },
        ]);
        this.#ready.add(socket);
      }
    });
    tell([{ T: 'success', msg: 'connected' }]);
  }

  /** Sends frames to every subscribed connection, `perMessage` in one message, no faster than they are read. */
  async send(frames: Iterable<Frame>, perMessage = 100): Promise<void> {
    let message: Frame[] = [];
    for (const frame of frames) {
      message.push(frame);
      if (message.length < perMessage) continue;
      await this.sendEncoded(encode(message, { extensionCodec: codec }));
      message = [];
    }
    if (message.length > 0) await this.sendEncoded(encode(message, { extensionCodec: codec }));
  }

  async sendEncoded(bytes: Uint8Array): Promise<void> {
    await Promise.all(
      [...this.#ready].map(async (socket) => {
        const sent = new Promise<void>((resolve) => socket.send(bytes, { binary: true }, () => resolve()));
        this.peakBuffered = Math.max(this.peakBuffered, socket.bufferedAmount);
        if (socket.bufferedAmount > 64 * 1024) await sent;
      }),
    );
  }

  /** Ends every connection after what was sent has gone out. */
  closeConnections(): void {
    for (const socket of this.#ws.clients) socket.close(1001);
  }

  async close(): Promise<void> {
    for (const socket of this.#ws.clients) socket.terminate();
    this.#ws.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }
}

export const encodeFrames = (frames: Frame[]): Uint8Array => encode(frames, { extensionCodec: codec });
