import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of a histogram's series, which are exported under one name. */
const SERIES_SUFFIX = /_(?:bucket|sum|count)$/;

/** Names of the services' own metrics that alert rules and dashboards read, sorted; histograms without their series' ending. */
export function metricNames({ composeDir, configDir }: { composeDir: string; configDir: string }): string[] {
  const dashboards = join(composeDir, 'grafana', 'dashboards');
  const files = [
    ...readdirSync(configDir)
      .filter((name) => /^alerts\..*\.yaml$/.test(name))
      .map((name) => join(configDir, name)),
    ...readdirSync(dashboards).map((name) => join(dashboards, name)),
  ];
  const found = files.flatMap((file) => readFileSync(file, 'utf8').match(/\bpapergate_[a-z0-9_]+/g) ?? []);
  return [...new Set(found.map((name) => name.replace(SERIES_SUFFIX, '')))].toSorted();
}
