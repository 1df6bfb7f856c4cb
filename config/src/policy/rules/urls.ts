import type { PolicyContext } from '../context.ts';
import {
  DATA_STREAM_HOST,
  isLoopbackHost,
  isPrivateHost,
  isSimulatorAddress,
  readPlainUrl,
  type PlainUrl,
  type UrlDefect,
} from '../hosts.ts';
import type { RuleFinding } from '../types.ts';
import type { Rule } from './rule.ts';

/** What is wrong with an address, the gravest thing only; undefined where nothing is. */
type Complaint = { kind: UrlDefect | 'scheme' | 'host' | 'port' | 'path'; message: string };

interface Demand {
  scheme: 'https' | 'wss';
  host: string;
  paths: readonly string[];
}

function complain(context: PolicyContext, raw: string, demand: Demand): Complaint | undefined {
  const url = readPlainUrl(raw);
  if (typeof url === 'string') return defect(url);
  const development = context.input.environment === 'development';
  if (development && (isLoopbackHost(url.host) || isSimulatorAddress(raw))) {
    return complainSimulator(context, url, demand);
  }
  const alternative = development ? ' (or the simulator, on loopback or as paper-exchange:<port>)' : '';
  if (url.host !== demand.host) {
    return { kind: 'host', message: `its host is ${context.show(url.host)}, allowed: ${demand.host}${alternative}` };
  }
  if (url.scheme !== demand.scheme) {
    return { kind: 'scheme', message: `its scheme is ${context.show(url.scheme)}, allowed: ${demand.scheme}` };
  }
  if (url.port !== '' && url.port !== '443')
    return { kind: 'port', message: `its port is ${url.port}, allowed: none or 443` };
  return complainPath(url, demand);
}

function complainSimulator(context: PolicyContext, url: PlainUrl, demand: Demand): Complaint | undefined {
  const schemes = demand.scheme === 'wss' ? ['ws', 'wss'] : ['http', 'https'];
  if (!schemes.includes(url.scheme)) {
    return { kind: 'scheme', message: `its scheme is ${context.show(url.scheme)}, allowed: ${schemes.join(', ')}` };
  }
  return complainPath(url, demand);
}

function complainPath(url: PlainUrl, { paths }: Demand): Complaint | undefined {
  if (paths.includes(url.rest)) return undefined;
  const allowed = paths.includes('') ? 'nothing' : paths.join(', ');
  return {
    kind: 'path',
    message: `what follows its host is not allowed (found ${url.rest.length} characters, allowed: ${allowed})`,
  };
}

function defect(kind: UrlDefect): Complaint {
  const messages: Record<UrlDefect, string> = {
    missing: 'it is empty',
    disguised: 'it is no plain address (strange characters, backslashes, or a host that is spelt unusually)',
    'user-info': 'it carries a name or password in front of its host',
  };
  return { kind, message: messages[kind] };
}

function baseUrl(kind: Complaint['kind']): Rule['check'] {
  return (context) => {
    const allowed =
      context.input.environment === 'development'
        ? `https://${context.host} or http://127.0.0.1:<port>`
        : `https://${context.host}`;
    const fix = `set ALPACA_BASE_URL (and alpaca.base_url of the system configuration) to ${allowed}`;
    if (context.baseUrls.length === 0) {
      return kind === 'missing' ? [{ where: 'ALPACA_BASE_URL', message: 'ALPACA_BASE_URL is not set', fix }] : [];
    }
    return context.baseUrls.flatMap(({ where, raw }): RuleFinding[] => {
      const complaint = complain(context, raw, { scheme: 'https', host: context.host, paths: ['', '/'] });
      return complaint?.kind === kind ? [{ where, message: `${where}: ${complaint.message}`, fix }] : [];
    });
  };
}

function tradingStream(context: PolicyContext): RuleFinding[] {
  const raw = context.input.system?.alpaca.trading_stream_url;
  if (raw === undefined) return [];
  const where = 'alpaca.trading_stream_url';
  const complaint = complain(context, raw, { scheme: 'wss', host: context.host, paths: ['/stream'] });
  return complaint === undefined
    ? []
    : [{ where, message: `${where}: ${complaint.message}`, fix: `set it to wss://${context.host}/stream` }];
}

function dataStream(context: PolicyContext): RuleFinding[] {
  const { system } = context.input;
  if (system === undefined) return [];
  const where = 'alpaca.data_stream_url';
  const path = `/v2/${system.alpaca.feed}`;
  const complaint = complain(context, system.alpaca.data_stream_url, {
    scheme: 'wss',
    host: DATA_STREAM_HOST,
    paths: [path],
  });
  return complaint === undefined
    ? []
    : [{ where, message: `${where}: ${complaint.message}`, fix: `set it to wss://${DATA_STREAM_HOST}${path}` }];
}

function dryRunBroker(context: PolicyContext): RuleFinding[] {
  const raw = context.input.system?.dry_run_broker_url;
  if (raw === undefined) return [];
  const url = readPlainUrl(raw);
  const fine =
    typeof url !== 'string' && url.scheme === 'http' && isPrivateHost(url.host) && ['', '/'].includes(url.rest);
  if (fine) return [];
  const where = 'dry_run_broker_url';
  const found = typeof url === 'string' ? 'not a plain address' : `on host ${context.show(url.host)}`;
  return [
    {
      where,
      message: `${where} is ${found}; dry-run orders go to the paper-exchange on loopback or a private network, over http`,
      fix: 'set it to the address of the paper-exchange, such as http://127.0.0.1:5600',
    },
  ];
}

export const URL_RULES: readonly Rule[] = [
  {
    id: 'base-url-missing',
    demands: 'An address of the trading API is given: `ALPACA_BASE_URL` or `alpaca.base_url`.',
    check: baseUrl('missing'),
  },
  {
    id: 'base-url-disguised',
    demands:
      'The address is plain: no spaces, control or foreign characters, backslashes, percent signs or odd spellings in its host.',
    check: baseUrl('disguised'),
  },
  {
    id: 'base-url-user-info',
    demands: 'The address has no name or password in it.',
    check: baseUrl('user-info'),
  },
  {
    id: 'base-url-host',
    demands:
      'Its host is exactly `paper-api.alpaca.markets` (production: `api.alpaca.markets`); in development also loopback, and between containers `paper-exchange` with a port, exactly so.',
    check: baseUrl('host'),
  },
  { id: 'base-url-scheme', demands: 'It is `https` (of the simulator also `http`).', check: baseUrl('scheme') },
  { id: 'base-url-port', demands: 'It has no port but 443 (the simulator any).', check: baseUrl('port') },
  { id: 'base-url-path', demands: 'Nothing follows the host but at most one slash.', check: baseUrl('path') },
  {
    id: 'trading-stream-url',
    demands: '`alpaca.trading_stream_url` is `wss://<the same host>/stream`, under the same rules.',
    check: tradingStream,
  },
  {
    id: 'data-stream-url',
    demands: '`alpaca.data_stream_url` is `wss://stream.data.alpaca.markets/v2/<feed>`, under the same rules.',
    check: dataStream,
  },
  {
    id: 'dry-run-broker-url',
    demands: '`dry_run_broker_url` stays on loopback or in a private network.',
    check: dryRunBroker,
  },
];
