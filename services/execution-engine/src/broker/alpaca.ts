import { Alpaca, ApiError, NotFoundError } from '@alpacahq/alpaca-trade-api';
import { ExternalError, messageOf, type Secret } from '@papergate/config';
import { Big } from '@papergate/service-kit';
import type { Broker, BrokerOrder, CancelOutcome } from './broker.ts';
import { listExecutions } from './executions.ts';
import { classifySubmit } from './outcome.ts';
import type { RateBudget } from './rate-budget.ts';

export interface AlpacaConnection {
  keyId: Secret;
  secret: Secret;
  paper: boolean;
  /** Where the requests really go: Alpaca's host, or the exchange simulator. */
  baseUrl: string;
  timeoutMs: number;
  budget: RateBudget;
}

type AlpacaOrder = Awaited<ReturnType<Alpaca['trading']['orders']['getOrderByOrderID']>>;

/**
 * The official client. Its own retries and its own rate limiter are off: which request may be repeated is
 * decided here, and the budget comes from the broker's headers.
 */
export function createAlpacaClient(connection: AlpacaConnection): Alpaca {
  const { budget } = connection;
  return new Alpaca({
    keyId: connection.keyId.reveal(),
    secret: connection.secret.reveal(),
    paper: connection.paper,
    timeoutMs: connection.timeoutMs,
    retry: false,
    rateLimit: false,
    fetchApi: async (input, init) => {
      const url = new URL(input);
      const response = await fetch(`${connection.baseUrl}${url.pathname}${url.search}`, init);
      budget.observe(response.headers);
      return response;
    },
  });
}

/** The client behind the {@link Broker} interface. */
export function createAlpacaBroker(alpaca: Alpaca, budget: RateBudget): Broker {
  const { trading } = alpaca;

  async function within<T>(urgent: boolean, work: () => Promise<T>): Promise<T> {
    const release = await budget.acquire(urgent);
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiError && error.status === 429) budget.pause(error.retryAfterMs ?? 1_000);
      throw error;
    } finally {
      release();
    }
  }

  /** A read, for which every failure is the same: the broker gave no answer. */
  async function read<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await within(true, work);
    } catch (error) {
      throw new ExternalError({ code: 'BROKER_UNREACHABLE', message: `${what}: ${messageOf(error)}`, cause: error });
    }
  }

  return {
    async submit(order, begin) {
      let begun = false;
      try {
        const placed = await within(false, async () => {
          await begin();
          begun = true;
          return trading.orders.postOrder({
            postOrderRequest: {
              symbol: order.symbol,
              qty: order.quantity,
              side: order.side,
              type: order.type,
              timeInForce: order.timeInForce,
              clientOrderId: order.clientOrderId,
              ...(order.price === null ? {} : { limitPrice: order.price }),
              ...(order.stopPrice === null ? {} : { stopPrice: order.stopPrice }),
            },
          });
        });
        return { kind: 'placed', order: toBrokerOrder(placed) };
      } catch (error) {
        return begun ? classifySubmit(error) : { kind: 'not_sent', cause: error };
      }
    },

    findByClientOrderId: (clientOrderId) =>
      read(`look-up of ${clientOrderId}`, async () => {
        try {
          return toBrokerOrder(await trading.orders.getOrderByClientOrderId({ clientOrderId }));
        } catch (error) {
          if (error instanceof NotFoundError) return undefined;
          throw error;
        }
      }),

    openOrders: () => read('list of open orders', () => listOrders(trading, { status: 'open', pages: Infinity })),

    ordersSince: (since) =>
      read('list of orders', () =>
        listOrders(trading, { status: 'all', pages: 20, after: new Date(since).toISOString() }),
      ),

    positions: () =>
      read('list of positions', async () => {
        const positions = await trading.positions.getAllOpenPositions();
        return positions.map((position) => {
          const quantity = new Big(position.qty ?? '0').abs();
          const side: string = position.side;
          return {
            symbol: position.symbol,
            quantity: side === 'short' ? quantity.neg() : quantity,
            averageEntryPrice: new Big(position.avgEntryPrice ?? '0'),
          };
        });
      }),

    account: () =>
      read('account', async () => {
        const account = await trading.account.getAccount();
        const text = (value: string | number | undefined | null): string => String(value ?? '0');
        return {
          account_number: text(account.accountNumber),
          status: text(account.status),
          currency: account.currency ?? 'USD',
          cash: text(account.cash),
          equity: text(account.equity),
          last_equity: text(account.lastEquity),
          buying_power: text(account.buyingPower),
          long_market_value: text(account.longMarketValue),
          short_market_value: text(account.shortMarketValue),
          trading_blocked: account.tradingBlocked === true || account.accountBlocked === true,
          shorting_enabled: account.shortingEnabled !== false,
        };
      }),

    cancel: (brokerOrderId) =>
      read<CancelOutcome>(`cancel of ${brokerOrderId}`, async () => {
        try {
          await trading.orders.deleteOrderByOrderID({ orderId: brokerOrderId });
          return { kind: 'requested' };
        } catch (error) {
          if (error instanceof NotFoundError) return { kind: 'not_found' };
          if (error instanceof ApiError && error.status === 422)
            return { kind: 'not_cancelable', reason: error.message };
          throw error;
        }
      }),

    async cancelAll() {
      await read('cancel of all orders', () => trading.orders.deleteAllOrders());
    },

    executions: (since) => read('list of executions', () => listExecutions(trading, since)),
  };
}

/** Alpaca gives at most 500 a page, and pages by time of submission. */
async function listOrders(
  trading: Alpaca['trading'],
  query: { status: 'open' | 'all'; pages: number; after?: string },
): Promise<BrokerOrder[]> {
  const found = new Map<string, BrokerOrder>();
  let { after } = query;
  for (let pages = 0; pages < query.pages; pages += 1) {
    const page = await trading.orders.getAllOrders({
      status: query.status,
      limit: 500,
      direction: 'asc',
      nested: false,
      ...(after === undefined ? {} : { after }),
    });
    const before = found.size;
    for (const order of page) found.set(String(order.id), toBrokerOrder(order));
    const last = page.at(-1)?.submittedAt;
    if (page.length < 500 || last === undefined || last === null || found.size === before) break;
    // `after` leaves its own moment out, at which several orders may have come in: step back and drop what comes twice.
    after = new Date(last.getTime() - 1).toISOString();
  }
  return [...found.values()];
}

/** Reduces the client's order. Throws a RangeError where a number that the ledger needs is none. */
export function toBrokerOrder(order: AlpacaOrder): BrokerOrder {
  const updated = order.updatedAt ?? order.submittedAt ?? order.createdAt;
  return {
    brokerOrderId: String(order.id),
    clientOrderId: order.clientOrderId ?? '',
    symbol: order.symbol ?? '',
    status: order.status ?? 'new',
    filledQuantity: new Big(order.filledQty ?? '0'),
    filledAveragePrice:
      order.filledAvgPrice === undefined || order.filledAvgPrice === null ? undefined : new Big(order.filledAvgPrice),
    updatedAt: updated?.getTime() ?? Date.now(),
  };
}
