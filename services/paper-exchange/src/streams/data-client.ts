import { decode } from '@msgpack/msgpack';
import { encodeMessages, frameWriter, type FrameWriter } from './frames.ts';
import { bytesOf, codecOf, OPEN, type Codec, type StreamHeaders, type StreamSocket } from './socket.ts';
import { readAsked, Subscriptions } from './subscriptions.ts';

/** https://docs.alpaca.markets/docs/streaming-market-data, "Errors" */
const ERRORS = {
  400: 'invalid syntax',
  401: 'not authenticated',
  402: 'auth failed',
  403: 'already authenticated',
  404: 'auth timeout',
  405: 'symbol limit exceeded',
  406: 'connection limit exceeded',
  407: 'slow client',
  409: 'insufficient subscription',
  410: 'invalid subscribe action for this feed',
  500: 'internal error',
} as const;
/** How long a client may take to answer a goodbye, ms. */
const CLOSING_MS = 1000;

export type StreamErrorCode = keyof typeof ERRORS;

export interface DataClientHooks {
  /** Checks a key and its secret. */
  authenticate: (key: unknown, secret: unknown) => boolean;
  /** Called once the key is right; a code refuses the client all the same. */
  admit: (client: DataClient) => StreamErrorCode | undefined;
  /** Subscriptions have changed. */
  changed: (client: DataClient) => void;
  /** It takes no more ticks from here on. */
  closing: (client: DataClient) => void;
  closed: (client: DataClient) => void;
  symbolLimit: number;
  authTimeoutMs: number;
}

/** One connection of the data stream: its protocol, its subscriptions, its outgoing frames. */
export class DataClient {
  readonly id: number;
  readonly feed: string;
  readonly codec: Codec;
  readonly subscriptions = new Subscriptions();
  readonly writer: FrameWriter;
  sent = 0;
  #authenticated = false;
  readonly #socket: StreamSocket;
  readonly #hooks: DataClientHooks;
  readonly #timer: NodeJS.Timeout;
  #cutOff: NodeJS.Timeout | undefined;
  #unsent = 0;
  #waiters: (() => void)[] = [];

  constructor(id: number, feed: string, socket: StreamSocket, headers: StreamHeaders, hooks: DataClientHooks) {
    this.id = id;
    this.feed = feed;
    this.codec = codecOf(headers);
    this.writer = frameWriter(this.codec);
    this.#socket = socket;
    this.#hooks = hooks;
    this.#timer = setTimeout(() => this.fail(404, true), hooks.authTimeoutMs);
    socket.on('message', (data) => this.#receive(bytesOf(data)));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      clearTimeout(this.#timer);
      clearTimeout(this.#cutOff);
      this.#release();
      hooks.closed(this);
    });
    this.control([{ T: 'success', msg: 'connected' }]);
    const key = headers['apca-api-key-id'];
    if (key !== undefined) this.#authenticate(key, headers['apca-api-secret-key']);
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  get open(): boolean {
    return this.#socket.readyState === OPEN;
  }

  /** Bytes handed to the socket that the network has not taken. */
  get backlog(): number {
    return Math.max(this.#unsent, this.#socket.bufferedAmount);
  }

  /** Sends what the writer holds. */
  flush(): void {
    if (this.writer.count === 0) return;
    this.#send(this.writer.take());
  }

  control(messages: readonly Record<string, unknown>[]): void {
    if (this.open) this.#send(encodeMessages(this.codec, messages));
  }

  fail(code: StreamErrorCode, close = false): void {
    this.control([{ T: 'error', code, msg: ERRORS[code] }]);
    if (close) this.close();
  }

  /** Says goodbye; a client that does not answer in time is cut off, or its unread frames would be kept for ever. */
  close(code = 1000): void {
    this.#hooks.closing(this);
    this.#socket.close(code);
    this.#cutOff ??= setTimeout(() => this.#socket.terminate(), CLOSING_MS);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Resolves once the network has taken all but `most` bytes, or the client is gone. */
  drained(most: number): Promise<void> | undefined {
    if (!this.open || this.#unsent <= most) return undefined;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #send(frame: string | Uint8Array): void {
    const bytes = frame.length;
    this.#unsent += bytes;
    this.#socket.send(frame, { binary: this.codec === 'msgpack' }, () => {
      this.#unsent -= bytes;
      this.#release();
    });
  }

  #release(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #receive(data: Buffer): void {
    const message = this.#decode(data);
    if (message === undefined) return this.fail(400);
    switch (message['action']) {
      case 'auth':
        return this.#authenticate(message['key'], message['secret']);
      case 'subscribe':
      case 'unsubscribe':
        return this.#subscribe(message);
      default:
        return this.fail(400);
    }
  }

  #decode(data: Buffer): Record<string, unknown> | undefined {
    try {
      const value: unknown = this.codec === 'msgpack' ? decode(data) : JSON.parse(data.toString('utf8'));
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Record<string, unknown>)
        : undefined;
    } catch {
      return undefined;
    }
  }

  #authenticate(key: unknown, secret: unknown): void {
    if (this.#authenticated) return this.fail(403);
    if (!this.#hooks.authenticate(key, secret)) return this.fail(402, true);
    const refused = this.#hooks.admit(this);
    if (refused !== undefined) return this.fail(refused, true);
    clearTimeout(this.#timer);
    this.#authenticated = true;
    this.control([{ T: 'success', msg: 'authenticated' }]);
  }

  #subscribe(message: Record<string, unknown>): void {
    if (!this.#authenticated) return this.fail(401);
    const asked = readAsked(message);
    if (!asked.ok) return this.fail(asked.code);
    if (message['action'] === 'subscribe') {
      const trial = new Subscriptions();
      trial.add(this.subscriptions.toMessage());
      trial.add(asked.channels);
      if (this.#hooks.symbolLimit > 0 && trial.size > this.#hooks.symbolLimit) return this.fail(405);
      this.subscriptions.add(asked.channels);
    } else this.subscriptions.remove(asked.channels);
    this.control([this.subscriptions.toMessage()]);
    this.#hooks.changed(this);
  }
}
