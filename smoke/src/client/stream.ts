import type { Secret } from '@papergate/config';
import { Unreachable } from './http.ts';

export type Message = Record<string, unknown>;

export interface Stream {
  /** The first message since the connection opened that `wanted` says yes to, or undefined after `ms`. */
  find(wanted: (message: Message) => boolean, ms: number): Promise<Message | undefined>;
  close(): void;
}

/** Messages are kept from the start on, so that one that comes before it is asked for is not missed; the oldest go. */
const KEPT = 20_000;

/**
 * Opens a WebSocket of the bundle and subscribes. The token goes as a subprotocol; another one is offered with it,
 * because a server has to choose one and never chooses the token.
 * @throws Unreachable where it does not open or does not confirm in time
 */
export async function openStream(
  url: string,
  symbols: readonly string[],
  token: Secret | undefined,
  ms: number,
): Promise<Stream> {
  const socketUrl = url.replace(/^http/, 'ws');
  const socket = new WebSocket(socketUrl, token === undefined ? [] : ['papergate', `bearer.${token.reveal()}`]);
  const kept: Message[] = [];
  const waiting = new Set<() => void>();
  let end: string | undefined;
  const wake = () => {
    for (const each of waiting) each();
  };

  socket.addEventListener('message', ({ data }) => {
    for (const message of messagesOf(data)) {
      kept.push(message);
      if (kept.length > KEPT) kept.shift();
    }
    wake();
  });
  socket.addEventListener('close', ({ code }) => {
    end = `closed with ${code}`;
    wake();
  });
  // `close` follows and says more; without a listener the error would end the process.
  socket.addEventListener('error', () => undefined);
  socket.addEventListener('open', () => socket.send(JSON.stringify({ action: 'subscribe', symbols })));

  const find = async (wanted: (message: Message) => boolean, patienceMs: number): Promise<Message | undefined> => {
    const until = performance.now() + patienceMs;
    for (;;) {
      const found = kept.find(wanted);
      const left = until - performance.now();
      if (found !== undefined || end !== undefined || left <= 0) return found;
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        waiting.add(done);
      });
    }
  };

  if ((await find((message) => message['type'] === 'subscribed', ms)) === undefined) {
    socket.close();
    throw new Unreachable(`${socketUrl} ${end ?? 'did not confirm the subscription'}`);
  }
  return { find, close: () => socket.close() };
}

function messagesOf(data: unknown): Message[] {
  if (typeof data !== 'string') return [];
  try {
    const parsed: unknown = JSON.parse(data);
    const items: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    return items.filter((item): item is Message => typeof item === 'object' && item !== null);
  } catch {
    return [];
  }
}
