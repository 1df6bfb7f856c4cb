import type { Tick } from '@papergate/service-kit';
import { encodeTick, frame } from './encode.ts';

/** What the hub needs of a `ws` socket. */
export interface HubSocket {
  readonly bufferedAmount: number;
  send(data: string | Buffer, options: { binary: boolean }): void;
  terminate(): void;
}

export interface HubClient {
  symbols(): string[];
  subscribe(symbols: Iterable<string>): void;
  unsubscribe(symbols: Iterable<string>): void;
  /** Ticks that were left out and not yet told. */
  readonly dropped: number;
  leave(): void;
}

export interface TickHub {
  join(socket: HubSocket): HubClient;
  /** Ticks in order, of one epoch. A jump in `n` is told to every client as a gap. */
  accept(epoch: string, ticks: readonly Tick[]): void;
  readonly clients: number;
  close(): void;
}

export interface TickHubOptions {
  /** At most one frame a client in this time, ms; the first tick after a pause goes at once. */
  intervalMs?: number;
  /** Bytes that may wait for one client; above it ticks are left out for it until half has gone. */
  maxBuffered?: number;
  /** A client that takes nothing at all for so long is cut off. */
  stuckMs?: number;
  onDropped?: (count: number) => void;
  onSent?: (frames: number) => void;
  now?: () => number;
}

const ALL = '*';
const TEXT = { binary: false };
const MAX_FRAME_TICKS = 1_000;

interface Client {
  socket: HubSocket;
  symbols: Set<string>;
  /** Clients with equal subscriptions share their frames. */
  group: string;
  dropped: number;
  stuckSince: number | undefined;
}

/**
 * Ticks to any number of viewers. A tick is turned into text once, a frame is put together once for all who
 * want the same symbols; a slow viewer costs its own ticks and nobody else's, and no memory without bound.
 */
export function createTickHub(options: TickHubOptions = {}): TickHub {
  const { intervalMs = 10, maxBuffered = 1024 * 1024, stuckMs = 30_000, now = () => performance.now() } = options;
  const clients = new Set<Client>();
  const groups = new Map<string, Set<Client>>();
  let pending: Tick[] = [];
  let lastFlush = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let position: { epoch: string; n: number } | undefined;
  const sweep = setInterval(tellGaps, 250);
  sweep.unref();

  function regroup(client: Client): void {
    leaveGroup(client);
    client.group = client.symbols.has(ALL) ? ALL : [...client.symbols].toSorted().join(' ');
    if (client.group === '') return;
    const members = groups.get(client.group) ?? new Set();
    groups.set(client.group, members.add(client));
  }

  function leaveGroup(client: Client): void {
    const members = groups.get(client.group);
    members?.delete(client);
    if (members?.size === 0) groups.delete(client.group);
  }

  /** Whether the client may be sent something now; otherwise what it misses is counted. */
  function mayReceive(client: Client, count: number): boolean {
    const limit = client.dropped > 0 ? maxBuffered / 2 : maxBuffered;
    if (client.socket.bufferedAmount <= limit) return true;
    client.dropped += count;
    client.stuckSince ??= now();
    options.onDropped?.(count);
    return false;
  }

  function tellGap(client: Client): void {
    client.socket.send(`{"type":"gap","dropped":${client.dropped}}`, TEXT);
    client.dropped = 0;
    client.stuckSince = undefined;
  }

  function tellGaps(): void {
    for (const client of clients) {
      if (client.dropped === 0) continue;
      if (client.socket.bufferedAmount <= maxBuffered / 2) tellGap(client);
      else if (client.stuckSince !== undefined && now() - client.stuckSince > stuckMs) client.socket.terminate();
    }
  }

  function sendTo(members: Iterable<Client>, texts: readonly string[]): void {
    const data = Buffer.from(frame(texts));
    let frames = 0;
    for (const client of members) {
      if (!mayReceive(client, texts.length)) continue;
      if (client.dropped > 0) tellGap(client);
      client.socket.send(data, TEXT);
      frames += 1;
    }
    options.onSent?.(frames);
  }

  function flush(): void {
    timer = undefined;
    lastFlush = now();
    const ticks = pending;
    pending = [];
    const texts: (string | undefined)[] = Array.from({ length: ticks.length });
    for (const [group, members] of groups) {
      const wanted = group === ALL ? undefined : members.values().next().value?.symbols;
      let chosen: string[] = [];
      for (const [at, tick] of ticks.entries()) {
        if (wanted !== undefined && !wanted.has(tick.s)) continue;
        chosen.push((texts[at] ??= encodeTick(tick)));
        if (chosen.length < MAX_FRAME_TICKS) continue;
        sendTo(members, chosen);
        chosen = [];
      }
      if (chosen.length > 0) sendTo(members, chosen);
    }
  }

  function noteGap(epoch: string, ticks: readonly Tick[]): void {
    const first = ticks[0]!.n;
    if (position?.epoch === epoch && first > position.n + 1) {
      flush(); // what came before the gap is told before it
      for (const client of clients) {
        if (client.group === '') continue;
        client.dropped += first - position.n - 1;
        if (client.socket.bufferedAmount <= maxBuffered / 2) tellGap(client);
      }
    }
    position = { epoch, n: ticks.at(-1)!.n };
  }

  return {
    get clients() {
      return clients.size;
    },
    join(socket) {
      const client: Client = { socket, symbols: new Set(), group: '', dropped: 0, stuckSince: undefined };
      clients.add(client);
      return {
        symbols: () => [...client.symbols].toSorted(),
        subscribe(symbols) {
          for (const symbol of symbols) client.symbols.add(symbol);
          regroup(client);
        },
        unsubscribe(symbols) {
          for (const symbol of symbols) client.symbols.delete(symbol);
          regroup(client);
        },
        get dropped() {
          return client.dropped;
        },
        leave() {
          leaveGroup(client);
          clients.delete(client);
        },
      };
    },
    accept(epoch, ticks) {
      if (ticks.length === 0) return;
      noteGap(epoch, ticks);
      if (groups.size === 0) return;
      for (const tick of ticks) pending.push(tick);
      const wait = lastFlush + intervalMs - now();
      if (wait <= 0 || pending.length >= MAX_FRAME_TICKS * 10) {
        clearTimeout(timer);
        flush();
      } else timer ??= setTimeout(flush, wait);
    },
    close() {
      clearInterval(sweep);
      clearTimeout(timer);
    },
  };
}
