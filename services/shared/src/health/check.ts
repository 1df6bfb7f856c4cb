import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';

/** What a container's health check says, in one line; `healthy` is its exit code 0. */
export interface HealthAnswer {
  healthy: boolean;
  line: string;
}

export interface HealthQuestion {
  env: Readonly<Record<string, string | undefined>>;
  args: readonly string[];
  /** Where the configuration lies when `CONFIG_DIR` does not say. */
  configDir: string;
  timeoutMs?: number;
}

const MAX_BODY = 64 * 1024;

/**
 * Asks a service of this machine whether it is ready. Runs every few seconds in every container: so it reads the one
 * number that it needs instead of loading and checking the whole configuration, which the service itself does.
 * Never throws.
 */
export async function checkHealth({ env, args, configDir, timeoutMs = 4000 }: HealthQuestion): Promise<HealthAnswer> {
  const service = args[0] ?? env['PAPERGATE_SERVICE'];
  if (service === undefined || service === '') {
    return no('no service is named: set PAPERGATE_SERVICE, or give its name as the argument');
  }
  const environment = env['ENVIRONMENT'] ?? 'development';
  const file = join(env['CONFIG_DIR'] ?? configDir, `system.${environment}.json`);
  let port: number;
  try {
    port = portOf(JSON.parse(readFileSync(file, 'utf8')), service);
  } catch (error) {
    return no(`${service}: ${file} names no port: ${wordsOf(error)}`);
  }
  const bound = env['LISTEN_HOST'] ?? '';
  const host = ['', '0.0.0.0', '::'].includes(bound) ? '127.0.0.1' : bound;
  return ask(service, host, port, timeoutMs);
}

const no = (line: string): HealthAnswer => ({ healthy: false, line });

function portOf(system: unknown, service: string): number {
  const services = member(system, 'services');
  const port = member(member(services, service), 'http_port');
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`services.${service}.http_port is not a port`);
  }
  return port;
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function ask(service: string, host: string, port: number, timeoutMs: number): Promise<HealthAnswer> {
  return new Promise((resolve) => {
    const finish = (answer: HealthAnswer): void => {
      clearTimeout(timer);
      request.destroy();
      resolve(answer);
    };
    const timer = setTimeout(
      () => finish(no(`${service}: no answer within ${timeoutMs} ms on port ${port}`)),
      timeoutMs,
    );
    const request = get(
      { host, port, path: '/health/ready', agent: false, headers: { host: `127.0.0.1:${port}` } },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body = (body + text).slice(0, MAX_BODY)));
        response.on('error', (error) => finish(no(`${service}: the answer broke off: ${error.message}`)));
        response.on('end', () => {
          if (response.statusCode === 200) finish({ healthy: true, line: `${service}: ready` });
          else finish(no(`${service}: ${response.statusCode ?? 0} ${whyNot(body)}`));
        });
      },
    );
    request.on('error', (error) => finish(no(`${service}: port ${port} does not answer: ${wordsOf(error)}`)));
  });
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error));

/** The checks that fail, with their own words where they have some; one line, bounded. */
function whyNot(body: string): string {
  let words = body;
  try {
    const checks = member(JSON.parse(body), 'checks') ?? member(JSON.parse(body), 'collectors');
    if (typeof checks === 'object' && checks !== null) {
      const failing = Object.entries(checks).filter(([, check]) => check !== true && member(check, 'ok') !== true);
      words = failing.map(([name, check]) => `${name}: ${describe(check)}`).join('; ') || body;
    }
  } catch {
    // Not JSON: then it is told as it is.
  }
  return words.replaceAll(/\s+/g, ' ').slice(0, 300);
}

function describe(check: unknown): string {
  if (check === false) return 'no';
  const told = member(check, 'detail') ?? member(check, 'reason') ?? member(check, 'message');
  return typeof told === 'string' ? told : JSON.stringify(check);
}
