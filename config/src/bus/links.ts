import { SERVICE_NAMES, type ServiceName } from '../schema/system.ts';

/** Services with a ZeroMQ socket that others connect to. */
export type BusServer = 'market-data' | 'signal-bridge' | 'risk-manager' | 'execution-engine';

/**
 * Who connects to whom: every other pair of services has no business with each other on the bus, and a server refuses it.
 * risk-manager answers requests, the others publish.
 */
export const BUS_CLIENTS: Readonly<Record<BusServer, readonly ServiceName[]>> = {
  'market-data': ['signal-bridge', 'risk-manager', 'orchestrator', 'observability-api', 'paper-exchange'],
  'signal-bridge': ['execution-engine', 'observability-api'],
  'risk-manager': ['execution-engine'],
  'execution-engine': ['risk-manager', 'observability-api'],
};

const SERVERS = Object.keys(BUS_CLIENTS) as BusServer[];

export const isBusServer = (service: string): service is BusServer => SERVERS.some((server) => server === service);

/** The services that one has a connection with, either way round, in the order of the bundle. */
export function busPeersOf(service: ServiceName): ServiceName[] {
  const clients = isBusServer(service) ? BUS_CLIENTS[service] : [];
  const servers = SERVERS.filter((server) => BUS_CLIENTS[server].includes(service));
  return SERVICE_NAMES.filter((name) => clients.includes(name) || servers.some((server) => server === name));
}

/** Every service that has a socket on the bus; the dashboard has none. */
export const BUS_SERVICES: readonly ServiceName[] = SERVICE_NAMES.filter((name) => busPeersOf(name).length > 0);
