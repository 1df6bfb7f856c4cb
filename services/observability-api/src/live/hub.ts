/** What the hub needs of a `ws` socket. */
export interface LiveSocket {
  readonly bufferedAmount: number;
  send(data: string | Buffer, options: { binary: boolean }): void;
  terminate(): void;
}

/** Kinds of single events that a client may ask for beside the numbers of each second. */
export const EVENT_KINDS = ['order', 'fill', 'signal'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface LiveClient {
  subscribe(kinds: readonly EventKind[]): EventKind[];
  leave(): void;
}

const MAX_BUFFERED = 1024 * 1024;
/** Events that wait for their frame; of more only the newest are shown, since this is a view and not a record. */
const MAX_WAITING = 1_000;
const TEXT = { binary: false };

/** The numbers of each second to everybody, and events, gathered a few times a second, to who asked. Each is turned into text once. */
export class LiveHub {
  readonly #clients = new Map<LiveSocket, Set<EventKind>>();
  #events: { kind: EventKind; text: string }[] = [];

  get clients(): number {
    return this.#clients.size;
  }

  join(socket: LiveSocket): LiveClient {
    const kinds = new Set<EventKind>();
    this.#clients.set(socket, kinds);
    return {
      subscribe(wanted) {
        for (const kind of wanted) kinds.add(kind);
        return [...kinds];
      },
      leave: () => void this.#clients.delete(socket),
    };
  }

  /** Sends to all. A client that has not taken what it was sent before is left out: the next second brings newer numbers. */
  broadcast(message: object): void {
    if (this.#clients.size === 0) return;
    const data = Buffer.from(JSON.stringify(message));
    for (const socket of this.#clients.keys()) this.#send(socket, data);
  }

  event(kind: EventKind, data: object): void {
    if (![...this.#clients.values()].some((kinds) => kinds.has(kind))) return;
    this.#events.push({ kind, text: JSON.stringify({ type: kind, data }) });
    if (this.#events.length > MAX_WAITING) this.#events = this.#events.slice(-MAX_WAITING / 2);
  }

  /** Sends the events that wait: one JSON array a client, shared by all who asked for the same kinds. */
  flush(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    const frames = new Map<string, Buffer | undefined>();
    for (const [socket, kinds] of this.#clients) {
      const key = [...kinds].toSorted().join();
      if (!frames.has(key)) {
        const chosen = events.filter(({ kind }) => kinds.has(kind));
        frames.set(key, chosen.length === 0 ? undefined : Buffer.from(`[${chosen.map(({ text }) => text).join(',')}]`));
      }
      const data = frames.get(key);
      if (data !== undefined) this.#send(socket, data);
    }
  }

  #send(socket: LiveSocket, data: Buffer): void {
    if (socket.bufferedAmount <= MAX_BUFFERED) socket.send(data, TEXT);
  }
}
