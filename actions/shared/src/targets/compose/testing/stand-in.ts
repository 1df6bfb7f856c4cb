import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ExternalError } from '@papergate/config';
import { run } from '../../../process/run.ts';
import type { ImageRef } from '../../../release/manifest.ts';
import { REQUIRED_SMOKE_CHECKS } from '../../../smoke/required.ts';

/** What is to be wrong, by service; `migrate` and `smoke` too. */
export type Faults = Readonly<Record<string, string>>;

/**
 * Every service, in a few lines that are up in no time: it answers as a real one does, or is broken in the way that
 * was asked for. What it says at its start comes out with a password in it, as a careless program's words do.
 */
const SERVICE = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { PAPERGATE_SERVICE: name, RELEASE_SHA: release, CONFIG_DIR, ENVIRONMENT } = process.env;
const { version, faults } = JSON.parse(readFileSync('/app/stand-in.json', 'utf8'));
const fault = faults[name];
console.log(JSON.stringify({ level: 30, time: new Date().toISOString(), msg: name + ' ' + version + ' with ' + readFileSync('/run/secrets/API_TOKEN', 'utf8') }));
if (fault === 'refuses') { console.error('the configuration is wrong, ' + name); process.exit(2); }
if (fault === 'crash-loop') setTimeout(() => { console.error('boom, ' + name); process.exit(1); }, 300);
if (fault === 'memory') for (const held = []; ; ) held.push(Buffer.alloc(8 * 2 ** 20, 1));
const { services } = JSON.parse(readFileSync(CONFIG_DIR + '/system.' + ENVIRONMENT + '.json', 'utf8'));
const drain = fault === 'slow-stop' ? 1_500 : 0;
let stopping = false;
createServer((request, response) => {
  const answer = (status, body) => response.writeHead(status, { connection: 'close' }).end(JSON.stringify(body));
  if (request.url === '/health') return answer(200, { status: 'healthy', release });
  if (stopping) return answer(503, { ready: false, checks: { stopping: { ok: false, detail: 'draining' } } });
  if (fault === 'never-ready') return answer(503, { ready: false, checks: { market: { ok: false, detail: 'is closed' } } });
  answer(200, { ready: true, checks: {}, version });
}).listen(services[name].http_port, '0.0.0.0');
process.on('SIGTERM', () => { stopping = true; setTimeout(() => process.exit(0), drain); });
`;

const MIGRATE = `
import { readFileSync } from 'node:fs';
const { faults } = JSON.parse(readFileSync('/app/stand-in.json', 'utf8'));
const url = readFileSync('/run/secrets/DATABASE_URL', 'utf8');
if (faults.migrate === 'hangs') setInterval(() => {}, 1000);
else if (faults.migrate === 'fails') { console.error('papergate: column "gone" does not exist at ' + url); process.exitCode = 3; }
else console.log(JSON.stringify({ applied: ['0001_first'], schema_version: '0001_first' }));
`;

const SMOKE = `
import { readFileSync } from 'node:fs';
const { faults } = JSON.parse(readFileSync('/app/stand-in.json', 'utf8'));
const names = ${JSON.stringify(REQUIRED_SMOKE_CHECKS)};
if (faults.smoke === 'hangs') {
  setInterval(() => {}, 1000);
  process.on('SIGTERM', () => { console.error('put back'); process.exit(1); });
} else {
  const asked = await fetch(process.argv.find((arg) => arg.startsWith('--orchestrator=')).slice(15) + '/health/ready');
  for (const name of names) {
    const status = faults.smoke === name || asked.status !== 200 ? 'failed' : 'passed';
    console.log(JSON.stringify({ type: 'check', name, status, duration_ms: 1, expected: 'so', found: 'so' }));
  }
  console.log(JSON.stringify({ type: 'summary', reached: true }));
  process.exitCode = faults.smoke === undefined ? 0 : 1;
}
`;

const HEALTH = `
import { readFileSync } from 'node:fs';
const { PAPERGATE_SERVICE: name, CONFIG_DIR, ENVIRONMENT } = process.env;
const { services } = JSON.parse(readFileSync(CONFIG_DIR + '/system.' + ENVIRONMENT + '.json', 'utf8'));
const { status } = await fetch('http://127.0.0.1:' + services[name].http_port + '/health/ready');
process.exitCode = status === 200 ? 0 : 1;
`;

const DOCKERFILE = (base: string, entrypoint: string): string =>
  [
    `FROM ${base}`,
    'COPY app /app',
    'WORKDIR /app',
    'USER 10001:10001',
    `ENTRYPOINT ${JSON.stringify([entrypoint, '--disable-warning=ExperimentalWarning'])}`,
    'CMD ["/app/main.mts"]',
    '',
  ].join('\n');

/** Builds one image that stands in for every service, and pushes it. */
export async function standIn(options: {
  env: NodeJS.ProcessEnv;
  base: string;
  /** `127.0.0.1:PORT/namespace/name`. */
  repository: string;
  version: string;
  faults?: Faults;
  entrypoint?: string;
}): Promise<ImageRef> {
  const { env, base, repository, version, faults = {}, entrypoint = 'node' } = options;
  const dir = mkdtempSync(join(tmpdir(), 'papergate-stand-in-'));
  const tag = `${repository}:${version}`;
  try {
    const files = {
      Dockerfile: DOCKERFILE(base, entrypoint),
      'app/stand-in.json': JSON.stringify({ version, faults }),
      'app/main.mts': SERVICE,
      'app/services/shared/src/migrate.js': MIGRATE,
      'app/services/shared/src/health.js': HEALTH,
      'app/smoke/src/main.js': SMOKE,
      'app/package.json': '{"type":"module"}',
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    await must(env, ['build', '--quiet', '--provenance=false', '--tag', tag, dir]);
    await must(env, ['push', '--quiet', tag]);
    const digests = await must(env, ['image', 'inspect', '--format', '{{json .RepoDigests}}', tag]);
    const own = (JSON.parse(digests) as string[]).find((name) => name.startsWith(`${repository}@`)) ?? '';
    // From here on the registry has it, as with a release that was built elsewhere.
    await must(env, ['rmi', tag]);
    return { repository, digest: own.split('@')[1] ?? '' };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function must(env: NodeJS.ProcessEnv, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('docker', args, { env });
  if (code === 0) return stdout.trim();
  throw new ExternalError({ code: 'DOCKER_FAILED', message: `docker ${args.join(' ')}: ${stderr.trim()}` });
}
