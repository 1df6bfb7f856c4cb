import { ExternalError, UserError } from '@papergate/config';
import { composeMetricsStore, type MetricsStore } from '../../metrics/index.ts';
import { openPrometheus } from '../../promotion/prometheus/client.ts';
import type { OpenPlace } from './open.ts';

/** The metrics of a place that has the monitoring. @throws UserError NO_METRICS_HERE; ExternalError NO_PROMETHEUS */
export async function metricsStoreOf({ place }: OpenPlace): Promise<MetricsStore> {
  const { host, project, kind } = place;
  if (kind !== 'compose') {
    throw new UserError({
      code: 'NO_METRICS_HERE',
      message: 'a staging of processes has no Prometheus of its own, so there are no metrics to take along',
      fix: 'add --target compose where you mean a Docker Engine',
    });
  }
  const port = await prometheusPort(place);
  if (port === undefined) {
    throw new ExternalError({
      code: 'NO_PROMETHEUS',
      message: `no Prometheus of ${project} runs on ${host.name}`,
      fix: 'ship with --monitoring first',
    });
  }
  return composeMetricsStore({ host, project, url: `http://127.0.0.1:${await host.forward(port)}` });
}

/** The port on its host's loopback where the Prometheus of a compose place listens; undefined where none runs. */
async function prometheusPort({ host, project }: OpenPlace['place']): Promise<number | undefined> {
  const filters = [`label=com.docker.compose.project=${project}`, 'label=com.docker.compose.service=prometheus'];
  const found = await host.run('docker', [
    'ps',
    ...filters.flatMap((filter) => ['--filter', filter]),
    '--format',
    '{{.Ports}}',
  ]);
  const port = /127\.0\.0\.1:(\d+)->9090\/tcp/.exec(found.stdout)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** Asks a Prometheus which alerts fire. */
export interface AlertReader {
  /** Names of those that fire now with one of these severities. @throws those of {@link openPrometheus} */
  firing(severities: readonly string[]): Promise<string[]>;
  close(): Promise<void>;
}

/**
 * The Prometheus beside a bundle; undefined where the place has no monitoring.
 * @throws ExternalError NO_PROMETHEUS where it should have one
 */
export async function alertsOf({ place, settings, options }: OpenPlace): Promise<AlertReader | undefined> {
  const { kind, host, project } = place;
  if (kind !== 'compose' || !settings.monitoring) return undefined;
  const port = await prometheusPort(place);
  if (port === undefined) {
    throw new ExternalError({
      code: 'NO_PROMETHEUS',
      message: `no Prometheus of ${project} runs on ${host.name}, although the place has monitoring`,
      fix: 'look at its container; nothing is rolled out that nobody watches',
    });
  }
  const url = `http://127.0.0.1:${await host.forward(port)}`;
  const reader = openPrometheus({ url, env: options.env, timeoutMs: 5_000, waitsMs: [] });
  return {
    firing: async (severities) => {
      const now = await reader.now();
      const query = `ALERTS{alertstate="firing",severity=~"${severities.join('|')}"}`;
      const series = await reader.range(query, { from: now, to: now, step: 1000 });
      return [...new Set(series.map(({ labels }) => labels['alertname'] ?? 'unnamed'))].toSorted();
    },
    close: () => reader.close(),
  };
}
