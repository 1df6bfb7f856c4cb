import { describe, expect, test } from '@jest/globals';
import { ENVIRONMENTS, loadSystemConfig, type Environment } from '@papergate/config';
import { containerConfig } from './container-config.ts';
import { infrastructureFiles, monitoringDigest, scrapeTargets } from './infrastructure-files.ts';
import { metricNames } from './metric-names.ts';
import { servicesOf } from './names.ts';
import { COMPOSE_DIR, CONFIG_DIR } from './testing/bundle.ts';

const filesOf = (environment: Environment, monitoring = true) =>
  infrastructureFiles({
    composeDir: COMPOSE_DIR,
    configDir: CONFIG_DIR,
    environment,
    system: containerConfig(loadSystemConfig(CONFIG_DIR, environment)),
    monitoring,
  });

describe('the files of the infrastructure', () => {
  test('are PostgreSQL’s alone without monitoring', () => {
    expect([...filesOf('staging', false).keys()]).toEqual(['postgres/10-owner.sql']);
  });

  test.each([...ENVIRONMENTS])('make Prometheus scrape every service of %s by its name and port', (environment) => {
    const system = containerConfig(loadSystemConfig(CONFIG_DIR, environment));
    const targets = scrapeTargets(environment, system);
    expect(targets.map(({ labels }) => labels.service)).toEqual(servicesOf(environment));
    for (const { targets: at, labels } of targets)
      expect(at).toEqual([`${labels.service}:${system.services[labels.service].http_port}`]);
    expect(JSON.parse(filesOf(environment).get('prometheus/targets.json') ?? '')).toEqual(targets);
  });

  test('have the alerts of their environment', () => {
    for (const environment of ENVIRONMENTS) {
      const alerts = filesOf(environment).get('prometheus/alerts.yaml') ?? '';
      expect(alerts).toContain(`# Alerts of ${environment}`);
      for (const name of ['ServiceDown', 'BreakerHalted', 'ReconciliationDifference', 'ErrorsLogged', 'DiskFilling']) {
        expect(alerts).toContain(`- alert: ${name}\n`);
      }
    }
  });

  test('have one name for one content: a change of the monitoring gives another, PostgreSQL’s does not', () => {
    const files = filesOf('staging');
    const digest = monitoringDigest(files);
    expect(digest).toMatch(/^[0-9a-f]{12}$/);
    expect(monitoringDigest(new Map([...files].toReversed()))).toBe(digest);
    for (const [path, text] of files) {
      const changed = monitoringDigest(new Map([...files, [path, `${text} `]]));
      expect({ path, same: changed === digest }).toEqual({ path, same: path.startsWith('postgres/') });
    }
  });

  test('hold a dashboard whose panels have places and queries of their own, on data sources that exist', () => {
    const files = filesOf('development');
    interface Panel {
      id: number;
      title: string;
      gridPos: { x: number; y: number; w: number; h: number };
      targets: { expr: string; datasource: { uid: string } }[];
    }
    const { panels } = JSON.parse(files.get('grafana/dashboards/papergate.json') ?? '') as { panels: Panel[] };
    const sources = files.get('grafana/provisioning/datasources/papergate.yaml') ?? '';
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { title, targets } of panels) {
      expect({ title, targets: targets.length > 0 }).toEqual({ title, targets: true });
      for (const { datasource } of targets) expect(sources).toContain(`uid: ${datasource.uid}\n`);
    }
  });

  test('name the metrics that they read, histograms without their series', () => {
    const names = metricNames({ composeDir: COMPOSE_DIR, configDir: CONFIG_DIR });
    expect(names).toEqual(
      expect.arrayContaining([
        'papergate_front_door_order_seconds',
        'papergate_trading_state',
        'papergate_disk_free_bytes',
      ]),
    );
    expect(names.filter((name) => /_(bucket|count|sum)$/.test(name))).toEqual([]);
  });
});
