import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Evidence } from '../../evidence/index.ts';
import { EvidenceStore } from '../../evidence/store.ts';
import type { Manifest } from '../../release/manifest.ts';
import type { WatchedBundle } from './prometheus.ts';
import { LAST, REPOSITORY, RUN_ID, startGitHub, type World } from './world.ts';

/** A world as a job of GitHub's meets it: servers, files, and the variables that say where they are. */
export interface ServedWorld {
  env: Record<string, string>;
  /** The folder that the gate leaves its word in. */
  evidence: string;
  home: string;
  close(): Promise<void>;
}

/** @param dir an empty folder, which the caller removes */
export async function serveWorld(world: World, dir: string): Promise<ServedWorld> {
  const fake = await startGitHub(world);
  const prometheus = await servePrometheus(world.bundle);
  const at = (...names: string[]): string => join(dir, ...names);
  const checkout = at('checkout');
  for (const folder of ['checkout/docs/decisions', 'checkout/config', 'audits'])
    mkdirSync(at(folder), { recursive: true });
  const { files, manifest, config } = world;
  layEvidence(at('evidence'), manifest, files.evidence);
  layEvidence(at('baseline'), LAST, files.baseline.evidence as Evidence[]);
  for (const [name, text] of files.decisionRecords) writeFileSync(join(checkout, 'docs', 'decisions', name), text);
  for (const [name, value] of files.imageAudits) writeFileSync(at('audits', name), JSON.stringify(value));
  writeFileSync(at('audits', 'dependencies.json'), JSON.stringify(files.dependencyAudit));
  writeFileSync(join(checkout, 'config', 'gate.production.json'), JSON.stringify(config));
  const alerts = files.criticalAlerts.map(
    (name) => `      - alert: ${name}\n        expr: 'vector(0)'\n        labels: { severity: critical }\n`,
  );
  const warning = '      - alert: Slow\n        labels:\n          severity: warning\n';
  writeFileSync(
    join(checkout, 'config', 'alerts.staging.yaml'),
    `groups:\n  - name: papergate\n    rules:\n${alerts.join('')}${warning}`,
  );
  const { checkpoints, broken } = files.checkpoints;
  const listing = { checkpoints, broken: broken.map((id) => ({ id, why: 'cut off' })), unfinished: [] };
  writeFileSync(at('checkpoints.json'), JSON.stringify(listing));
  writeFileSync(at('root.jsonl'), `${files.trustedRoot}\n`);
  return {
    evidence: at('evidence'),
    home: at('home'),
    env: {
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: REPOSITORY,
      GITHUB_SHA: manifest.commit,
      GITHUB_RUN_ID: String(RUN_ID),
      GITHUB_ACTOR: 'writer',
      GITHUB_API_URL: fake.url,
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_WORKSPACE: checkout,
      RUNNER_TEMP: dir,
      INPUT_ENVIRONMENT: 'production',
      INPUT_EVIDENCE: at('evidence'),
      INPUT_BASELINE: at('baseline'),
      INPUT_MOMENT: world.moment,
      'INPUT_DEPENDENCY-AUDIT': at('audits', 'dependencies.json'),
      'INPUT_IMAGE-AUDITS': at('audits'),
      INPUT_CHECKPOINTS: at('checkpoints.json'),
      'INPUT_TRUSTED-ROOT': at('root.jsonl'),
      'INPUT_ON-CALL': JSON.stringify(files.onCall),
      'INPUT_PROMETHEUS-URL': prometheus.url,
      'INPUT_PROMETHEUS-TOKEN': prometheus.token,
      'INPUT_GITHUB-TOKEN': ['token', 'of', 'the', 'job'].join('-'),
      INPUT_HOME: at('home'),
      ...(world.act ? { ACT: 'true' } : {}),
    },
    close: async () => {
      await Promise.all([fake.close(), prometheus.close()]);
    },
  };
}

function layEvidence(dir: string, manifest: Manifest, evidence: readonly Evidence[]): void {
  const store = EvidenceStore.open(manifest, { dir });
  for (const item of evidence) store.writeFile(`${item.stage}.json`, item);
}

/** Prometheus' API over what a bundle was seen to do; it wants a token. */
async function servePrometheus(bundle: WatchedBundle): Promise<{ url: string; token: string; close(): Promise<void> }> {
  const token = ['token', 'of', 'prometheus'].join('-');
  const reader = bundle.reader();
  const answer = async (path: string, form: URLSearchParams): Promise<object> => {
    const ms = (name: string): number => Number(form.get(name)) * 1000;
    if (path.endsWith('/rules')) {
      const rules = (await reader.alertRules()).map(({ name, severity }) => ({
        type: 'alerting',
        name,
        labels: { severity },
      }));
      return { groups: [{ rules }] };
    }
    if (path.endsWith('/query')) return { resultType: 'scalar', result: [(await reader.now()) / 1000, ''] };
    const range = { from: ms('start'), to: ms('end'), step: ms('step') };
    const result = (await reader.range(form.get('query') ?? '', range)).map(({ labels, points }) => ({
      metric: labels,
      values: points.map(({ t, value }) => [t / 1000, String(value)]),
    }));
    return { resultType: 'matrix', result };
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => {
      const send = (status: number, value: object): void => void response.writeHead(status).end(JSON.stringify(value));
      if (request.headers.authorization !== `Bearer ${token}`) return send(401, {});
      const { pathname } = new URL(request.url ?? '', 'http://localhost');
      answer(pathname, new URLSearchParams(body)).then(
        (data) => send(200, { status: 'success', data }),
        (error: unknown) => send(500, { status: 'error', error: String(error) }),
      );
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    token,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}
