import { ExternalError, UserError } from '@papergate/config';
import { composeMetricsStore, type MetricsStore } from '../../metrics/index.ts';
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
  const filters = [`label=com.docker.compose.project=${project}`, 'label=com.docker.compose.service=prometheus'];
  const found = await host.run('docker', [
    'ps',
    ...filters.flatMap((filter) => ['--filter', filter]),
    '--format',
    '{{.Ports}}',
  ]);
  const port = /127\.0\.0\.1:(\d+)->9090\/tcp/.exec(found.stdout)?.[1];
  if (port === undefined) {
    throw new ExternalError({
      code: 'NO_PROMETHEUS',
      message: `no Prometheus of ${project} runs on ${host.name}${found.code === 0 ? '' : `: ${found.stderr.trim()}`}`,
      fix: 'ship with --monitoring first',
    });
  }
  return composeMetricsStore({ host, project, url: `http://127.0.0.1:${await host.forward(Number(port))}` });
}
