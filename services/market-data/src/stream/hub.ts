import type { Tick } from '@papergate/service-kit';
import { frameText, tickText } from './frames.ts';
import { MAX_MESSAGE_BYTES, parseRequest } from './protocol.ts';

/** What the hub needs of a WebSocket of `ws`. */
export interface StreamSocket {
  readonly bufferedAmount: number;
  readonly readyState: number;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: 'close' | 'pong', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  send(data: string | Buffer, options: { binary: boolean }): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface HubOptions {
  symbols: readonly string[];
  /** Clients at a time. */
  maxClients?: number;
  /** Bytes that may wait for a client before it loses ticks. */
  maxBufferedBytes?: number;
  onDropped?: (ticks: number) => void;
}

const OPEN = 1;
const ALL = '*';
const MAX_BAD_MESSAGES = 20;
/** Answers are not dropped like ticks; whoever asks on and on and reads nothing is cut off at this multiple. */
const CUT_OFF_FACTOR = 4;

interface Client {
  socket: StreamSocket;
  all: boolean;
  symbols: Set<string>;
  /** Clients with the same key want the same frames. */
  key: string;
  dropped: number;
  bad: number;
  alive: boolean;
}

/**
 * The clients of `WS /stream`. A tick becomes text once, whoever wants it; clients with the same
 * subscription share the very frame. A client that does not keep up loses ticks, never this process its
 * memory: it is told how many with `gap` as soon as it can take something again.
 */
export class StreamHub {
  readonly #clients = new Set<Client>();
  readonly #groups = new Map<string, Set<Client>>();
  readonly #symbols: ReadonlySet<string>;
  readonly #maxClients: number;
  readonly #maxBuffered: number;
  readonly #onDropped: (ticks: number) => void;

  constructor(options: HubOptions) {
    this.#symbols = new Set(options.symbols);
    this.#maxClients = options.maxClients ?? 1000;
    this.#maxBuffered = options.maxBufferedBytes ?? 1024 * 1024;
    this.#onDropped = options.onDropped ?? (() => undefined);
  }

  get size(): number {
    return this.#clients.size;
  }

  add(socket: StreamSocket): void {
    socket.on('error', () => socket.terminate());
    if (this.#clients.size >= this.#maxClients) {
      socket.close(1013, `${this.#maxClients} clients are connected; try again later`);
      return;
    }
    const client: Client = { socket, all: false, symbols: new Set(), key: '', dropped: 0, bad: 0, alive: true };
    this.#clients.add(client);
    socket.on('close', () => this.#remove(client));
    socket.on('pong', () => {
      client.alive = true;
    });
    socket.on('message', (data, isBinary) => this.#onMessage(client, data, isBinary));
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    this.#regroup(client, '');
  }

  #onMessage(client: Client, data: Buffer, isBinary: boolean): void {
    client.alive = true;
    if (data.length > MAX_MESSAGE_BYTES) {
      this.#tell(client, {
        type: 'error',
        code: 'TOO_LARGE',
        message: `the message has ${data.length} bytes, allowed: ${MAX_MESSAGE_BYTES}`,
      });
      client.socket.close(1009, 'message too large');
      return;
    }
    const request = parseRequest(isBinary ? '' : data.toString('utf8'), isBinary, (symbol) =>
      this.#symbols.has(symbol),
    );
    switch (request.action) {
      case 'ping':
        this.#tell(client, { type: 'pong' });
        break;
      case 'invalid':
        this.#refuse(client, request);
        break;
      case 'subscribe':
        for (const symbol of request.symbols) client.symbols.add(symbol);
        this.#resubscribed(client);
        break;
      case 'unsubscribe':
        if (request.symbols.includes(ALL)) client.symbols.clear();
        for (const symbol of request.symbols) client.symbols.delete(symbol);
        this.#resubscribed(client);
        break;
    }
  }

  #refuse(client: Client, { code, message }: { code: string; message: string }): void {
    this.#tell(client, { type: 'error', code, message });
    client.bad += 1;
    if (client.bad >= MAX_BAD_MESSAGES) client.socket.close(1008, `${MAX_BAD_MESSAGES} bad messages`);
  }

  #resubscribed(client: Client): void {
    client.all = client.symbols.has(ALL);
    const wanted = client.all ? [ALL] : [...client.symbols].sort();
    this.#regroup(client, wanted.join(','));
    this.#tell(client, { type: 'subscribed', symbols: wanted });
  }

  #regroup(client: Client, key: string): void {
    const before = this.#groups.get(client.key);
    before?.delete(client);
    if (before?.size === 0) this.#groups.delete(client.key);
    client.key = key;
    if (key === '') return;
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, new Set([client]));
    else group.add(client);
  }

  #tell(client: Client, message: object): void {
    if (client.socket.readyState !== OPEN) return;
    if (client.socket.bufferedAmount > this.#maxBuffered * CUT_OFF_FACTOR) client.socket.terminate();
    else client.socket.send(JSON.stringify(message), { binary: false });
  }

  /** Sends ticks, in order, to all who want them. */
  broadcast(ticks: readonly Tick[]): void {
    if (this.#groups.size === 0) return;
    const texts: (string | undefined)[] = Array.from({ length: ticks.length });
    const textAt = (index: number, tick: Tick): string => (texts[index] ??= tickText(tick));
    for (const group of this.#groups.values()) {
      const [first] = group;
      if (first === undefined) continue;
      const wanted: string[] = [];
      for (const [index, tick] of ticks.entries()) {
        if (first.all || first.symbols.has(tick.s)) wanted.push(textAt(index, tick));
      }
      if (wanted.length === 0) continue;
      const frame = Buffer.from(frameText(wanted));
      for (const client of group) this.#deliver(client, frame, wanted.length);
    }
  }

  #deliver(client: Client, frame: Buffer, count: number): void {
    if (client.socket.readyState !== OPEN) return;
    if (client.socket.bufferedAmount > this.#maxBuffered) {
      client.dropped += count;
      this.#onDropped(count);
      return;
    }
    this.#reportGap(client);
    client.socket.send(frame, { binary: false });
  }

  #reportGap(client: Client): void {
    if (client.dropped === 0) return;
    client.socket.send(JSON.stringify({ type: 'gap', dropped: client.dropped }), { binary: false });
    client.dropped = 0;
  }

  /** Tells late gaps where no tick comes to carry them; call it about once a second. */
  sweep(): void {
    for (const client of this.#clients) {
      if (
        client.dropped > 0 &&
        client.socket.readyState === OPEN &&
        client.socket.bufferedAmount <= this.#maxBuffered
      ) {
        this.#reportGap(client);
      }
    }
  }

  /** Cuts off who did not answer the last ping, and pings the others; call it about every half minute. */
  checkAlive(): void {
    for (const client of this.#clients) {
      if (!client.alive) {
        client.socket.terminate();
      } else if (client.socket.readyState === OPEN) {
        client.alive = false;
        client.socket.ping();
      }
    }
  }

  close(): void {
    for (const { socket } of this.#clients) socket.close(1001, 'the service is stopping');
  }
}
