import { Alpaca, streaming } from '@alpacahq/alpaca-trade-api';
import { messageOf, type Secret } from '@papergate/config';
import type { UpstreamQuote, UpstreamTrade } from '../ticks/admit.ts';
import { createSocketControl, type SocketControl } from './socket.ts';

export interface UpstreamOptions {
  /** `ws(s)://…/v2/{feed}` */
  url: string;
  keyId: Secret;
  secret: Secret;
  paper: boolean;
  symbols: readonly string[];
  onTrade: (trade: UpstreamTrade) => void;
  onQuote: (quote: UpstreamQuote) => void;
  onChange?: (status: UpstreamStatus) => void;
  /** Clock for {@link UpstreamStatus.since}, ms. */
  now?: () => number;
  timing?: Partial<UpstreamTiming>;
}

export interface UpstreamTiming {
  /** First and longest wait before the client connects again, ms. */
  reconnectMs: number;
  maxReconnectMs: number;
  /** Wait after the source refused the keys: it will most likely refuse them again. */
  refusedMs: number;
  /** How long a connection may take until the subscription is confirmed. */
  subscribeMs: number;
}

const TIMING: UpstreamTiming = { reconnectMs: 250, maxReconnectMs: 10_000, refusedMs: 15_000, subscribeMs: 15_000 };

export type UpstreamState = 'idle' | 'connecting' | 'authenticating' | 'subscribing' | 'subscribed' | 'disconnected';

export interface UpstreamStatus {
  state: UpstreamState;
  /** Why it is not `subscribed`; empty where it is. */
  reason: string;
  /** ms since 1970. */
  since: number;
  /** Connections that were lost after they had been subscribed. */
  losses: number;
  /** True while this service does not read, because its own subscribers are slower. */
  paused: boolean;
}

/**
 * The one data connection: the official client, told to reconnect for ever. What the client gives up on (a
 * refused key, a subscription that never comes) is tried again here, so that nothing but {@link Upstream.stop}
 * ends it. The state is `subscribed` only when the source has confirmed every symbol for trades and quotes.
 */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #timing: UpstreamTiming;
  readonly #stream: streaming.StockDataStream;
  readonly #control: SocketControl;
  readonly #now: () => number;
  #status: UpstreamStatus;
  #lastError = '';
  #retry: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#now = options.now ?? Date.now;
    this.#status = { state: 'idle', reason: 'not started', since: this.#now(), losses: 0, paused: false };
    this.#control = createSocketControl((error) => {
      this.#lastError = messageOf(error);
    });
    const client = new Alpaca({
      keyId: options.keyId.reveal(),
      secret: options.secret.reveal(),
      paper: options.paper,
    });
    this.#stream = client.marketData.stockStream({
      url: options.url,
      wsFactory: this.#control.factory,
      maxReconnectAttempts: streaming.UNLIMITED_RECONNECT_ATTEMPTS,
      initialReconnectMs: this.#timing.reconnectMs,
      maxReconnectMs: this.#timing.maxReconnectMs,
    });
    this.#listen();
  }

  get status(): Readonly<UpstreamStatus> {
    return { ...this.#status, paused: this.#control.paused };
  }

  start(): void {
    this.#subscribe();
    this.#stream.connect();
  }

  /** Closes the connection for good. What the socket has already handed over has been delivered. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    this.#stream.disconnect();
    // A paused socket would never see the peer's answer to the close.
    this.#control.resume();
    this.#set('disconnected', 'the service is stopping');
  }

  pause(): void {
    this.#control.pause();
  }

  resume(): void {
    this.#control.resume();
  }

  /** Throws the connection away; it is opened again like after any loss. */
  drop(): void {
    this.#control.drop();
  }

  /** Sent when authenticated, both channels in one message: a source must not start one before the other. */
  #subscribe(): void {
    this.#stream.subscribeForTrades([...this.#options.symbols]);
    this.#stream.subscribeForQuotes([...this.#options.symbols]);
  }

  #listen(): void {
    const stream = this.#stream;
    stream.onTrade(this.#options.onTrade);
    stream.onQuote(this.#options.onQuote);
    stream.onError((message) => {
      if (message !== '') this.#lastError = message;
    });
    // The client takes over what the source confirmed; ask for all of it again.
    stream.onReconnecting(() => this.#subscribe());
    stream.onStateChange((state) => this.#onState(state));
    stream.on(streaming.EVENT.SUBSCRIPTION, (confirmed: Record<'trades' | 'quotes', string[]>) =>
      this.#onSubscription(confirmed),
    );
  }

  #onState(state: streaming.STATE): void {
    switch (state) {
      case streaming.STATE.CONNECTING:
        this.#set('connecting', this.#because('connecting'));
        this.#watch();
        break;
      case streaming.STATE.CONNECTED:
        this.#set('authenticating', this.#because('connected, not yet authenticated'));
        break;
      case streaming.STATE.AUTHENTICATED:
        this.#lastError = '';
        this.#set('subscribing', 'authenticated, the subscription is not yet confirmed');
        break;
      case streaming.STATE.DISCONNECTED:
        this.#onDisconnected();
        break;
      case streaming.STATE.WAITING_TO_RECONNECT:
        break;
    }
  }

  #onDisconnected(): void {
    clearTimeout(this.#watchdog);
    if (this.#stopped) return;
    if (this.#status.state === 'subscribed') this.#status.losses += 1;
    this.#set('disconnected', this.#because('the connection was lost'));
    // After a refused key the client stays here; after any other loss it has moved on to waiting by now.
    setImmediate(() => {
      if (this.#stopped || this.#stream.getState() !== streaming.STATE.DISCONNECTED) return;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.start(), this.#timing.refusedMs);
    });
  }

  /** A source may accept the socket and then say nothing for ever, or refuse without closing. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      if (this.#lastError === '') {
        this.#lastError = `no subscription was confirmed within ${this.#timing.subscribeMs} ms`;
      }
      this.#control.drop();
    }, this.#timing.subscribeMs);
  }

  #onSubscription(confirmed: Record<'trades' | 'quotes', string[]>): void {
    const missing = this.#options.symbols.filter(
      (symbol) => !confirmed.trades.includes(symbol) || !confirmed.quotes.includes(symbol),
    );
    if (missing.length > 0) {
      this.#set('subscribing', this.#because(`the source has not confirmed ${missing.slice(0, 10).join(', ')}`));
      return;
    }
    clearTimeout(this.#watchdog);
    this.#lastError = '';
    this.#set('subscribed', '');
  }

  #because(what: string): string {
    return this.#lastError === '' ? what : `${what}: ${this.#lastError}`;
  }

  #set(state: UpstreamState, reason: string): void {
    const { state: before, reason: said } = this.#status;
    if (before === state && said === reason) return;
    this.#status.state = state;
    this.#status.reason = reason;
    if (before !== state) this.#status.since = this.#now();
    this.#options.onChange?.(this.status);
  }
}
