import type { Logger } from 'pino';
import { messageOf } from '@papergate/config';
import { Big } from '@papergate/service-kit';
import type { Broker } from '../broker/broker.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Tracked } from '../ledger/tracked.ts';
import { stateOf } from '../life/states.ts';
import { restOf } from './reducing.ts';

export interface RestingOptions {
  broker: Pick<Broker, 'cancel'>;
  ledger: Pick<Ledger, 'book' | 'open'>;
  logger: Pick<Logger, 'info' | 'warn'>;
  now: () => number;
  /** A cancel may be lost like any message: ms after which it is sent again. */
  againMs?: number;
}

/**
 * While REDUCING: takes back what rests at the broker and may open a position when it is filled. Orders that shrink one
 * stay, oldest first, as far as the position goes.
 */
export class Resting {
  readonly #options: RestingOptions;
  readonly #asked = new Map<Tracked, number>();

  constructor(options: RestingOptions) {
    this.#options = options;
  }

  /** Asks the broker to cancel them, each once in a while; how many still stand, those included whose outcome nobody knows yet. */
  sweep(): number {
    const { broker, ledger, logger, now, againMs = 2_000 } = this.#options;
    const opening = openingOrders(ledger.open(), (symbol) => ledger.book.positions.get(symbol)?.quantity ?? new Big(0));
    for (const tracked of this.#asked.keys()) if (!opening.includes(tracked)) this.#asked.delete(tracked);
    for (const tracked of opening) {
      const { brokerOrderId, clientOrderId, symbol } = tracked.order;
      if (brokerOrderId === null || now() - (this.#asked.get(tracked) ?? -Infinity) < againMs) continue;
      this.#asked.set(tracked, now());
      logger.info({ clientOrderId, symbol }, 'an order that rests and may open a position is canceled: REDUCING');
      void broker.cancel(brokerOrderId).catch((error: unknown) => {
        this.#asked.delete(tracked);
        logger.warn(
          { clientOrderId, reason: messageOf(error) },
          'an order that may open a position is not canceled yet',
        );
      });
    }
    return opening.length;
  }
}

/** Of the orders that the broker has or may have, those that would open a position or turn one; of those that shrink one, what is beyond it. */
export function openingOrders(open: readonly Tracked[], positionOf: (symbol: string) => Big): Tracked[] {
  const left = new Map<string, Big>();
  const opening: Tracked[] = [];
  const there = open.filter(({ order }) => stateOf(order) !== 'durable');
  for (const tracked of there.toSorted((a, b) => a.order.createdAt - b.order.createdAt)) {
    const { order } = tracked;
    const position = left.get(order.symbol) ?? positionOf(order.symbol);
    const closes = order.side === 'sell' ? position.gt(0) : position.lt(0);
    const rest = restOf(order);
    if (!closes || rest.gt(position.abs())) opening.push(tracked);
    else left.set(order.symbol, order.side === 'sell' ? position.minus(rest) : position.plus(rest));
  }
  return opening;
}
