import { deflateSync, gzipSync } from 'node:zlib';
import type { SystemConfig } from '../../schema/system.ts';
import type { GateEvidence, PolicyInput, ScanFile } from '../types.ts';

/** One row of the policy's table: `expected` is `pass` or the ids of exactly the rules that speak. */
export interface PolicyCase {
  title: string;
  input: PolicyInput;
  expected: 'pass' | readonly string[];
}

/**
 * Keys are made when they are needed: none stands in this repository, where a scanner (our own first of all)
 * would rightly find it. The same seed gives the same key.
 */
export function makeText(seed: number, length: number, characters: string): string {
  let state = seed >>> 0;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length }, () => characters[Math.floor(draw() * characters.length)] ?? '').join('');
}

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const MIXED = `${UPPER}abcdefghijklmnopqrstuvwxyz`;
export const key = (prefix: string, seed: number, length = 18): string => prefix + makeText(seed, length, UPPER);

export const PAPER = key('PK', 11);
export const PAPER_26 = key('PK', 12, 24);
export const LIVE = key('AK', 13);
export const LIVE_26 = key('AK', 14, 24);
export const BROKER = key('CK', 15);
export const SECRET = makeText(16, 40, MIXED);
export const SECRET_44 = makeText(17, 44, MIXED);

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
export const base64url = (text: string): string => Buffer.from(text).toString('base64url');
export const hex = (text: string): string => Buffer.from(text).toString('hex');
export const gzipped = (text: string): string => gzipSync(text).toString('base64');
export const deflated = (text: string): string => deflateSync(text).toString('base64');
export const each = (text: string, write: (code: number) => string): string =>
  Array.from(text, (character) => write(character.codePointAt(0) ?? 0)).join('');
export const hex2 = (code: number): string => code.toString(16).padStart(2, '0');
export const hex4 = (code: number): string => code.toString(16).padStart(4, '0');
/** Where no key begins or ends, whatever the separator. */
export const cut = (text: string, every: number, separator: string): string =>
  (text.match(new RegExp(`.{1,${every}}`, 'g')) ?? []).join(separator);

export const STAGING_ENV: Readonly<Record<string, string>> = {
  ENVIRONMENT: 'staging',
  DRY_RUN: 'true',
  ALPACA_PAPER: 'true',
  ALPACA_API_KEY: PAPER,
  ALPACA_SECRET_KEY: SECRET,
  ALPACA_BASE_URL: 'https://paper-api.alpaca.markets',
};
export const GATE: GateEvidence = {
  approved: true,
  commit: '0123456789abcdef0123456789abcdef01234567',
  manifest_digest: `sha256:${'5a'.repeat(32)}`,
  approved_by: ['first approver', 'second approver'],
  approved_at: '2026-01-02T03:04:05Z',
};

type Env = Readonly<Record<string, string | undefined>>;
type Rest = Omit<PolicyInput, 'environment' | 'env'>;

export const staging = (env: Env = {}, rest: Rest = {}): PolicyInput => ({
  environment: 'staging',
  env: { ...STAGING_ENV, ...env },
  ...rest,
});
export const development = (env: Env = {}, rest: Rest = {}): PolicyInput => ({
  environment: 'development',
  env: { ...STAGING_ENV, ENVIRONMENT: 'development', ALPACA_BASE_URL: 'http://127.0.0.1:5600', ...env },
  ...rest,
});
export const production = (env: Env = {}, rest: Rest = {}): PolicyInput => ({
  environment: 'production',
  env: {
    ENVIRONMENT: 'production',
    DRY_RUN: 'false',
    ALPACA_PAPER: 'false',
    ALPACA_API_KEY: LIVE,
    ALPACA_SECRET_KEY: SECRET,
    ALPACA_BASE_URL: 'https://api.alpaca.markets',
    ...env,
  },
  gate: GATE,
  ...rest,
});

export const withFile = (path: string, content: string): PolicyInput => staging({}, { files: [file(path, content)] });
export const file = (path: string, content: string): ScanFile => ({ path, content });

/** A system configuration that fits staging, with other values for the addresses. */
export function system(alpaca: Partial<SystemConfig['alpaca']> = {}, others: Partial<SystemConfig> = {}): SystemConfig {
  const http = (port: number) => ({ host: '127.0.0.1', http_port: port });
  const bus = (port: number) => ({ host: '127.0.0.1', http_port: port, bus_port: port + 1000 });
  return {
    environment: 'staging',
    services: {
      'paper-exchange': http(1),
      'market-data': bus(2),
      'signal-bridge': bus(3),
      'risk-manager': bus(4),
      'execution-engine': bus(5),
      orchestrator: http(6),
      'observability-api': http(7),
      dashboard: http(8),
    },
    database: { host: '127.0.0.1', port: 9, name: 'papergate', user: 'papergate', pool_size: 1 },
    alpaca: {
      base_url: 'https://paper-api.alpaca.markets',
      trading_stream_url: 'wss://paper-api.alpaca.markets/stream',
      data_stream_url: 'wss://stream.data.alpaca.markets/v2/iex',
      feed: 'iex',
      ...alpaca,
    },
    dry_run_broker_url: 'http://127.0.0.1:5600',
    symbols: ['AAPL'],
    strategies: [],
    exchange: {
      source: 'bus',
      seed: 1,
      ticks_per_second: 1,
      replay_paths: [],
      speed: 1,
      starting_cash: '1000',
      rate_limit_per_minute: 0,
    },
    logging: { level: 'info' },
    shutdown_timeout_ms: 1000,
    ...others,
  };
}
