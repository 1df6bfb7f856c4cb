import { randomUUID } from 'node:crypto';

export interface SentOrder {
  clientOrderId: string;
  sentAt: number;
  /** 200 once it was acknowledged; undefined where no answer came. */
  status: number | undefined;
  /** What was answered where it was not 200, or why there was no answer. */
  words: string;
}

export interface OrderClientOptions {
  url: string;
  token: string | undefined;
  /** Orders a second, sent at their times whether the ones before were answered or not. */
  perSecond?: number;
}

/**
 * A client that goes on posting orders while the bundle is delivered under it. Every order that it was told is taken
 * has to be there afterwards.
 */
export class OrderClient {
  readonly sent: SentOrder[] = [];
  readonly #options: Required<OrderClientOptions>;
  readonly #open = new Set<Promise<void>>();
  readonly #run = randomUUID().slice(0, 8);
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OrderClientOptions) {
    this.#options = { perSecond: 20, ...options };
  }

  start(): this {
    this.#timer = setInterval(() => this.#send(), 1000 / this.#options.perSecond);
    return this;
  }

  /** Sends no more and waits for the answers that are still open. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  get acknowledged(): string[] {
    return this.sent.filter(({ status }) => status === 200).map(({ clientOrderId }) => clientOrderId);
  }

  /** Longest time without an acknowledged order between two that were, by when they were sent, ms. */
  longestAwayMs(since = 0): number {
    const times = this.sent
      .filter(({ status, sentAt }) => status === 200 && sentAt >= since)
      .map(({ sentAt }) => sentAt);
    return times.slice(1).reduce((longest, at, index) => Math.max(longest, at - (times[index] ?? at)), 0);
  }

  #send(): void {
    const order: SentOrder = {
      clientOrderId: `client-${this.#run}-${this.sent.length}`,
      sentAt: performance.now(),
      status: undefined,
      words: 'no answer yet',
    };
    this.sent.push(order);
    const answer = this.#post(order).finally(() => this.#open.delete(answer));
    this.#open.add(answer);
  }

  async #post(order: SentOrder): Promise<void> {
    const { url, token } = this.#options;
    // Buys and sells in turn, so that no position grows.
    const side = this.sent.length % 2 === 0 ? 'buy' : 'sell';
    const body = { symbol: 'AAPL', side, type: 'market', quantity: '1', client_order_id: order.clientOrderId };
    try {
      const answer = await fetch(`${url}/api/v1/orders`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      order.words = (await answer.text()).slice(0, 300);
      order.status = answer.status;
    } catch (error) {
      order.words = String(error);
    }
  }
}
