import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_NAMES, type GateEvidence } from '@papergate/config';
import {
  askStatus,
  askStop,
  homeOf,
  makeHome,
  makeRelease,
  startLiveStandIn,
  testJob,
  type ActionEnd,
  type ActOptions,
  type LiveStandIn,
  type TestJob,
} from '@papergate/delivery';
import { cloneRepository, type Clone } from '../containers/testing/clone.ts';

const TOKEN = 'a-token-of-a-production-for-tests';

/** A production of processes on this machine: this repository's own services; Alpaca's live hosts are a stand-in. */
export interface TestProduction {
  job: TestJob;
  clone: Clone;
  /** Delivers a commit by the action, behind evidence of a gate that was made for it. */
  deploy(sha: string, options?: ActOptions): Promise<ActionEnd>;
  /** A commit on top of the first one, which nobody has delivered. */
  nextCommit(note: string): string;
  ask(
    service: string,
    path: string,
    init?: { method: string; body: unknown },
  ): Promise<{ status: number; body: unknown }>;
  order(symbol: string, id: string): Promise<{ status: number; body: unknown }>;
  /** Ids of the orders that the live account has had. */
  sent(): Promise<string[]>;
  fault(fault: Readonly<Record<string, unknown>>): Promise<void>;
  reset(): Promise<void>;
  commit(): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Steps of some seconds, for tests: everything else is as in production's own file. */
export const ROLLOUT = {
  stages: [
    { name: 'no-order-flow', orders: 'none', watch_seconds: 1, least_samples: 2 },
    { name: 'share', orders: { share: 0.2 }, watch_seconds: 4, least_samples: 4 },
    { name: 'all', orders: 'all', watch_seconds: 1, least_samples: 2 },
  ],
  sample_every_seconds: 0.25,
  grace_seconds: 4,
  lease_seconds: 5,
  limits: {
    service_restarts: 0,
    error_log_lines: 5,
    orders_rejected: 0,
    orders_refused: 20,
    orders_unknown: 0,
    reconciliation_differences: 0,
    reconciliations_failed: 1,
    market_staleness_seconds: 60,
    order_latency_p99_ms: false,
    alert_severities: ['critical'],
  },
};

export async function startProduction(): Promise<TestProduction> {
  const [clone, standIn] = await Promise.all([cloneRepository(), startLiveStandIn()]);
  const first = clone.commit('for tests: quick, at any hour, and asking the stand-in', filesFor(clone, standIn));
  const job = testJob({ workspace: clone.dir, sha: first, env: standIn.env });
  const home = makeHome(homeOf('', join(job.dir, 'state', 'production')));
  const inputs = {
    target: 'process',
    environment: 'production',
    'api-token': TOKEN,
    'alpaca-api-key': standIn.key,
    'alpaca-secret-key': standIn.secret,
  };
  const production: TestProduction = {
    job,
    clone,
    deploy: async (sha, options = {}) => {
      const gate = await evidenceFor(clone.dir, join(job.dir, 'gate'), sha);
      return job.act('deploy', { ...inputs, sha, 'gate-evidence': gate, ports: 'free' }, options);
    },
    nextCommit: (note) => clone.commit(note, { 'services/dashboard/NOTE': `${note}\n` }, first),
    ask: async (service, path, init) => {
      const status = await askStatus(home);
      const url = status?.services.find(({ name }) => name === service)?.url;
      if (url === undefined) throw new Error(`${service} does not run`);
      const answer = await fetch(`${url}${path}`, {
        method: init?.method ?? 'GET',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        ...(init === undefined ? {} : { body: JSON.stringify(init.body) }),
      });
      return { status: answer.status, body: await answer.json() };
    },
    order: (symbol, id) => {
      const body = { symbol, side: 'buy', type: 'market', quantity: 1, client_order_id: id };
      return production.ask('orchestrator', '/api/v1/orders', { method: 'POST', body });
    },
    sent: async () => {
      const answer = await fetch(`${standIn.exchange}/sim/ledger`);
      const { entries } = (await answer.json()) as { entries: { kind: string; client_order_id: string }[] };
      return entries.filter(({ kind }) => kind === 'order').map(({ client_order_id: id }) => id);
    },
    fault: (fault) => toExchange(standIn, '/sim/faults', fault),
    reset: async () => {
      await fetch(`${standIn.exchange}/sim/faults`, { method: 'DELETE' });
    },
    commit: async () => (await askStatus(home))?.commit,
    close: async () => {
      await askStop(home, 'the test is over');
      await standIn.close();
      job.remove();
      clone.remove();
    },
  };
  clone.git('checkout', '-q', '-B', 'main', first);
  return production;
}

async function toExchange({ exchange }: LiveStandIn, path: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${exchange}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}

/** The services of the clone ask the stand-in, at any hour and without strategies of their own. */
function filesFor(clone: Clone, { port }: LiveStandIn): Record<string, string> {
  const load = `await import(new URL('../../shared/src/testing/alpaca-live/redirect.mjs?port=${port}', import.meta.url).href);\n`;
  const live = SERVICE_NAMES.filter((name) => name !== 'paper-exchange');
  const system = JSON.parse(clone.read('config/system.production.json')) as { strategies: unknown[] };
  return {
    ...Object.fromEntries(
      live.map((name) => `services/${name}/src/main.ts`).map((path) => [path, load + clone.read(path)]),
    ),
    'config/system.production.json': JSON.stringify({ ...system, strategies: [] }),
    'config/risk_limits.production.toml': clone.read('config/risk_limits.development.toml'),
    'config/rollout.production.json': JSON.stringify(ROLLOUT),
  };
}

async function evidenceFor(repository: string, folder: string, sha: string): Promise<string> {
  const { manifest } = await makeRelease(repository, join(folder, 'releases'), sha, new AbortController().signal);
  const evidence: GateEvidence = {
    approved: true,
    commit: sha,
    manifest_digest: manifest.digest,
    approved_by: ['ana', 'ben'],
    approved_at: new Date().toISOString(),
  };
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${sha}.json`);
  writeFileSync(path, JSON.stringify(evidence));
  return path;
}
