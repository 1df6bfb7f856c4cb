import { SERVICE_NAMES, type Environment, type ServiceName } from '@papergate/config';

/** What stays while releases come and go, in the project `<project>`. `volumes` ends at once: it only makes things ready. */
export const INFRASTRUCTURE_SERVICES = ['volumes', 'postgres'] as const;
export const MONITORING_SERVICES = ['prometheus', 'alertmanager', 'grafana', 'loki', 'log-collector'] as const;
/** Run once out of a release's project: `docker compose -p <release project> -f compose.json run --rm <one>`. */
export const ONE_OFFS = ['migrate', 'smoke'] as const;

export type MonitoringImage = 'prometheus' | 'alertmanager' | 'grafana' | 'loki' | 'alloy';
export const MONITORING_IMAGES: readonly MonitoringImage[] = ['prometheus', 'alertmanager', 'grafana', 'loki', 'alloy'];

/** The services of an environment, in the order in which they start. Production has no simulator. */
export function servicesOf(environment: Environment): ServiceName[] {
  return SERVICE_NAMES.filter((name) => name !== 'paper-exchange' || environment !== 'production');
}

/** The Compose files of an environment, by name, in the order in which Compose is to merge them. */
export function composeFiles(environment: Environment, options: { monitoring: boolean }): string[] {
  return [
    'compose.yaml',
    ...(environment === 'production' ? [] : ['compose.exchange.yaml']),
    `compose.${environment}.yaml`,
    ...(options.monitoring ? ['compose.monitoring.yaml'] : []),
  ];
}

/** Ports on the host's loopback: a service's HTTP, PostgreSQL, the pages of the monitoring. */
export type PortName = ServiceName | 'postgres' | 'prometheus' | 'alertmanager' | 'grafana' | 'loki';

/** `market-data` → `MARKET_DATA`, as the variables of the Compose files spell it. */
export const variableName = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/** Compose project of a release's own containers: `<project>-<first 12 of the manifest's digest>`. */
export function releaseProject(project: string, manifestDigest: string): string {
  return `${project}-${manifestDigest.replace(/^sha256:/, '').slice(0, 12)}`;
}
