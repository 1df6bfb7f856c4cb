import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  containers,
  makeRelease,
  PRODUCTION_SMOKE_CHECKS,
  startLiveStandIn,
  testJob,
  withImages,
  type ActionEnd,
  type LiveStandIn,
  type Manifest,
  type TestJob,
} from '@papergate/delivery';
import { bases } from '../containers/testing/bases.ts';
import { cloneRepository, type Clone } from '../containers/testing/clone.ts';
import { docker, dockerEnvironment, removeProject } from '../containers/testing/docker.ts';
import { removeImages } from '../containers/testing/kit.ts';
import { running, SERVICES } from '../containers/testing/services.ts';
import { STAND_IN_MIGRATE } from '../containers/testing/stand-in.ts';
import { thinImage } from '../containers/testing/thin-image.ts';
import { ROLLOUT } from './production.ts';

jest.setTimeout(300_000);

const LIVE = SERVICES.filter((name) => name !== 'paper-exchange');
const TOKEN = 'a-token-of-a-production-for-tests';
const project = `papergate-production-${randomBytes(4).toString('hex')}`;

/** A service of production in a few lines, which refuses to be anything else; `breaker` is what it will say of the trading state. */
const service = (breaker: string): string => `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const env: Record<string, string | undefined> = process.env;
const gate = JSON.parse(readFileSync(env.GATE_EVIDENCE_FILE ?? '', 'utf8'));
const isLive = env.ENVIRONMENT === 'production' && env.DRY_RUN === 'false' && env.ALPACA_PAPER === 'false';
if (!isLive || gate.approved !== true || gate.commit !== env.RELEASE_SHA) process.exit(2);
if (!readFileSync('/run/secrets/ALPACA_API_KEY', 'utf8').startsWith('AK')) process.exit(2);
process.once('SIGTERM', () => process.exit(0));
const system = JSON.parse(readFileSync(env.CONFIG_DIR + '/system.production.json', 'utf8'));
const release = env.RELEASE_SHA;
let scope: Record<string, unknown> = { stage: 'unset', symbols: [], reason: '', set_by: '', expires_at: null };
const metrics = [
  'papergate_process_start_time_seconds ' + Date.now(),
  'papergate_market_upstream_connected 1',
  'papergate_market_staleness_seconds 1',
].join('\\n');
createServer((request, response) => {
  const say = (body: object): void => void response.end(JSON.stringify(body));
  if (request.url === '/health/ready') return say({ ready: true, checks: {} });
  if (request.url === '/metrics') return void response.end(metrics);
  if (request.url === '/api/v1/circuit-breaker/status') return say({ state: ${JSON.stringify(breaker)}, known: true });
  if (request.url !== '/api/v1/scope') return say({ status: 'healthy', release });
  let text = '';
  request.on('data', (part) => (text += part));
  request.on('end', () => {
    if (request.method === 'PUT') {
      const { ttl_seconds: ttl, ...rest } = JSON.parse(text);
      scope = { ...rest, expires_at: ttl === undefined ? null : new Date(Date.now() + ttl * 1000).toISOString() };
    }
    say({ environment: 'production', ...scope, release, effective: scope.symbols });
  });
}).listen(system.services[env.PAPERGATE_SERVICE ?? ''].http_port, '0.0.0.0');
`;

const SMOKE = `
if (!process.argv.includes('--production')) process.exit(2);
for (const name of ${JSON.stringify(PRODUCTION_SMOKE_CHECKS)})
  console.log(JSON.stringify({ type: 'check', name, status: 'passed', duration_ms: 0, expected: '', found: '' }));
console.log(JSON.stringify({ type: 'summary', reached: true }));
`;

let clone: Clone;
let alpaca: LiveStandIn;
let job: TestJob;
let dir: string;
let registry: string;
let good: Manifest;
let halted: Manifest;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-live-'));
  registry = `${containers().registry}/${project}`;
  [clone, alpaca] = await Promise.all([cloneRepository(), startLiveStandIn()]);
  good = await release('good', 'ACTIVE');
  halted = await release('halted', 'HALTED');
  const env = { ...dockerEnvironment(), ...alpaca.env, PAPERGATE_HOME: join(dir, 'home') };
  job = testJob({ workspace: clone.dir, sha: good.commit, env });
});
afterAll(async () => {
  removeProject(project);
  removeImages(registry);
  job?.remove();
  await alpaca?.close();
  clone?.remove();
  rmSync(dir, { recursive: true, force: true });
});

