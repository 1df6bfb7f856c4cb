import { describe, expect, test } from '@jest/globals';
import { Secret } from '../../secret.ts';
import { LIVE, PAPER, SECRET } from '../cases/fixtures.ts';
import type { Fetch } from './ask.ts';
import { PROBE_RULES, probeCredentials, type ProbeInput } from './probe.ts';

type Reply = () => Response | Promise<Response>;

const PAPER_URL = 'https://paper-api.alpaca.markets';
const LIVE_URL = 'https://api.alpaca.markets';
const account =
  (number: string): Reply =>
  () =>
    Response.json({ account_number: number, status: 'ACTIVE' });
const status = (code: number, body = '{"message":"forbidden."}', headers: Record<string, string> = {}): Reply => {
  return () => new Response(body, { status: code, headers });
};
const fails = (code: string): Reply => {
  return () => {
    const cause = Object.assign(new Error(`something with ${SECRET} in it`), { code });
    throw new TypeError('fetch failed', { cause });
  };
};

/** A network of two hosts; it remembers what was asked. */
function network(replies: Record<string, Reply>): { fetch: Fetch; asked: { url: string; init: RequestInit }[] } {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch: Fetch = async (url, init) => {
    asked.push({ url, init });
    const reply = replies[new URL(url).origin];
    if (reply === undefined) throw new Error(`nobody expected ${url}`);
    return reply();
  };
  return { fetch, asked };
}

const input = (over: Partial<ProbeInput> = {}): ProbeInput => ({
  environment: 'staging',
  baseUrl: PAPER_URL,
  key: new Secret(PAPER),
  secret: new Secret(SECRET),
  ...over,
});
const both = (paper: Reply, live: Reply) => network({ [PAPER_URL]: paper, [LIVE_URL]: live });
const GOOD = account('PA3ABCDEFGHI');
const REFUSED = status(401, '{"code":40110000,"message":"request is not authorized"}');

async function findings(net: { fetch: Fetch }, over: Partial<ProbeInput> = {}): Promise<[string, string][]> {
  const report = await probeCredentials(input(over), { fetch: net.fetch, timeoutMs: 5000 });
  expect(report.ok).toBe(report.findings.length === 0);
  const text = JSON.stringify(report);
  for (const part of [PAPER.slice(0, 8), LIVE.slice(0, 8), SECRET.slice(0, 8)]) expect(text).not.toContain(part);
  return report.findings.map(({ rule, message }) => [rule, message]);
}

