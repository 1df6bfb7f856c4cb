import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { composeMetricsStore, exportMetrics, importMetrics } from '../metrics/index.ts';
import type { RunResult } from '../process/run.ts';
import { containers } from '../testing/containers/index.ts';
import { waitFor } from '../process/wait.ts';
import { imageName } from '../release/manifest.ts';
import { metricNames } from './metric-names.ts';
import { composeText, renderRelease, type RenderedRelease } from './render.ts';
import { COMPOSE_DIR, CONFIG_DIR, layBundle, type TestBundle } from './testing/bundle.ts';
import { openOutside, type Outside } from './testing/outside.ts';
import { monitoringStandIns, removeImages } from './testing/images.ts';
import { buildRelease } from './testing/release.ts';

const env = { ...process.env, ...containers().env };
const MIGRATIONS = readdirSync(fileURLToPath(new URL('../../../../services/shared/migrations', import.meta.url)))
  .map((file) => file.replace(/\.sql$/, ''))
  .toSorted();
/** There is no package of Grafana, Loki and Alloy to make images of. */
const LASTING = ['postgres', 'prometheus', 'alertmanager'];
let bundle: TestBundle;
let rendered: RenderedRelease;
let node: string;
/** Images that are of this test alone. */
let made: string[] = [];
const files = { infrastructure: '', release: '' };

/** One of the two projects of the place, as a target uses them. */
const project = (which: 'infrastructure' | 'release', ...args: string[]): Promise<RunResult> =>
  bundle.docker('compose', '-p', rendered[which].name, '-f', files[which], ...args);
const containerOf = (service: string): string => `${rendered.release.name}-${service}-1`;
const good = (result: RunResult): string => {
  if (result.code !== 0) throw new Error(`it ended with ${result.code}: ${result.stderr.slice(-2000)}`);
  return result.stdout;
};
const url = (service: keyof TestBundle['ports']): string => `http://127.0.0.1:${bundle.ports[service]}`;
const bearer = (): Record<string, string> => ({
  authorization: `Bearer ${bundle.secrets.get('API_TOKEN')?.reveal() ?? ''}`,
});

const until = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
  const found = await waitFor(condition, { timeoutMs: 60_000, everyMs: 200 });
  if (found === undefined) throw new Error(`waited in vain for ${what}`);
};

beforeAll(async () => {
  const built = await buildRelease(env, containers().registry);
  node = built.node;
  const monitoring = await monitoringStandIns(env, containers().registry, node);
  const services = Object.entries(built.manifest.images ?? {}).filter(([name]) => name !== 'postgres');
  made = [...services.map(([, image]) => imageName(image)), monitoring.prometheus, monitoring.alertmanager];
  bundle = await layBundle({ manifest: built.manifest, environment: 'development', env, monitoring });
  rendered = await renderRelease(bundle.render);
  for (const which of ['infrastructure', 'release'] as const) {
    files[which] = join(bundle.dir, `${which}.json`);
    writeFileSync(files[which], composeText(rendered[which]));
  }
}, 600_000);
afterAll(async () => {
  if (files.release !== '') await project('release', '--profile', '*', 'down', '--timeout', '5');
  await bundle?.close();
  await removeImages(env, made);
}, 240_000);

