import type { Secret } from '@papergate/config';
import { checkDatabase, type Pool, type Readiness } from '@papergate/service-kit';
import type { BrokerStream } from './broker/broker.ts';
import type { Engine } from './engine.ts';
import type { RiskClient } from './risk/risk-client.ts';
import type { WriterLock } from './store/writer-lock.ts';

export interface ReadinessParts {
  engine: Pick<Engine, 'loaded' | 'reconciled'>;
  lock: Pick<WriterLock, 'held' | 'reason'>;
  stream: Pick<BrokerStream, 'listening'>;
  risk: Pick<RiskClient, 'current'>;
  pool: Pool;
  url: Secret;
}

/** Everything an order needs on its way. A halted engine is ready: it can still cancel. */
export function addReadiness(readiness: Readiness, { engine, lock, stream, risk, pool, url }: ReadinessParts): void {
  readiness.add('database', () => checkDatabase(pool, url).then(() => true as const));
  readiness.add('writer', () => lock.held || lock.reason);
  readiness.add('risk-manager', () => {
    const { known, reason, equityKnown } = risk.current();
    if (!known) return reason;
    return equityKnown ? true : 'risk-manager does not know the account’s equity yet';
  });
  readiness.add('broker stream', () => stream.listening || 'trade_updates are not received');
  readiness.add('reconciliation', () => {
    if (engine.reconciled) return true;
    return engine.loaded ? 'the first one has not gone through yet' : 'waits for the open orders to be loaded';
  });
}