describe('the probe of a paper key', () => {
  test('passes where the key opens a paper account and the live host refuses it', async () => {
    for (const refusal of [REFUSED, status(403), status(401, '')])
      expect(await findings(both(GOOD, refusal))).toEqual([]);
  });

  test('asks each host once for the account, with the key in headers and without following redirects', async () => {
    const net = both(GOOD, REFUSED);
    await findings(net);
    expect(net.asked.map(({ url }) => url).sort()).toEqual([`${LIVE_URL}/v2/account`, `${PAPER_URL}/v2/account`]);
    for (const { init } of net.asked) {
      expect(init.redirect).toBe('manual');
      expect(init.method).toBe('GET');
      expect(init.headers).toMatchObject({ 'APCA-API-KEY-ID': PAPER, 'APCA-API-SECRET-KEY': SECRET });
    }
  });

  test('names all of its rules as checked', async () => {
    const report = await probeCredentials(input(), both(GOOD, REFUSED));
    expect(report.checked).toEqual(PROBE_RULES.map(({ id }) => id));
    expect(report.notes).toEqual([]);
  });

  test('blocks where the live host accepts the key', async () => {
    expect(await findings(both(GOOD, account('123456789')))).toEqual([
      ['probe-elsewhere', expect.stringContaining('accepts')],
    ]);
  });

  test('blocks where the account is no paper account', async () => {
    expect(await findings(both(account('123456789'), REFUSED))).toEqual([
      ['probe-account-number', expect.stringContaining('PA')],
    ]);
  });

  test('blocks where the paper host refuses the key', async () => {
    for (const code of [401, 403]) {
      expect(await findings(both(status(code), REFUSED))).toEqual([
        ['probe-account', expect.stringContaining(`refuses the key (${code})`)],
      ]);
    }
  });

  test.each<[string, Reply, string]>([
    ['answers 500', status(500), 'answered 500: it is broken or down'],
    ['answers 503', status(503, '<html>'), 'answered 503'],
    ['answers 429', status(429), 'too many requests'],
    ['redirects', status(302, '', { location: 'https://evil.example/' }), 'redirects (302)'],
    ['redirects for good', status(308, '', { location: 'https://evil.example/' }), 'redirects (308)'],
    ['answers 200 with a page', status(200, '<html>welcome</html>'), 'no JSON'],
    ['answers 200 with nothing', status(200, ''), 'no JSON'],
    ['answers 200 with a list', status(200, '[]'), 'no JSON'],
    ['answers 200 without an account number', status(200, '{"status":"ACTIVE"}'), 'no account number'],
    ['answers 200 with a number that is no text', status(200, '{"account_number":7}'), 'no account number'],
    ['answers 403 with a page', status(403, '<html>blocked by the firewall</html>'), 'something between answered'],
    ['answers 404', status(404), 'says neither yes nor no'],
    ['answers 204', () => new Response(null, { status: 204 }), 'says neither yes nor no'],
    ['has no name', fails('ENOTFOUND'), 'cannot be resolved (ENOTFOUND)'],
    ['refuses connections', fails('ECONNREFUSED'), 'nothing listens'],
    ['breaks off', fails('ECONNRESET'), 'broke the connection off'],
    ['has a wrong certificate', fails('ERR_TLS_CERT_ALTNAME_INVALID'), 'certificate is not trusted'],
    ['has a certificate of its own', fails('DEPTH_ZERO_SELF_SIGNED_CERT'), 'certificate is not trusted'],
    ['fails in a way nobody knows', fails('EWHATEVER'), 'the network failed (EWHATEVER)'],
    [
      'fails without a code',
      () => {
        throw new Error(SECRET);
      },
      'the network failed',
    ],
  ])('blocks in doubt, on either side, where a host %s', async (_what, reply, why) => {
    expect(await findings(both(reply, REFUSED))).toEqual([['probe-account', expect.stringContaining(why)]]);
    const elsewhere = await findings(both(GOOD, reply));
    expect(elsewhere).toEqual([['probe-elsewhere', expect.stringContaining(why)]]);
  });

  test('tells both where both are in doubt', async () => {
    const rules = (await findings(both(status(500), status(502)))).map(([rule]) => rule);
    expect(rules).toEqual(['probe-account', 'probe-elsewhere']);
  });

  test('takes no page of a megabyte for an answer', async () => {
    expect(await findings(both(status(200, 'x'.repeat(1_000_000)), REFUSED))).toEqual([
      ['probe-account', expect.stringContaining('no JSON')],
    ]);
  });

  test.each([
    'https://api.alpaca.markets',
    'http://paper-api.alpaca.markets',
    'https://paper-api.alpaca.markets.evil.com',
    'https://paper-api.alpaca.markets@evil.com',
    'https://paper-api.alpaca.markets:8443',
    'https://paper-api.alpaca.markets/v2',
    'http://127.0.0.1:5600',
    '',
  ])('sends nothing to %j', async (baseUrl) => {
    const net = network({});
    expect(await findings(net, { baseUrl })).toEqual([['probe-url', expect.any(String)]]);
    expect(net.asked).toEqual([]);
  });

  test('sends nothing to another host that should refuse', async () => {
    for (const liveUrl of ['https://api.alpaca.markets.evil.com', 'http://127.0.0.1:1', 'http://api.alpaca.markets']) {
      const net = both(GOOD, REFUSED);
      expect(await findings(net, { liveUrl })).toEqual([['probe-url', expect.any(String)]]);
      expect(net.asked).toEqual([]);
    }
    expect(await findings(both(GOOD, REFUSED), { liveUrl: `${LIVE_URL}/` })).toEqual([]);
  });

  test('sends no key of another kind and no empty secret', async () => {
    for (const over of [
      { key: new Secret(LIVE) },
      { key: new Secret('') },
      { secret: new Secret('') },
      { secret: new Secret(` ${SECRET}`) },
    ]) {
      const net = both(GOOD, REFUSED);
      expect(await findings(net, over)).toEqual([['probe-key', expect.any(String)]]);
      expect(net.asked).toEqual([]);
    }
  });
});

describe('the probe of a live key', () => {
  const production = { environment: 'production', baseUrl: LIVE_URL, key: new Secret(LIVE) } as const;

  test('is the mirror image', async () => {
    expect(await findings(both(REFUSED, account('123456789')), production)).toEqual([]);
    expect(await findings(both(GOOD, account('123456789')), production)).toEqual([
      ['probe-elsewhere', expect.any(String)],
    ]);
    expect(await findings(both(REFUSED, GOOD), production)).toEqual([['probe-account-number', expect.any(String)]]);
    expect(await findings(both(REFUSED, REFUSED), production)).toEqual([['probe-account', expect.any(String)]]);
  });

  test('sends no paper key to the live host', async () => {
    expect(await findings(both(REFUSED, GOOD), { ...production, key: new Secret(PAPER) })).toEqual([
      ['probe-key', expect.any(String)],
    ]);
  });
});