describe('the development bundle on an engine', () => {
  test('comes up in its two projects: what stays, migrations, then the release', async () => {
    good(await project('infrastructure', 'up', '-d', '--wait', '--wait-timeout', '120', ...LASTING));
    const migrated = good(await project('release', 'run', '--rm', '-T', 'migrate'));
    expect(JSON.parse(migrated.trim())).toMatchObject({ applied: MIGRATIONS });
    good(await project('release', 'up', '-d', '--wait', '--wait-timeout', '180'));
    const states = good(await project('release', 'ps', '--format', '{{.Service}} {{.Health}} {{.Image}}'))
      .trim()
      .split('\n');
    expect(states.length).toBe(rendered.order.length);
    for (const state of states) expect(state).toMatch(/^[a-z-]+ healthy \S+@sha256:[0-9a-f]{64}$/);
  }, 300_000);

  test('passes its own smoke test, run in a container of the release on the internal network', async () => {
    const lines = good(await project('release', 'run', '--rm', '-T', 'smoke'))
      .trim()
      .split('\n');
    expect(JSON.parse(lines.at(-1) ?? '{}')).toMatchObject({
      type: 'summary',
      reached: true,
      summary: expect.stringMatching(/^all \d+ checks passed$/),
    });
  }, 120_000);

  test('answers on loopback alone, and wants its token there', async () => {
    for (const service of rendered.order) {
      const at = url(service as keyof TestBundle['ports']);
      expect((await fetch(`${at}/health`)).status).toBe(200);
      expect((await fetch(`${at}/api/v1/config`)).status).toBe(401);
      expect((await fetch(`${at}/api/v1/config`, { headers: bearer() })).status).toBe(200);
    }
    expect((await fetch(`${url('paper-exchange')}/sim/status`)).status).toBe(401);
    const published = good(
      await bundle.docker('ps', '--filter', `label=com.papergate.project=${bundle.project}`, '--format', '{{.Ports}}'),
    );
    const open = published.match(/\S+->/g) ?? [];
    expect(open.length).toBeGreaterThan(rendered.order.length);
    for (const port of open) expect(port).toMatch(/^127\.0\.0\.1:\d+->$/);
  });

  test('exports every metric that alerts and dashboard read, and the disk', async () => {
    const texts = await Promise.all(
      rendered.order.map(async (service) =>
        (await fetch(`${url(service as keyof TestBundle['ports'])}/metrics`, { headers: bearer() })).text(),
      ),
    );
    const exported = new Set(texts.join('\n').match(/(?<=^# TYPE )\S+/gm));
    const wanted = metricNames({ composeDir: COMPOSE_DIR, configDir: CONFIG_DIR });
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !exported.has(name))).toEqual([]);
  });

  test('holds no secret in any container’s environment, labels, arguments or log', async () => {
    const ids = good(await bundle.docker('ps', '-aq', '--filter', `label=com.papergate.project=${bundle.project}`))
      .trim()
      .split('\n');
    const inspected = good(await bundle.docker('inspect', ...ids));
    const logs = await Promise.all(ids.map(async (id) => bundle.docker('logs', id)));
    const text = [inspected, ...logs.map(({ stdout, stderr }) => stdout + stderr)].join('\n');
    for (const [name, secret] of bundle.secrets) {
      // Nobody has a token but the bundle: that is no secret, and stands in every log.
      if (name === 'ACCESS_TOKENS' && secret.reveal() === '[]') continue;
      const value = name === 'DATABASE_URL' ? new URL(secret.reveal()).password : secret.reveal();
      expect({ name, found: text.includes(value) }).toEqual({ name, found: false });
    }
  });

  test('PostgreSQL is durable, has room for all, and the services’ account is not its superuser', async () => {
    const show = async (sql: string): Promise<string> =>
      good(await bundle.docker('exec', `${bundle.project}-postgres-1`, 'psql', '-U', 'postgres', '-XAtc', sql)).trim();
    expect(
      await show(
        "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('fsync','full_page_writes','synchronous_commit','max_connections','data_checksums','password_encryption')",
      ),
    ).toBe(
      'data_checksums=on fsync=on full_page_writes=on max_connections=200 password_encryption=scram-sha-256 synchronous_commit=on',
    );
    expect(await show("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'papergate'")).toBe(
      'f|f|f',
    );
    expect(await show("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'papergate'")).toBe('papergate');
    expect(
      await show("SELECT count(*) FROM pg_hba_file_rules WHERE type LIKE 'host%' AND auth_method <> 'scram-sha-256'"),
    ).toBe('0');
  });
});

describe('the monitoring beside it', () => {
  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url('prometheus')}/api/v1/${path}`);
    return ((await response.json()) as { data: unknown }).data;
  };
  const store = () =>
    composeMetricsStore({ host: bundle.render.host, project: bundle.project, url: url('prometheus') });

  test('scrapes every service with the token out of its file, and has the alerts of the environment', async () => {
    await until('every service to be scraped', async () => {
      const { activeTargets } = (await api('targets')) as {
        activeTargets: { health: string; labels: { job: string } }[];
      };
      const services = activeTargets.filter(({ labels }) => labels.job === 'papergate');
      return services.length === rendered.order.length && services.every(({ health }) => health === 'up');
    });
    const { groups } = (await api('rules')) as { groups: { rules: { name: string; health: string }[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['ServiceDown', 'BreakerHalted', 'ReconciliationDifference', 'ErrorsLogged', 'DiskFull']),
    );
    const { activeAlertmanagers } = (await api('alertmanagers')) as { activeAlertmanagers: { url: string }[] };
    expect(activeAlertmanagers.map((manager) => manager.url)).toEqual(['http://alertmanager:9093/api/v2/alerts']);
  }, 60_000);

  test('tells Alertmanager that trading is halted, and notices a service that is gone', async () => {
    const trip = await fetch(`${url('orchestrator')}/api/v1/circuit-breaker/trip`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'a drill' }),
    });
    expect(trip.status).toBe(200);
    good(await bundle.docker('stop', containerOf('signal-bridge')));
    type Alert = { labels: Record<string, string> };
    const has = (alerts: Alert[], name: string, service: string): boolean =>
      alerts.some(({ labels }) => labels['alertname'] === name && labels['service'] === service);
    await until('the halt at Alertmanager', async () => {
      const alerts = (await (await fetch(`${url('alertmanager')}/api/v2/alerts`)).json()) as Alert[];
      return has(alerts, 'BreakerHalted', 'risk-manager');
    });
    // It fires after a minute; Prometheus counts from the first scrape that fails.
    await until('the missing service to be noticed', async () =>
      has(((await api('alerts')) as { alerts: Alert[] }).alerts, 'ServiceDown', 'signal-bridge'),
    );
  }, 180_000);

  test('gives its metrics to a file, from which a Prometheus on a fresh volume has them again', async () => {
    const file = join(bundle.dir, 'metrics.tar.gz');
    const exported = await exportMetrics({ store: await store(), file });
    expect(exported.range.series).toBeGreaterThan(50);
    const container = `${bundle.project}-prometheus-1`;
    expect(good(await bundle.docker('exec', container, 'ls', '/prometheus/snapshots')).trim()).toBe('');
    await expect(importMetrics({ store: await store(), file })).rejects.toMatchObject({ code: 'METRICS_OVERLAP' });

    good(await bundle.docker('rm', '-f', container));
    good(await bundle.docker('volume', 'rm', `${bundle.project}_prometheus-data`));
    good(await project('infrastructure', 'up', '-d', '--wait', '--wait-timeout', '120', ...LASTING));
    const imported = await importMetrics({ store: await store(), file });
    expect(imported.range).toEqual(exported.range);
    await until('the new one’s own samples beside them', async () => {
      const query = encodeURIComponent(`max(timestamp(up)) > ${exported.range.to}`);
      return ((await api(`query?query=${query}`)) as { result: unknown[] }).result.length === 1;
    });
  }, 180_000);
});

describe('the networks', () => {
  let outside: Outside;
  beforeAll(async () => {
    outside = await openOutside();
  });
  afterAll(() => outside?.close());

  const PROBE = `const s = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]), timeout: 3000 });
    const end = (word) => { console.log(word); process.exit(0); };
    s.on('connect', () => end('reached')).on('timeout', () => end('not reached')).on('error', () => end('not reached'));`;
  const reachFrom = async (...docker: string[]): Promise<string> =>
    good(await bundle.docker(...docker, '-e', PROBE, outside.host, String(outside.port))).trim();
  const inNetwork = (name: string): Promise<string> =>
    reachFrom('run', '--rm', '--network', `${bundle.project}_${name}`, '--entrypoint', 'node', node);

  test('lead outside by the way out alone', async () => {
    expect(await inNetwork('egress')).toBe('reached');
    expect(await inNetwork('ports')).toBe('not reached');
    expect(await inNetwork('backplane')).toBe('not reached');
  }, 60_000);

  test('a service whose port is published and answers reaches nothing outside, nor does PostgreSQL', async () => {
    expect((await fetch(`${url('dashboard')}/health`)).status).toBe(200);
    expect(await reachFrom('exec', containerOf('dashboard'), 'node')).toBe('not reached');
    expect(await reachFrom('exec', containerOf('execution-engine'), 'node')).toBe('not reached');
    const asPostgres = [
      'run',
      '--rm',
      '--network',
      `container:${bundle.project}-postgres-1`,
      '--entrypoint',
      'node',
      node,
    ];
    expect(await reachFrom(...asPostgres)).toBe('not reached');
  }, 60_000);

  test('a service on the way out reaches it, though it is on the network of ports too', async () => {
    good(await bundle.docker('network', 'connect', `${bundle.project}_egress`, containerOf('market-data')));
    expect(await reachFrom('exec', containerOf('market-data'), 'node')).toBe('reached');
    expect((await fetch(`${url('market-data')}/health`)).status).toBe(200);
  }, 60_000);
});
