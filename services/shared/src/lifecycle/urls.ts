import type { RuntimeEnv, ServiceName, SystemConfig } from '@papergate/config';

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** The address that a service binds, for HTTP and for the bus: its configured host, unless `LISTEN_HOST` says otherwise. */
export function listenHost(service: ServiceName, system: SystemConfig, env: Pick<RuntimeEnv, 'listenHost'>): string {
  return env.listenHost ?? system.services[service].host;
}

/** `http://host:port` of a service. */
export function httpUrl(system: SystemConfig, service: ServiceName): string {
  const { host, http_port: port } = system.services[service];
  return `http://${bracketed(host)}:${port}`;
}

/** `tcp://host:port` of a service's bus socket. */
export function busEndpoint(
  system: SystemConfig,
  service: 'market-data' | 'signal-bridge' | 'risk-manager' | 'execution-engine',
): string {
  const { host, bus_port: port } = system.services[service];
  return `tcp://${bracketed(host)}:${port}`;
}
