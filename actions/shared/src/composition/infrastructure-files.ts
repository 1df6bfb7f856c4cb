import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment, SystemConfig } from '@papergate/config';
import { canonicalJson } from '../release/manifest.ts';
import { servicesOf } from './names.ts';

const POSTGRES_FILES = ['postgres/10-owner.sql'];
const MONITORING_FILES = [
  'prometheus/prometheus.yml',
  'alertmanager/alertmanager.yml',
  'grafana/provisioning/datasources/papergate.yaml',
  'grafana/provisioning/dashboards/papergate.yaml',
  'grafana/dashboards/papergate.json',
  'loki/loki.yaml',
  'alloy/config.alloy',
];

/**
 * What the infrastructure's containers are given to read, by path below `PAPERGATE_INFRASTRUCTURE`. That folder belongs
 * to the place and not to a release: PostgreSQL must not be made anew because a release was.
 */
export function infrastructureFiles(options: {
  /** `compose/` of the release. */
  composeDir: string;
  /** Its `config/`. */
  configDir: string;
  environment: Environment;
  system: SystemConfig;
  monitoring: boolean;
}): ReadonlyMap<string, string> {
  const { composeDir, configDir, environment, system, monitoring } = options;
  const files = new Map<string, string>();
  for (const path of [...POSTGRES_FILES, ...(monitoring ? MONITORING_FILES : [])]) {
    files.set(path, readFileSync(join(composeDir, path), 'utf8'));
  }
  if (monitoring) {
    files.set('prometheus/alerts.yaml', readFileSync(join(configDir, `alerts.${environment}.yaml`), 'utf8'));
    files.set('prometheus/targets.json', `${JSON.stringify(scrapeTargets(environment, system), null, 2)}\n`);
  }
  return files;
}

/** Prometheus's file_sd: every service of the environment, by the name and port that it has between containers. */
export function scrapeTargets(environment: Environment, system: SystemConfig) {
  return servicesOf(environment).map((name) => ({
    targets: [`${name}:${system.services[name].http_port}`],
    labels: { service: name },
  }));
}

/** Of the monitoring's files: a container that carries another one reads old files and is made anew. */
export function monitoringDigest(files: ReadonlyMap<string, string>): string {
  const own = Object.fromEntries([...files].filter(([path]) => !path.startsWith('postgres/')));
  return createHash('sha256').update(canonicalJson(own)).digest('hex').slice(0, 12);
}
