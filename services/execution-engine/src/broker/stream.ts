import type { Alpaca, streaming } from '@alpacahq/alpaca-trade-api';
import { messageOf } from '@papergate/config';
import { Big } from '@papergate/service-kit';
import type { BrokerEvent, BrokerStream } from './broker.ts';
import { toBrokerOrder } from './alpaca.ts';

export interface BrokerStreamOptions {
  alpaca: Alpaca;
  url: string;
  onEvent: (event: BrokerEvent) => void;
  /** The stream listens (again): whatever happened before is not replayed and has to be reconciled. */
  onListening: () => void;
  onProblem: (message: string) => void;
  now?: () => number;
  initialReconnectMs?: number;
}

type TradingStream = InstanceType<typeof streaming.TradingStream>;

/** The account's trade_updates, for as long as the process lives. A message that cannot be read is reported, not fatal. */
export function createBrokerStream(options: BrokerStreamOptions): BrokerStream {
  const { now = Date.now } = options;
  let listening = false;
  let since: number | undefined;
  let closed = false;
  let stream: TradingStream | undefined;
  let again: NodeJS.Timeout | undefined;

  function lost(): void {
    if (listening) since = now();
    listening = false;
  }

  function open(): void {
    stream = options.alpaca.trading.stream({
      url: options.url,
      maxReconnectAttempts: -1,
      initialReconnectMs: options.initialReconnectMs ?? 200,
      maxReconnectMs: 5_000,
      pingIntervalMs: 10_000,
    });
    stream.subscribeTradeUpdates();
    stream.onTradeUpdate((update) => {
      try {
        options.onEvent(toBrokerEvent(update, now));
      } catch (error) {
        options.onProblem(`a trade update cannot be read: ${messageOf(error)}`);
      }
    });
    stream.on('subscription', (streams: unknown) => {
      listening = Array.isArray(streams) && streams.includes('trade_updates');
      if (listening) options.onListening();
    });
    stream.onDisconnect(() => {
      lost();
      // The client gives up for good when the broker refuses its credentials; a broker that restarts may do so for a moment.
      if (!closed && again === undefined && isDown(stream)) scheduleReopen();
    });
    stream.onError((message: unknown) => options.onProblem(String(message)));
    stream.connect();
  }

  /** Looks once, after the client has had its own chance to reconnect. */
  function scheduleReopen(): void {
    again = setTimeout(() => {
      again = undefined;
      if (closed || stream === undefined || !isDown(stream)) return;
      stream.removeAllListeners();
      open();
    }, 2_000);
  }

  return {
    get listening() {
      return listening;
    },
    get since() {
      return since;
    },
    connect() {
      since = now();
      open();
    },
    close() {
      closed = true;
      clearTimeout(again);
      lost();
      stream?.disconnect();
    },
  };
}

function isDown(stream: TradingStream | undefined): boolean {
  const state: string | undefined = stream?.getState();
  return state === 'disconnected';
}

interface TradeUpdate {
  event: string;
  timestamp?: Date;
  order: Parameters<typeof toBrokerOrder>[0];
  executionId?: string;
  price?: string;
  qty?: string;
}

/** Throws a RangeError where a number of the message is none. */
export function toBrokerEvent(update: TradeUpdate, now: () => number = Date.now): BrokerEvent {
  const order = toBrokerOrder(update.order);
  const at = update.timestamp?.getTime() ?? now();
  const executed = (update.event === 'fill' || update.event === 'partial_fill') && update.executionId !== undefined;
  return {
    event: update.event,
    at,
    order: { ...order, updatedAt: Math.max(at, 0) },
    execution:
      executed && update.price !== undefined && update.qty !== undefined
        ? {
            executionId: String(update.executionId),
            quantity: new Big(update.qty),
            price: new Big(update.price),
            at,
            cumulative: order.filledQuantity,
          }
        : undefined,
  };
}
