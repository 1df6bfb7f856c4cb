import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ENVIRONMENTS, loadSystemConfig, type Environment } from '@papergate/config';
import { run } from '../process/run.ts';
import { containerConfig } from './container-config.ts';
import { infrastructureFiles } from './infrastructure-files.ts';
import { COMPOSE_DIR, CONFIG_DIR } from './testing/bundle.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** The files as Prometheus finds them, its folder moved to where they lie. */
function lay(environment: Environment, change: (path: string, text: string) => string = (_path, text) => text): string {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-monitoring-'));
  folders.push(dir);
  const system = containerConfig(loadSystemConfig(CONFIG_DIR, environment));
  const files = infrastructureFiles({
    composeDir: COMPOSE_DIR,
    configDir: CONFIG_DIR,
    environment,
    system,
    monitoring: true,
  });
  mkdirSync(join(dir, 'secrets'));
  writeFileSync(join(dir, 'secrets', 'PROMETHEUS_TOKEN'), 'a token');
  for (const [path, text] of files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    const moved = text
      .replaceAll('/etc/prometheus/', `${dir}/prometheus/`)
      .replaceAll('/run/secrets/', `${dir}/secrets/`);
    writeFileSync(join(dir, path), change(path, moved));
  }
  return dir;
}

describe.each([...ENVIRONMENTS])('the monitoring of %s', (environment) => {
  test('has a configuration, targets and rules that Prometheus’s own checker accepts', async () => {
    const dir = lay(environment);
    const { code, stdout, stderr } = await run('promtool', [
      'check',
      'config',
      join(dir, 'prometheus', 'prometheus.yml'),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
  });

  test('has alerts that Alertmanager’s own checker can route', async () => {
    const dir = lay(environment);
    const config = join(dir, 'alertmanager', 'alertmanager.yml');
    expect((await run('amtool', ['check-config', config])).code).toBe(0);
    const routed = await run('amtool', ['config', 'routes', 'test', `--config.file=${config}`, 'severity=critical']);
    expect(routed.stdout.trim()).toBe('operators');
  });
});

describe('Prometheus’s checker', () => {
  test('refuses what is broken, so that passing it says something', async () => {
    const dir = lay('staging', (path, text) => (path.endsWith('alerts.yaml') ? text.replace('== 1', '=== 1') : text));
    expect((await run('promtool', ['check', 'config', join(dir, 'prometheus', 'prometheus.yml')])).code).not.toBe(0);
  });
});

describe('the alerts, fed with series', () => {
  const rulesTest = (alerts: string) => `
rule_files: [${alerts}]
evaluation_interval: 10s
tests:
  - interval: 10s
    input_series:
      - { series: 'up{job="papergate",service="market-data"}', values: '1x6 0x60' }
      - { series: 'papergate_trading_state{state="HALTED",service="risk-manager"}', values: '0x30 1x60' }
      - { series: 'papergate_reconciliation_differences_total{kind="price",service="execution-engine"}', values: '_x12 1x100' }
      - { series: 'papergate_order_alarms_total{code="ORDER_OVERFILL",service="execution-engine"}', values: '_x12 1x100' }
      - { series: 'papergate_audit_rows_lost_total{service="risk-manager"}', values: '0x12 1x100' }
      - { series: 'papergate_bus_refused_total{reason="unknown_key",service="market-data"}', values: '0x12 1+1x100' }
      - { series: 'papergate_log_lines_total{level="error",service="dashboard"}', values: '0x12 100x100' }
      - { series: 'papergate_disk_free_bytes{service="dashboard"}', values: '50x12 4x100' }
      - { series: 'papergate_disk_size_bytes{service="dashboard"}', values: '100x112' }
    alert_rule_test:
      - { eval_time: 1m, alertname: ServiceDown, exp_alerts: [] }
      - { eval_time: 1m, alertname: BreakerHalted, exp_alerts: [] }
      - { eval_time: 1m, alertname: ReconciliationDifference, exp_alerts: [] }
      - { eval_time: 1m, alertname: OrderAlarm, exp_alerts: [] }
      - { eval_time: 1m, alertname: AuditLost, exp_alerts: [] }
      - { eval_time: 3m, alertname: BusPeerRefused, exp_alerts: [] }
      - { eval_time: 1m, alertname: ErrorsLogged, exp_alerts: [] }
      - { eval_time: 1m, alertname: DiskFull, exp_alerts: [] }
`;
  const fires = (name: string, at: string): string =>
    `      - { eval_time: ${at}, alertname: ${name}, exp_alerts: [] }\n`;

  test.each([
    ['ServiceDown', '5m'],
    ['BreakerHalted', '6m'],
    ['ReconciliationDifference', '3m'],
    ['OrderAlarm', '3m'],
    ['AuditLost', '3m'],
    ['BusPeerRefused', '6m'],
    ['ErrorsLogged', '4m'],
    ['DiskFull', '8m'],
    ['DiskFilling', '10m'],
  ])('%s is silent while all is well, and fires when it is not', async (name, at) => {
    const dir = lay('staging');
    const file = join(dir, 'rules.test.yaml');
    const quiet = rulesTest(join(dir, 'prometheus', 'alerts.yaml'));
    writeFileSync(file, quiet);
    const silent = await run('promtool', ['test', 'rules', file]);
    expect({ code: silent.code, out: silent.stdout + silent.stderr }).toMatchObject({ code: 0 });
    writeFileSync(file, quiet + fires(name, at));
    const loud = await run('promtool', ['test', 'rules', file]);
    expect(loud.code).not.toBe(0);
    expect(loud.stdout + loud.stderr).toContain(`alertname="${name}"`);
  });
});
