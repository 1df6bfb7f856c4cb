import type { MarketTick } from '../market/tick.ts';
import { BarMaker } from './bars.ts';
import { DataClient, type StreamErrorCode } from './data-client.ts';
import { Sent, type SymbolSent } from './sent.ts';
import type { StreamHeaders, StreamSocket } from './socket.ts';

export const FEEDS = ['iex', 'sip', 'delayed_sip', 'test'] as const;

export interface DataStreamOptions {
  authenticate: (key: unknown, secret: unknown) => boolean;
  /** Connections a feed takes at once; Alpaca: 1. 0: no limit. */
  connectionLimit: number;
  /** Names a client may subscribe to; 0: no limit. */
  symbolLimit: number;
  /** Feeds that the key has no subscription for: 409. */
  refusedFeeds: readonly string[];
  authTimeoutMs: number;
  /** A client that leaves more than this many bytes unread is dropped with 407. */
  slowClientBytes: number;
  /** A client has subscribed to trades or quotes. */
  onSubscribed: () => void;
}

/** Who gets what of one symbol; rebuilt when subscriptions change. */
interface Route {
  trades: DataClient[];
  quotes: DataClient[];
  bars: { client: DataClient; minute: boolean; day: boolean }[];
  maker: BarMaker | undefined;
  sent: SymbolSent;
}

/** The data stream, Alpaca's `/v2/{feed}`: takes connections, and hands every tick to whoever subscribed to it. */
export class DataStream {
  readonly #options: DataStreamOptions;
  readonly #clients = new Set<DataClient>();
  #routes = new Map<string, Route>();
  #makers = new Map<string, BarMaker>();
  #touched = new Set<DataClient>();
  #ids = 0;
  sent = new Sent();

  constructor(options: DataStreamOptions) {
    this.#options = options;
  }

  connect(feed: string, socket: StreamSocket, headers: StreamHeaders): DataClient {
    this.#ids += 1;
    const client = new DataClient(this.#ids, feed, socket, headers, {
      authenticate: this.#options.authenticate,
      admit: (candidate) => this.#admit(candidate),
      changed: (changed) => {
        this.#routes = new Map();
        if (changed.subscriptions.wantsTicks) this.#options.onSubscribed();
      },
      closing: () => {
        this.#routes = new Map();
      },
      closed: (gone) => {
        this.#clients.delete(gone);
        this.#touched.delete(gone);
        this.#routes = new Map();
      },
      symbolLimit: this.#options.symbolLimit,
      authTimeoutMs: this.#options.authTimeoutMs,
    });
    this.#clients.add(client);
    return client;
  }

  /** Is anybody subscribed to ticks? */
  get wanted(): boolean {
    return [...this.#clients].some((client) => client.authenticated && client.subscriptions.wantsTicks);
  }

  clients(): Record<string, unknown>[] {
    return [...this.#clients].map((client) => ({
      id: client.id,
      feed: client.feed,
      codec: client.codec,
      authenticated: client.authenticated,
      sent: client.sent,
      backlog_bytes: client.backlog,
    }));
  }

  /** Sends ticks, in order, and counts those that went to anybody. */
  publish(ticks: readonly MarketTick[]): void {
    if (this.#clients.size === 0) return;
    for (const tick of ticks) {
      const route = this.#routes.get(tick.symbol) ?? this.#route(tick.symbol);
      const clients = tick.kind === 't' ? route.trades : route.quotes;
      if (clients.length > 0) {
        this.sent.count(route.sent, tick);
        for (const client of clients) {
          if (client.writer.full) client.flush();
          client.writer.add(tick);
          client.sent += 1;
          this.#touched.add(client);
        }
      }
      if (route.maker !== undefined) this.#bars(route, tick);
    }
    for (const client of this.#touched) client.flush();
    this.#touched.clear();
  }

  /** Resolves when no client has more than `most` bytes waiting: a replay's brake. */
  async drained(most: number): Promise<void> {
    for (const client of this.#clients) {
      for (let wait = client.drained(most); wait !== undefined; wait = client.drained(most)) await wait;
    }
  }

  /** Drops clients that do not keep up, as a live feed has to. */
  dropSlow(): void {
    for (const client of this.#clients) {
      if (client.open && client.backlog > this.#options.slowClientBytes) client.fail(407, true);
    }
  }

  /** Cuts the connections of the feed that a path (`/v2/iex`) names, or all; gives back how many. */
  disconnectAll(path?: string): number {
    const cut = [...this.#clients].filter(({ feed }) => path === undefined || path === `/v2/${feed}`);
    for (const client of cut) client.terminate();
    return cut.length;
  }

  close(): void {
    for (const client of this.#clients) client.close(1001);
  }

  #admit(candidate: DataClient): StreamErrorCode | undefined {
    if (this.#options.refusedFeeds.includes(candidate.feed)) return 409;
    let connected = 0;
    for (const client of this.#clients) {
      if (client !== candidate && client.feed === candidate.feed && client.authenticated && client.open) connected += 1;
    }
    return this.#options.connectionLimit > 0 && connected >= this.#options.connectionLimit ? 406 : undefined;
  }

  #route(symbol: string): Route {
    const live = [...this.#clients].filter((client) => client.authenticated && client.open);
    const bars = live
      .map((client) => ({
        client,
        minute: client.subscriptions.wants('bars', symbol),
        day: client.subscriptions.wants('dailyBars', symbol),
      }))
      .filter(({ minute, day }) => minute || day);
    if (bars.length > 0 && !this.#makers.has(symbol)) this.#makers.set(symbol, new BarMaker());
    if (bars.length === 0) this.#makers.delete(symbol);
    const route: Route = {
      trades: live.filter((client) => client.subscriptions.wants('trades', symbol)),
      quotes: live.filter((client) => client.subscriptions.wants('quotes', symbol)),
      bars,
      maker: this.#makers.get(symbol),
      sent: this.sent.of(symbol),
    };
    this.#routes.set(symbol, route);
    return route;
  }

  #bars(route: Route, tick: MarketTick): void {
    const finished = route.maker?.push(tick);
    if (finished === undefined) return;
    route.sent.bars += 1;
    for (const { client, minute, day } of route.bars) {
      client.flush();
      client.control([...(minute ? [finished.minute] : []), ...(day ? [finished.day] : [])]);
    }
  }
}
