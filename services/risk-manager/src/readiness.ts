import type { Secret } from '@papergate/config';
import { checkDatabase, type Pool, type Readiness } from '@papergate/service-kit';
import type { Breaker } from './breaker/breaker.ts';
import type { OrderScope } from './scope/scope.ts';
import type { OrderFeed } from './sync/order-feed.ts';

export interface ReadinessParts {
  breaker: Pick<Breaker, 'status'>;
  orders: Pick<OrderFeed, 'synced'>;
  scope: Pick<OrderScope, 'known'>;
  pool: Pool;
  url: Secret;
}

/** Market data and equity are not waited for: the services that give them start before and after this one. */
export function addReadiness(readiness: Readiness, { breaker, orders, scope, pool, url }: ReadinessParts): void {
  readiness.add('database', () => checkDatabase(pool, url).then(() => true as const));
  readiness.add('trading state', () => (breaker.status().known ? true : breaker.status().reason));
  readiness.add('order scope', () => scope.known || 'the stored order scope has not been read yet');
  readiness.add('exposure', () => (orders.synced ? true : 'positions and open orders have not been read yet'));
}
