import { WebSocket } from 'ws';
import type { streaming } from '@alpacahq/alpaca-trade-api';

export interface SocketControl {
  /** The client's `wsFactory` option. */
  readonly factory: streaming.WebSocketFactory;
  /** Stops reading the present connection, and every later one, until {@link SocketControl.resume}. */
  pause(): void;
  resume(): void;
  readonly paused: boolean;
  /** Throws the present connection away; the client then reconnects. */
  drop(): void;
}

/**
 * The official client's own way to bring a socket (`wsFactory`), used to hold the socket and to pause it:
 * while it is paused the kernel's buffers fill and the sender has to wait, so back-pressure reaches the
 * source and nothing is queued here. What the receiver has already read (one chunk of at most 64 KiB) is
 * still handed over.
 *
 * The client takes a connection for dead when a pong does not come within five seconds. A pong waits behind
 * all data that was sent before it, and behind a pause; so every frame counts as a sign of life, and while
 * paused no ping is sent.
 *
 * @param onError the error itself, where the client only passes its (for a refused connection empty) message on
 */
export function createSocketControl(onError: (error: Error) => void): SocketControl {
  let current: PausableSocket | undefined;
  let paused = false;
  return {
    factory: (url, codec) => {
      const socket = new PausableSocket(url, codec === 'msgpack' ? 'application/msgpack' : 'application/json');
      current = socket;
      socket.on('error', onError);
      socket.on('open', () => {
        if (paused) socket.pause();
      });
      return socket;
    },
    pause() {
      paused = true;
      current?.pause();
    },
    resume() {
      paused = false;
      current?.resume();
    },
    get paused() {
      return paused;
    },
    drop() {
      current?.terminate();
    },
  };
}

class PausableSocket extends WebSocket {
  constructor(url: string, contentType: string) {
    super(url, {
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
      headers: { 'Content-Type': contentType },
    });
    this.on('message', () => this.#alive());
  }

  /** The client listens for `pong` and for nothing else to know that its peer lives. */
  #alive(): void {
    this.emit('pong', Buffer.alloc(0));
  }

  /** A connection that is given up before it stood is closing and has nothing that could be held: ws would throw. */
  override pause(): void {
    if (this.readyState === WebSocket.OPEN) super.pause();
    this.#alive();
  }

  override resume(): void {
    if (this.isPaused) super.resume();
    this.#alive();
  }

  override ping(data?: unknown): void {
    super.ping(data);
    if (this.isPaused) queueMicrotask(() => this.#alive());
  }
}
