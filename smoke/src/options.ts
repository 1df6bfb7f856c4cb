import { parseArgs } from 'node:util';
import { messageOf, readTextFile, Secret, UserError } from '@papergate/config';

/** In the order in which they are looked at. `exchange` is the simulator, where there is one. */
export const SERVICES = [
  'market-data',
  'signal-bridge',
  'risk-manager',
  'execution-engine',
  'orchestrator',
  'observability-api',
  'dashboard',
] as const;
export type Service = (typeof SERVICES)[number];

export interface Targets {
  services: Record<Service, string>;
  /** The simulator's base URL; absent where the market is real. */
  exchange: string | undefined;
}

export interface Options {
  targets: Targets;
  token: Secret | undefined;
  /** How long anything that has to happen may take, ms. */
  patienceMs: number;
  /** It is production: only looks. */
  production: boolean;
  json: boolean;
  help: boolean;
}

const DEFAULT_PATIENCE_S = 30;

export const USAGE = `usage: node smoke/src/main.ts ${SERVICES.map((service) => `--${service} URL`).join(' ')}
         [--exchange URL] [--token-file FILE] [--timeout SECONDS] [--production] [--json]

  --exchange URL       the exchange simulator: the tick of the tick checks is put in there; without it, at the front door
  --token-file FILE    file that holds the bearer token of the services
  --timeout SECONDS    how long anything may take that has to happen (default ${DEFAULT_PATIENCE_S})
  --production         only look: no order, no tick, no trip of the breaker; dry_run and alpaca_paper have to be false
  --json               one JSON object a line: {"type":"check",…} each, {"type":"summary",…} at the end

exit codes: 0 all passed, 1 a check failed, 2 wrong usage, 3 no service could be reached`;

function usage(message: string, fix = 'see --help'): UserError {
  return new UserError({ code: 'SMOKE_USAGE', message, fix });
}

/** @throws UserError SMOKE_USAGE, or CONFIG_UNREADABLE for the token file */
export function parseOptions(argv: readonly string[]): Options {
  const values = parseFlags(argv);
  const help = values['help'] === true;
  const url = (name: string): string => {
    const found = values[name];
    if (typeof found === 'string') return baseUrl(name, found);
    if (help) return '';
    throw usage(`--${name} is missing`, `give the base URL of ${name}, for example --${name} http://127.0.0.1:8080`);
  };
  const services = Object.fromEntries(SERVICES.map((service) => [service, url(service)])) as Record<Service, string>;
  const { 'token-file': tokenFile, exchange } = values;
  return {
    targets: { services, exchange: typeof exchange === 'string' ? baseUrl('exchange', exchange) : undefined },
    token: typeof tokenFile === 'string' ? readToken(tokenFile) : undefined,
    patienceMs: patience(values['timeout']),
    production: isProduction(values),
    json: values['json'] === true,
    help,
  };
}

function parseFlags(argv: readonly string[]): Record<string, string | boolean | undefined> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        ...Object.fromEntries(SERVICES.map((service) => [service, text])),
        exchange: text,
        'token-file': text,
        timeout: text,
        production: flag,
        json: flag,
        help: flag,
      },
      strict: true,
      allowPositionals: false,
    });
    return values;
  } catch (error) {
    throw usage(messageOf(error).split('. ')[0] ?? 'wrong arguments');
  }
}

function baseUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fine =
    url !== undefined &&
    ['http:', 'https:'].includes(url.protocol) &&
    [url.username, url.password, url.search, url.hash].every((part) => part === '');
  if (!fine) throw usage(`--${name} is "${text}", allowed: an http or https base URL`, 'give scheme, host and port');
  return text.replace(/\/+$/, '');
}

function isProduction({ production, exchange }: Record<string, string | boolean | undefined>): boolean {
  if (production === true && exchange !== undefined)
    throw usage('--exchange is given with --production', 'leave one of them out: production has no simulator');
  return production === true;
}

function readToken(file: string): Secret {
  const token = readTextFile(file, '--token-file').trim();
  if (/^[\x21-\x7e]+$/.test(token)) return new Secret(token);
  throw usage(
    `--token-file ${file} holds no token (empty, or blanks or other signs in it)`,
    'put the token alone into the file',
  );
}

function patience(text: string | boolean | undefined): number {
  if (text === undefined) return DEFAULT_PATIENCE_S * 1000;
  const seconds = Number(text);
  if (typeof text === 'string' && text.trim() !== '' && seconds > 0 && seconds <= 600) return seconds * 1000;
  throw usage(`--timeout is "${String(text)}", allowed: seconds above 0, at most 600`);
}
