import { REQUIRED_SMOKE_CHECKS } from '@papergate/delivery';

/** What can be wrong with a service; each is a whole program in place of its `main.ts`. */
export type StandInFault =
  | 'exits'
  | 'refuses'
  | 'dies-early'
  | 'never-ready'
  | 'slow'
  | 'hangs'
  | 'health-500'
  | 'crash-loop'
  | 'memory'
  | 'foreign'
  | 'missing-module'
  | 'tells-secrets';

/** Words that it says before the end, for the diagnosis to repeat. */
export const wordsOf = (service: string | undefined, fault: StandInFault): string =>
  `${service ?? 'it'} says: ${fault}, 7f3a`;

/**
 * A service of a few lines: it listens where the configuration says, is ready as the supervisor of a real one would
 * have it, and stops on SIGTERM. With a fault it is broken in that one way. Without a name it is whom the Compose
 * files say.
 */
export function standIn(service: string | undefined, fault?: StandInFault, slowMs = 2_000): string {
  const words = JSON.stringify(wordsOf(service, fault ?? 'exits'));
  return `
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
${fault === 'missing-module' ? "import './gone.js';" : ''}
const env: Record<string, string | undefined> = process.env;
const fault: string = ${JSON.stringify(fault ?? '')};
const name = ${service === undefined ? "env.PAPERGATE_SERVICE ?? ''" : JSON.stringify(service)};
const say = () => console.error(JSON.stringify({ level: 50, msg: ${words} }));
if (fault !== '') say();
if (fault === 'tells-secrets') {
  for (const name of readdirSync('/run/secrets')) console.error('secret ' + name + ': ' + readFileSync('/run/secrets/' + name, 'utf8'));
  process.exit(1);
}
if (fault === 'exits') process.exit(1);
if (fault === 'refuses') process.exit(2);
if (fault === 'memory') for (const held: Buffer[] = []; ; ) held.push(Buffer.alloc(16 * 2 ** 20, 1));
if (fault !== 'hangs') process.once('SIGTERM', () => process.exit(0));
const system = JSON.parse(readFileSync(env.CONFIG_DIR + '/system.' + env.ENVIRONMENT + '.json', 'utf8'));
const begun = Date.now();
const isReady = () => fault !== 'never-ready' && (fault !== 'slow' || Date.now() - begun > ${slowMs});
const release = fault === 'foreign' ? 'f'.repeat(40) : env.RELEASE_SHA;
const server = createServer((request, response) => {
  const answer = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (fault === 'health-500') return answer(500, { code: 'INTERNAL', message: ${words} });
  if (request.url === '/health/ready') {
    const ready = isReady();
    return answer(ready ? 200 : 503, { ready, checks: { it: { ok: ready, detail: ready ? 'fine' : ${words} } } });
  }
  answer(200, { status: 'healthy', release, environment: env.ENVIRONMENT });
});
if (fault !== 'hangs') server.listen(system.services[name].http_port, env.LISTEN_HOST ?? '127.0.0.1');
else setInterval(say, 60_000);
if (fault === 'dies-early') setTimeout(() => process.exit(1), 150);
if (fault === 'crash-loop') setTimeout(() => process.exit(1), 1_500);
`;
}

/** A smoke test that finds everything in order, or that one check fails. */
export function standInSmoke(failed?: string): string {
  return `
const names: string[] = ${JSON.stringify(REQUIRED_SMOKE_CHECKS)};
for (const name of names) {
  const status = name === ${JSON.stringify(failed ?? '')} ? 'failed' : 'passed';
  console.log(JSON.stringify({ type: 'check', name, status, duration_ms: 0, expected: 'as it is', found: 'as it is' }));
}
console.log(JSON.stringify({ type: 'summary', reached: true }));
process.exitCode = ${failed === undefined ? 0 : 1};
`;
}

/** Migrations that take no time, for a bundle that keeps nothing. */
export const STAND_IN_MIGRATE = `console.log(JSON.stringify({ applied: [] }));\n`;
