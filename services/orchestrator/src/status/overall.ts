import type { ServiceName } from '@papergate/config';
import type { ServiceStatus } from './poller.ts';

export type Overall = 'healthy' | 'degraded' | 'down';

/** Without any one of these no order can be placed. */
export const ORDER_PATH: readonly ServiceName[] = ['market-data', 'risk-manager', 'execution-engine'];

/** `down`: a service of the order path is not alive. `degraded`: anything else is not ready. `healthy`: all are. */
export function overallStatus(services: ReadonlyMap<ServiceName, Pick<ServiceStatus, 'alive' | 'ready'>>): Overall {
  if (ORDER_PATH.some((name) => services.get(name)?.alive !== true)) return 'down';
  return [...services.values()].every(({ alive, ready }) => alive && ready) ? 'healthy' : 'degraded';
}
