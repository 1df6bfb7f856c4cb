import type { Environment } from '../schema/system.ts';

export const PAPER_HOST = 'paper-api.alpaca.markets';
export const LIVE_HOST = 'api.alpaca.markets';
export const DATA_STREAM_HOST = 'stream.data.alpaca.markets';

/** Host of the trading API of an environment. Development may use the simulator on loopback as well. */
export const tradingHost = (environment: Environment): string =>
  environment === 'production' ? LIVE_HOST : PAPER_HOST;

/** Loopback spelt plainly. `127.1`, `2130706433`, `[::ffff:127.0.0.1]` and `x.localhost` mean it too, and are refused. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost' || host === '[::1]') return true;
  return /^127\.(?:(?:0|[1-9][0-9]{0,2})\.){2}(?:0|[1-9][0-9]{0,2})$/.test(host);
}

/**
 * The exchange simulator's one name between containers, spelt exactly so and with its port: `http://paper-exchange:5600`,
 * `ws://paper-exchange:5600/stream`. A name without a dot is resolved by a private network only.
 */
export const isSimulatorAddress = (raw: string): boolean =>
  /^(?:http|ws):\/\/paper-exchange:[1-9][0-9]{0,4}(?:\/|$)/.test(raw);

/** An address that no packet reaches from the internet, or a name that only a private network resolves. */
export function isPrivateHost(host: string): boolean {
  if (isLoopbackHost(host)) return true;
  if (/^(?:10\.[0-9]+|192\.168|172\.(?:1[6-9]|2[0-9]|3[01]))\.[0-9]+(?:\.[0-9]+)$/.test(host)) return true;
  if (/^\[f[cd][0-9a-f]{2}:[0-9a-f:]*\]$/.test(host)) return true;
  return /^(?=.*[a-z])[a-z0-9][a-z0-9_-]*(?:(?:\.[a-z0-9][a-z0-9_-]*)*\.(?:internal|local|svc))?$/.test(host);
}

export interface PlainUrl {
  scheme: string;
  /** Lower case, IPv6 in brackets. */
  host: string;
  /** As written; empty where none is. */
  port: string;
  /** Path, query and fragment as written. */
  rest: string;
}

export type UrlDefect = 'missing' | 'disguised' | 'user-info';

/**
 * Takes an address apart by its own, narrow grammar: what a browser would quietly mend (backslashes, tabs,
 * percent signs and other scripts in the host, odd spellings of an IP address) is a defect here.
 */
export function readPlainUrl(raw: string): PlainUrl | UrlDefect {
  if (raw.trim() === '') return 'missing';
  if (raw.length > 2048 || /[^\x21-\x7e]|\\/.test(raw)) return 'disguised';
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]+)(.*)$/.exec(raw);
  if (parts === null) return 'disguised';
  const [, scheme = '', authority = '', rest = ''] = parts;
  if (authority.includes('@')) return 'user-info';
  const place = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?$/.exec(authority);
  if (place === null) return 'disguised';
  const host = (place[1] ?? '').toLowerCase();
  // The parser that will really be used must see the same host as the reader of this text.
  if (!URL.canParse(raw) || new URL(raw).hostname !== host) return 'disguised';
  return { scheme: scheme.toLowerCase(), host, port: place[2] ?? '', rest };
}