async function release(name: string, breaker: string): Promise<Manifest> {
  const commit = clone.commit(name, { 'config/rollout.production.json': JSON.stringify(ROLLOUT) });
  const { manifest } = await makeRelease(clone.dir, join(dir, 'releases'), commit, new AbortController().signal);
  const { node, postgres } = await bases();
  const [repository = '', digest = ''] = postgres.split('@');
  const image = thinImage(node, `${registry}/lean`, name, {
    files: {
      '/app/package.json': '{"type":"module"}',
      '/app/service.js': service(breaker),
      '/app/smoke/src/main.js': SMOKE,
      '/app/services/shared/src/migrate.js': STAND_IN_MIGRATE,
      '/app/services/shared/src/health.js': 'process.exitCode = 0;\n',
    },
    change: [
      'USER 10001:10001',
      'WORKDIR /app',
      'ENTRYPOINT ["node", "service.js"]',
      'CMD []',
      `LABEL org.opencontainers.image.revision=${commit}`,
    ],
  });
  const images = Object.fromEntries(SERVICES.map((one) => [one, image]));
  return withImages(manifest, { ...images, postgres: { repository, digest } });
}

function file(name: string, value: unknown): string {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, name), JSON.stringify(value));
  return join(dir, name);
}

function deploy(
  { commit, digest, ...rest }: Manifest,
  more: Readonly<Record<string, string>> = {},
): Promise<ActionEnd> {
  const evidence = {
    approved: true,
    commit,
    manifest_digest: digest,
    approved_by: ['ana', 'ben'],
    approved_at: new Date().toISOString(),
  };
  return job.act('deploy', {
    target: 'compose',
    environment: 'production',
    project,
    registry,
    ports: 'free',
    manifest: file('manifest.json', { ...rest, commit, digest }),
    'gate-evidence': file('gate.json', evidence),
    'alpaca-api-key': alpaca.key,
    'alpaca-secret-key': alpaca.secret,
    'api-token': TOKEN,
    ...more,
  });
}

const passed = (end: ActionEnd): ActionEnd => {
  if (end.code !== 0) throw new Error(end.output.replaceAll(/^::add-mask::.*$/gm, ''));
  return end;
};

describe('a production on a Docker Engine', () => {
  test('runs behind its gate and is let at the market step by step, with the live key in files alone', async () => {
    const { outputs } = passed(await deploy(good));
    expect(JSON.parse(outputs['rollout'] ?? '')).toEqual({ status: 'complete', reached: 'all', failed: null });
    const now = running(project);
    expect(now.map((one) => one.service)).toEqual(LIVE);
    expect(new Set(now.map(({ manifest }) => manifest))).toEqual(new Set([good.digest]));
    const all = docker('ps', '-q', '--filter', `label=com.papergate.project=${project}`).split('\n');
    const described = docker('inspect', ...all);
    for (const secret of [alpaca.key, alpaca.secret, TOKEN]) expect(described).not.toContain(secret);
  });

  test('goes back by itself where a step does not hold', async () => {
    const end = await deploy(halted);
    expect(end.outputs).toMatchObject({ 'reason-code': 'ROLLOUT_WATCH', outcome: 'undone', sha: good.commit });
    expect(end.output).toContain('trading state: HALTED, allowed: ACTIVE');
    expect(new Set(running(project).map(({ manifest }) => manifest))).toEqual(new Set([good.digest]));
  });

  test('is no staging, and takes nothing that the gate has not seen', async () => {
    const staging = await deploy(good, { environment: 'staging', 'gate-evidence': '' });
    expect(staging.outputs['reason-code']).toBe('OTHER_ENVIRONMENT');
    const foreign = await deploy(halted, {
      'gate-evidence': file('other.json', { approved: true, commit: good.commit }),
    });
    expect(foreign.outputs['reason-code']).toBe('GATE_EVIDENCE_FOREIGN');
    expect(running(project).map((one) => one.service)).toEqual(LIVE);
  });
});
