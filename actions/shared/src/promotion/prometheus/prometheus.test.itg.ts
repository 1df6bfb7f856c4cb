import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePorts } from '../../net/free-port.ts';
import { waitFor } from '../../process/wait.ts';
import { defaultGateConfig } from '../config.ts';
import { alerts } from '../rules/alerts.ts';
import { errorLog } from '../rules/error-log.ts';
import { monitoring } from '../rules/monitoring.ts';
import type { GateContext, Judgement } from '../types.ts';
import { openPrometheus } from './client.ts';

/*
 * A real Prometheus, to which two days of a bundle are handed as a file of samples (promtool tsdb create-blocks-from), and the
 * queries of the rules asked of it. So what PromQL makes of gaps, restarts and births is Prometheus' own word.
 */
const HOUR = 3_600_000;
const STEP = 30_000;
const NOW = Math.floor(Date.now() / 60_000) * 60_000 - 60_000;
const START = NOW - 5 * HOUR;

let dir: string;
let child: ChildProcess | undefined;
let reader: ReturnType<typeof openPrometheus>;

/** Samples of five hours: `quiet` is well; `gappy` was away for a while; `loud` logged errors around a restart and fired. */
function samples(): string {
  const lines: string[] = [];
  const add = (metric: string, of: (t: number) => number | undefined): void => {
    for (let t = START; t <= NOW; t += STEP) {
      const value = of(t);
      if (value !== undefined) lines.push(`${metric} ${value} ${t / 1000}`);
    }
  };
  const hours = (t: number): number => (t - START) / HOUR;
  const away = (t: number): boolean => hours(t) > 2 && hours(t) < 2.15;
  const type = (name: string, kind: string): unknown => lines.push(`# TYPE ${name} ${kind}`);
  type('up', 'gauge');
  for (const service of ['quiet', 'loud']) add(`up{job="papergate",service="${service}"}`, () => 1);
  add('up{job="papergate",service="gappy"}', (t) => (away(t) ? undefined : 1));
  type('papergate_log_lines', 'counter');
  for (const service of ['quiet', 'gappy'])
    add(`papergate_log_lines_total{service="${service}",level="error"}`, () => 0);
  // Five errors, a restart, four more: Prometheus' own increase would not see the five, with which the counter was born.
  add('papergate_log_lines_total{service="loud",level="error"}', (t) =>
    hours(t) < 1 ? undefined : hours(t) < 1.5 ? 5 : hours(t) < 1.75 ? 0 : 4,
  );
  add('papergate_log_lines_total{service="loud",level="info"}', () => 1000);
  type('ALERTS', 'gauge');
  add('ALERTS{alertname="Halted",alertstate="firing",severity="critical",service="loud"}', (t) =>
    hours(t) >= 3 && hours(t) < 3.01 ? 1 : undefined,
  );
  add('ALERTS{alertname="Slow",alertstate="firing",severity="warning"}', (t) => (hours(t) < 1 ? 1 : undefined));
  type('prometheus_rule_evaluations', 'counter');
  add('prometheus_rule_evaluations_total{rule_group="papergate"}', (t) => (t - START) / 1000);
  return `${lines.join('\n')}\n# EOF\n`;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-prometheus-'));
  writeFileSync(join(dir, 'samples.om'), samples());
  writeFileSync(
    join(dir, 'alerts.yaml'),
    'groups:\n  - name: papergate\n    rules:\n      - { alert: Halted, expr: vector(0) > 1, labels: { severity: critical } }\n',
  );
  writeFileSync(join(dir, 'prometheus.yml'), 'rule_files: [alerts.yaml]\n');
  const made = spawn(
    'promtool',
    ['tsdb', 'create-blocks-from', 'openmetrics', join(dir, 'samples.om'), join(dir, 'data')],
    {
      stdio: 'ignore',
    },
  );
  expect(await new Promise((done) => made.once('close', done))).toBe(0);
  const [port] = await freePorts(1);
  child = spawn(
    'prometheus',
    [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  reader = openPrometheus({ url: `http://127.0.0.1:${port}`, env: {} });
  const isLoaded = async (): Promise<boolean> => (await reader.alertRules().catch(() => [])).length > 0;
  await waitFor(isLoaded, { timeoutMs: 20_000 });
}, 40_000);

afterAll(async () => {
  await reader?.close();
  if (child !== undefined && child.exitCode === null) {
    const gone = new Promise((done) => child?.once('close', done));
    child.kill('SIGKILL');
    await gone;
  }
  rmSync(dir, { recursive: true, force: true });
});

function ask(
  rule: { judge(context: GateContext, config: never): Promise<Judgement> },
  services: string[],
  name: 'alerts' | 'monitoring' | 'error-log',
  wanted = ['Halted'],
): Promise<string[]> {
  const config = { ...defaultGateConfig(), soak: { enabled: true, hours: 4.9 } };
  const context = {
    config,
    manifest: { services: Object.fromEntries(services.map((service) => [service, {}])) },
    now: () => Promise.resolve(NOW),
    prometheus: () => reader,
    files: { criticalAlerts: () => Promise.resolve(wanted) },
  } as unknown as GateContext;
  return rule
    .judge(context, config[name] as never)
    .then(({ problems }) => problems.map(({ code, message }) => `${code} ${message}`));
}

describe('a real Prometheus', () => {
  test('tells its time', async () => {
    expect(Math.abs((await reader.now()) - Date.now())).toBeLessThan(60_000);
  });

  test('shows a gap that a plain query would have hidden, and none where there is none', async () => {
    expect(await ask(monitoring, ['quiet', 'loud'], 'monitoring')).toEqual([]);
    expect(await ask(monitoring, ['gappy', 'quiet'], 'monitoring')).toEqual([
      expect.stringMatching(/^MONITORING_GAP gappy .* from/),
    ]);
    expect(await ask(monitoring, ['absent'], 'monitoring')).toEqual([expect.stringMatching(/^MONITORING_MISSING/)]);
  });

  test('shows a critical alert that fired for half a minute, no warning, and which rules are loaded', async () => {
    expect(await ask(alerts, ['quiet'], 'alerts')).toEqual([
      expect.stringMatching(/^ALERT_FIRED Halted \(loud\) fired/),
    ]);
    expect(await ask(alerts, ['quiet'], 'alerts', ['Halted', 'Down'])).toContainEqual(
      expect.stringMatching(/^ALERT_RULES_MISSING .*Down/),
    );
  });

  test('counts errors over a birth and a restart', async () => {
    expect(await ask(errorLog, ['quiet', 'gappy'], 'error-log')).toEqual([]);
    const config = defaultGateConfig()['error-log'];
    const context = {
      config: { ...defaultGateConfig(), soak: { enabled: true, hours: 4.9 } },
      manifest: { services: { quiet: {} } },
      now: () => Promise.resolve(NOW),
      prometheus: () => reader,
    } as unknown as GateContext;
    expect((await errorLog.judge(context, config)).seen).toMatch(/^9 in the hour/);
    expect((await errorLog.judge(context, { ...config, below_per_hour: 9 })).problems).toMatchObject([
      { code: 'ERROR_LOG_LOUD' },
    ]);
  });
});
