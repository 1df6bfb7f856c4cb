import { decode, encode } from '@msgpack/msgpack';
import { bytesOf, codecOf, OPEN, type Codec, type StreamHeaders, type StreamSocket } from './socket.ts';

interface Listener {
  socket: StreamSocket;
  codec: Codec;
  authorized: boolean;
  listening: boolean;
}

/** A message of the stream before it is encoded. */
export type StreamMessage = { stream: string; data: Record<string, unknown> };

/**
 * The account's stream, Alpaca's `/stream`: `authenticate`, `listen`, then `trade_updates`. JSON, in binary
 * frames as on the paper host, or msgpack where the client says so by its content type.
 */
export class TradeUpdates {
  readonly #authenticate: (key: unknown, secret: unknown) => boolean;
  readonly #listeners = new Set<Listener>();
  /** Updates handed to at least one listener. */
  sent = 0;

  constructor(authenticate: (key: unknown, secret: unknown) => boolean) {
    this.#authenticate = authenticate;
  }

  connect(socket: StreamSocket, headers: StreamHeaders): void {
    const listener: Listener = { socket, codec: codecOf(headers), authorized: false, listening: false };
    this.#listeners.add(listener);
    socket.on('message', (data) => this.#receive(listener, bytesOf(data)));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#listeners.delete(listener));
  }

  get listening(): number {
    return [...this.#listeners].filter(({ listening }) => listening).length;
  }

  publish(data: Record<string, unknown>): void {
    let reached = false;
    for (const listener of this.#listeners) {
      if (!listener.listening || listener.socket.readyState !== OPEN) continue;
      send(listener, { stream: 'trade_updates', data });
      reached = true;
    }
    if (reached) this.sent += 1;
  }

  disconnectAll(): number {
    const count = this.#listeners.size;
    for (const { socket } of this.#listeners) socket.terminate();
    return count;
  }

  close(): void {
    for (const { socket } of this.#listeners) socket.close(1001);
  }

  #receive(listener: Listener, bytes: Buffer): void {
    const message = decodeMessage(listener.codec, bytes);
    if (message === undefined) {
      send(listener, { stream: 'error', data: { error: 'invalid syntax' } });
      return;
    }
    const data = (message['data'] ?? {}) as Record<string, unknown>;
    if (message['action'] === 'authenticate' || message['action'] === 'auth') {
      const key = data['key_id'] ?? message['key'];
      const secret = data['secret_key'] ?? message['secret'];
      listener.authorized ||= this.#authenticate(key, secret);
      const status = listener.authorized ? 'authorized' : 'unauthorized';
      send(listener, { stream: 'authorization', data: { status, action: 'authenticate' } });
      return;
    }
    if (message['action'] !== 'listen') {
      send(listener, { stream: 'error', data: { error: 'unknown action' } });
      return;
    }
    if (!listener.authorized) {
      send(listener, { stream: 'authorization', data: { status: 'unauthorized', action: 'listen' } });
      return;
    }
    // A listen message states the whole list: one without trade_updates ends it.
    const asked: unknown[] = Array.isArray(data['streams']) ? data['streams'] : [];
    listener.listening = asked.includes('trade_updates');
    send(listener, { stream: 'listening', data: { streams: listener.listening ? ['trade_updates'] : [] } });
  }
}

function decodeMessage(codec: Codec, bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = codec === 'msgpack' ? decode(bytes) : JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function send({ socket, codec }: Listener, message: StreamMessage): void {
  const frame = codec === 'msgpack' ? encode(message) : Buffer.from(JSON.stringify(message));
  socket.send(frame, { binary: true });
}
