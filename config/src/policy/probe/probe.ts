import type { Environment } from '../../schema/system.ts';
import type { Secret } from '../../secret.ts';
import { isLoopbackHost, LIVE_HOST, PAPER_HOST, readPlainUrl, tradingHost } from '../hosts.ts';
import { kindOfKey } from '../keys.ts';
import type { Finding, PolicyReport } from '../types.ts';
import { askForAccount, type ProbeTools } from './ask.ts';

export interface ProbeInput {
  environment: Environment;
  /** The trading API that the key must open. */
  baseUrl: string;
  /** The host that must refuse it, where it is not Alpaca's own: a second simulator, in development only. */
  liveUrl?: string | undefined;
  key: Secret;
  secret: Secret;
}

/** The rules that only asking can answer. */
export const PROBE_RULES = [
  {
    id: 'probe-url',
    demands:
      'Credentials are shown to no other host than the one of the environment: Alpaca’s own, or loopback in development.',
  },
  {
    id: 'probe-key',
    demands: 'Only a key of the environment’s own kind is sent anywhere.',
  },
  {
    id: 'probe-account',
    demands:
      'The key opens the account: `GET /v2/account` answers 200. A refusal and every doubt are told apart, and block.',
  },
  {
    id: 'probe-account-number',
    demands: 'The account’s number starts with `PA`; in production it does not.',
  },
  {
    id: 'probe-elsewhere',
    demands:
      'The live host refuses the key (401 or 403; production: the paper host). Acceptance and every doubt block. Not asked for a simulator on loopback.',
  },
] as const;

/**
 * Asks the hosts about the key: its own must open the account, the other world's must refuse it. Sends two requests
 * at most, follows no redirect, and blocks on whatever is no plain answer. The report holds nothing of key or secret.
 */
export async function probeCredentials(input: ProbeInput, tools: ProbeTools = {}): Promise<PolicyReport> {
  const findings: Finding[] = [];
  const report = (notes: string[]): PolicyReport => ({
    ok: findings.length === 0,
    environment: input.environment,
    findings,
    checked: PROBE_RULES.map(({ id }) => id).filter((id) => id !== 'probe-elsewhere' || notes.length === 0),
    notes,
  });
  const other = otherHost(input);
  if (typeof other === 'object') findings.push(other);
  findings.push(...checkBase(input), ...checkKey(input));
  if (findings.length > 0) return report(['no host was asked: what would be sent, or where to, is not allowed']);

  const [own, elsewhere] = await Promise.all([
    askForAccount(input.baseUrl, input.key, input.secret, tools),
    typeof other === 'string' ? askForAccount(other, input.key, input.secret, tools) : undefined,
  ]);
  findings.push(...judgeOwn(input, own));
  if (elsewhere === undefined) {
    return report(['the live host was not asked: the account is one of a simulator on this machine']);
  }
  findings.push(...judgeElsewhere(input, elsewhere));
  return report([]);
}

type Answer = Awaited<ReturnType<typeof askForAccount>>;

function isOwnLoopback({ environment }: ProbeInput, url: string): boolean {
  const read = readPlainUrl(url);
  return environment === 'development' && typeof read !== 'string' && isLoopbackHost(read.host) && isBare(read.rest);
}

const isBare = (rest: string): boolean => rest === '' || rest === '/';

function isExactly(url: string, host: string): boolean {
  const read = readPlainUrl(url);
  if (typeof read === 'string') return false;
  return read.scheme === 'https' && read.host === host && ['', '443'].includes(read.port) && isBare(read.rest);
}

function checkBase(input: ProbeInput): Finding[] {
  const host = tradingHost(input.environment);
  if (isExactly(input.baseUrl, host) || isOwnLoopback(input, input.baseUrl)) return [];
  return [
    {
      rule: 'probe-url',
      where: 'ALPACA_BASE_URL',
      message: `the address of the trading API is not https://${host}; no credentials are sent there`,
      fix: `set ALPACA_BASE_URL=https://${host}`,
    },
  ];
}

/** The address that must refuse, or undefined for a simulator, or the finding that it is not allowed. */
function otherHost(input: ProbeInput): string | undefined | Finding {
  const host = input.environment === 'production' ? PAPER_HOST : LIVE_HOST;
  if (input.liveUrl === undefined) return isOwnLoopback(input, input.baseUrl) ? undefined : `https://${host}`;
  if (isExactly(input.liveUrl, host)) return input.liveUrl;
  if (isOwnLoopback(input, input.liveUrl) && isOwnLoopback(input, input.baseUrl)) return input.liveUrl;
  return {
    rule: 'probe-url',
    where: 'liveUrl',
    message: `the address that must refuse the key is not https://${host}; no credentials are sent there`,
    fix: 'leave it out',
  };
}

function checkKey({ environment, key, secret }: ProbeInput): Finding[] {
  const wanted = environment === 'production' ? 'live' : 'paper';
  if (kindOfKey(key.reveal()) === wanted && secret.reveal().trim() === secret.reveal() && !secret.isEmpty) return [];
  return [
    {
      rule: 'probe-key',
      where: 'ALPACA_API_KEY',
      message: `key and secret are not those of a ${wanted} account in form; they are sent nowhere`,
      fix: 'mend what the credential policy says about them first',
    },
  ];
}

function judgeOwn({ environment }: ProbeInput, answer: Answer): Finding[] {
  const world = environment === 'production' ? 'live' : 'paper';
  if (answer.kind === 'opens') {
    const isPaper = answer.accountNumber.startsWith('PA');
    if (isPaper === (world === 'paper')) return [];
    return [
      {
        rule: 'probe-account-number',
        where: 'ALPACA_API_KEY',
        message: `the key opens an account whose number ${isPaper ? 'starts' : 'does not start'} with PA: no ${world} account`,
        fix: `use a key of a ${world} account`,
      },
    ];
  }
  const rule = 'probe-account';
  const where = 'ALPACA_API_KEY';
  if (answer.kind === 'refused') {
    return [
      {
        rule,
        where,
        message: `the ${world} host refuses the key (${answer.status}): key and secret do not belong together, or were revoked`,
        fix: `make a new ${world} key at Alpaca and store both parts of it`,
      },
    ];
  }
  return [
    {
      rule,
      where,
      message: `it is in doubt whether the key opens the ${world} account: ${answer.why}`,
      fix: 'try again when the host can be reached; without an answer it stays blocked',
    },
  ];
}

function judgeElsewhere({ environment }: ProbeInput, answer: Answer): Finding[] {
  if (answer.kind === 'refused') return [];
  const world = environment === 'production' ? 'paper' : 'live';
  const rule = 'probe-elsewhere';
  const where = 'ALPACA_API_KEY';
  if (answer.kind === 'opens') {
    return [
      {
        rule,
        where,
        message: `the ${world} host accepts this key: it must not be used in ${environment}`,
        fix: 'revoke the key at Alpaca at once and use one of the right account',
      },
    ];
  }
  return [
    {
      rule,
      where,
      message: `it is in doubt whether the ${world} host refuses the key: ${answer.why}`,
      fix: 'try again when the host can be reached; without an answer it stays blocked',
    },
  ];
}
