import { WebSocket } from 'k6/websockets';
import { authorization } from './env.ts';

/** A message of either WebSocket of the bundle; several may come in one frame. */
export interface Message {
  type?: string;
  symbol?: string;
  price?: string | number;
  bid?: string | number;
  size?: string | number;
  timestamp?: string;
}

export interface Listener {
  opened(): void;
  message(message: Message): void;
  /** The connection was refused or broke; `closed` follows if it had been open. */
  failed(reason: string): void;
  closed(): void;
}

export interface Connection {
  send(message: object): void;
  close(): void;
}

function textOf(data: unknown): string {
  return typeof data === 'string' ? data : '';
}

/** Opens a WebSocket with the bearer token and hands out the messages of each frame one by one. */
export function connect(url: string, listener: Listener): Connection {
  const socket = new WebSocket(url, null, { headers: authorization() });
  socket.addEventListener('open', () => listener.opened());
  socket.addEventListener('close', () => listener.closed());
  socket.addEventListener('error', (event) => {
    listener.failed('error' in event ? event.error : 'no reason given');
  });
  socket.addEventListener('message', (event) => {
    const parsed = JSON.parse(textOf('data' in event ? event.data : undefined)) as Message | Message[];
    if (Array.isArray(parsed)) parsed.forEach((message) => listener.message(message));
    else listener.message(parsed);
  });
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    close: () => socket.close(),
  };
}
