import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_NAMES, type GateEvidence } from '@papergate/config';
import { entryOf } from '../../release/describe.ts';
import { makeRelease } from '../../release/index.ts';
import { PRODUCTION_SMOKE_CHECKS } from '../../smoke/required.ts';
import { makeTestRepository, type TestRepository } from '../../testing/repository.ts';

/** Steps of a second. */
export const QUICK_ROLLOUT = {
  stages: [
    { name: 'no-order-flow', orders: 'none', watch_seconds: 1, least_samples: 2 },
    { name: 'share', orders: { share: 0.2 }, watch_seconds: 2, least_samples: 2 },
    { name: 'all', orders: 'all', watch_seconds: 1, least_samples: 2 },
  ],
  sample_every_seconds: 0.2,
  grace_seconds: 2,
  lease_seconds: 5,
  limits: {
    service_restarts: 0,
    error_log_lines: 0,
    orders_rejected: 0,
    orders_refused: 0,
    orders_unknown: 0,
    reconciliation_differences: 0,
    reconciliations_failed: 0,
    market_staleness_seconds: 60,
    order_latency_p99_ms: 500,
    alert_severities: ['critical'],
  },
};

/**
 * A bundle of a few lines whose services tell what a roll-out looks at. What they say is in `state.json` of the folder,
 * for a test to change; order scopes are kept beside it, by release.
 */
export function makeProductionBundle(dir: string): TestRepository {
  const repository = makeTestRepository();
  repository.write('config/rollout.production.json', JSON.stringify(QUICK_ROLLOUT));
  for (const name of SERVICE_NAMES) repository.write(entryOf(name), serviceSource(name, dir));
  repository.write('smoke/src/main.ts', SMOKE);
  repository.commit('a bundle for production');
  repository.git('branch', '-M', 'main');
  return repository;
}

const SMOKE = `
  if (!process.argv.includes('--production')) throw new Error('this is production');
  for (const name of ${JSON.stringify(PRODUCTION_SMOKE_CHECKS)})
    console.log(JSON.stringify({ type: 'check', name, status: 'passed', duration_ms: 1, expected: '', found: '' }));
  console.log(JSON.stringify({ type: 'summary', reached: true }));
`;

const serviceSource = (name: string, dir: string): string => `
  import { existsSync, readFileSync, writeFileSync } from 'node:fs';
  import { createServer } from 'node:http';
  const env: Record<string, string | undefined> = process.env;
  if (env.ENVIRONMENT !== 'production' || env.DRY_RUN !== 'false' || env.ALPACA_PAPER !== 'false') process.exit(2);
  if (!JSON.parse(readFileSync(env.GATE_EVIDENCE_FILE ?? '', 'utf8')).approved) process.exit(2);
  const release = env.RELEASE_SHA ?? '';
  const system = JSON.parse(readFileSync(env.CONFIG_DIR + '/system.production.json', 'utf8'));
  const read = (file: string) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
  const state = () => read(${JSON.stringify(join(dir, 'state.json'))});
  const scopes = ${JSON.stringify(join(dir, 'scopes.json'))};
  const started = Date.now() / 1000;
  const scope = () => {
    const own = read(scopes)[release] ?? { stage: 'unset', symbols: [], reason: '', set_by: '', until: null };
    const isOver = own.until !== null && Date.now() > own.until;
    const expires = own.until === null ? null : new Date(own.until).toISOString();
    return { release, environment: 'production', ...own, expires_at: expires, effective: isOver ? [] : own.symbols };
  };
  const metrics = () => [
    'papergate_process_start_time_seconds ' + started,
    'papergate_market_upstream_connected 1',
    'papergate_market_staleness_seconds 1',
    'papergate_orders_total{status="rejected"} ' + (state().rejected ?? 0),
  ].join('\\n');
  const server = createServer((req, res) => {
    const say = (body: unknown, status = 200) => res.writeHead(status).end(JSON.stringify(body));
    if (req.url === '/health/ready') return say({ ready: true, checks: {} });
    if (req.url === '/metrics') return res.end(metrics());
    if (req.url === '/api/v1/circuit-breaker/status') return say({ state: state().breaker ?? 'ACTIVE', known: true });
    if (req.url !== '/api/v1/scope') return say({ release });
    if (req.method === 'GET') return say(scope());
    let text = '';
    req.on('data', (part) => (text += part));
    req.on('end', () => {
      const { ttl_seconds: ttl, release: wanted, ...rest } = JSON.parse(text);
      if (wanted !== release) return say({ code: 'SCOPE_RELEASE', message: 'of another release' }, 409);
      const until = ttl === undefined ? null : Date.now() + ttl * 1000;
      writeFileSync(scopes, JSON.stringify({ ...read(scopes), [release]: { ...rest, until } }));
      say(scope());
    });
  });
  server.listen(system.services['${name}'].http_port, '127.0.0.1');
  const stop = () => process.exit(0);
  process.once('SIGTERM', stop);
  process.stdin.once('end', stop).resume();
`;

/** What a gate would leave that opens production for a commit; gives the path of its file. */
export async function gateEvidence(
  { dir: repository }: Pick<TestRepository, 'dir'>,
  dir: string,
  sha: string,
  change: Partial<Record<keyof GateEvidence, unknown>> = {},
): Promise<string> {
  const { manifest } = await makeRelease(repository, join(dir, 'judged'), sha, new AbortController().signal);
  const evidence = {
    approved: true,
    commit: sha,
    manifest_digest: manifest.digest,
    approved_by: ['ana', 'ben'],
    approved_at: new Date().toISOString(),
    ...change,
  };
  const path = join(dir, `gate-${sha.slice(0, 12)}-${Object.keys(change).join('-')}.json`);
  writeFileSync(path, JSON.stringify(evidence));
  return path;
}
