import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { PapergateError, Secret, UserError } from '@papergate/config';
import type { Fault } from './fake/index.ts';
import { openGitHub, type GitHubOptions } from './open.ts';
import { openPair, REPOSITORY, sha, testClock, type Pair } from './testing.ts';

let pair: Pair | undefined;
afterEach(async () => {
  const open = pair;
  pair = undefined;
  await open?.close();
});

const READ = 'GET /repos/{owner}/{repo}/commits/{ref}';
const LINK = 'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls';
const TOKEN = ['ghp', 'this-must-not-be-seen'].join('_');

async function failing(fault: Fault, client: Partial<GitHubOptions> = {}): Promise<PapergateError> {
  pair = await openPair({}, { client: { token: new Secret(TOKEN), ...client } });
  pair.fake.fault(fault);
  const failure: unknown = await pair.github.commit(sha('c')).catch((error: unknown) => error);
  if (!(failure instanceof PapergateError))
    throw new Error(`no coded error but ${String(failure)}`, { cause: failure });
  return failure;
}

interface Case {
  name: string;
  fault: Fault;
  code: string;
  exitCode: 2 | 3;
  /** Requests that it takes until it is given up. */
  tries: number;
  says: string;
}
const ALWAYS = 99;
const status = (code: number): Fault => ({ kind: 'status', status: code, times: ALWAYS });
const CASES: Case[] = [
  { name: '401', fault: status(401), code: 'GITHUB_UNAUTHORIZED', exitCode: 2, tries: 1, says: 'Bad credentials' },
  { name: '403', fault: status(403), code: 'GITHUB_FORBIDDEN', exitCode: 2, tries: 1, says: 'not accessible' },
  { name: '404', fault: status(404), code: 'GITHUB_NOT_FOUND', exitCode: 2, tries: 1, says: '404 (Not Found)' },
  { name: '408', fault: status(408), code: 'GITHUB_TIMEOUT', exitCode: 3, tries: 5, says: '408' },
  { name: '409', fault: status(409), code: 'GITHUB_CONFLICT', exitCode: 3, tries: 1, says: '409 (Conflict)' },
  { name: '410', fault: status(410), code: 'GITHUB_GONE', exitCode: 2, tries: 1, says: '410' },
  { name: '418', fault: status(418), code: 'GITHUB_UNEXPECTED', exitCode: 3, tries: 1, says: '418' },
  { name: '422', fault: status(422), code: 'GITHUB_REFUSED', exitCode: 2, tries: 1, says: 'Validation Failed' },
  { name: '451', fault: status(451), code: 'GITHUB_FORBIDDEN', exitCode: 2, tries: 1, says: 'blocked' },
  { name: '429', fault: status(429), code: 'GITHUB_SLOWED_DOWN', exitCode: 3, tries: 5, says: '429' },
  { name: '500', fault: status(500), code: 'GITHUB_UNAVAILABLE', exitCode: 3, tries: 5, says: '(tried 5 times)' },
  { name: '503', fault: status(503), code: 'GITHUB_UNAVAILABLE', exitCode: 3, tries: 5, says: '503' },
  {
    name: 'a proxy’s page',
    fault: { kind: 'html', times: ALWAYS },
    code: 'GITHUB_UNAVAILABLE',
    exitCode: 3,
    tries: 5,
    says: '502',
  },
  {
    name: 'the limit of the hour',
    fault: { kind: 'rate-limited', times: ALWAYS },
    code: 'GITHUB_RATE_LIMITED',
    exitCode: 3,
    tries: 5,
    says: 'the limit ends at 2026-01-05T12:0',
  },
  {
    name: 'a secondary limit',
    fault: { kind: 'secondary-limit', times: ALWAYS, retryAfter: 5 },
    code: 'GITHUB_SLOWED_DOWN',
    exitCode: 3,
    tries: 5,
    says: 'secondary',
  },
  {
    name: 'a limit that ends too late',
    fault: { kind: 'secondary-limit', times: ALWAYS, retryAfter: 3600 },
    code: 'GITHUB_SLOWED_DOWN',
    exitCode: 3,
    tries: 1,
    says: 'secondary',
  },
  {
    name: 'single sign-on',
    fault: { kind: 'single-sign-on' },
    code: 'GITHUB_SSO_REQUIRED',
    exitCode: 2,
    tries: 1,
    says: 'SAML',
  },
  {
    name: 'JSON that breaks off',
    fault: { kind: 'malformed', times: ALWAYS },
    code: 'GITHUB_ANSWER_INVALID',
    exitCode: 3,
    tries: 5,
    says: 'no JSON',
  },
  {
    name: 'another shape',
    fault: { kind: 'wrong-shape', times: ALWAYS },
    code: 'GITHUB_ANSWER_INVALID',
    exitCode: 3,
    tries: 5,
    says: 'not what GitHub describes',
  },
  {
    name: 'a cut connection',
    fault: { kind: 'cut', times: ALWAYS },
    code: 'GITHUB_UNREACHABLE',
    exitCode: 3,
    tries: 5,
    says: '(tried 5 times)',
  },
  {
    name: 'an answer that breaks off',
    fault: { kind: 'half', times: ALWAYS },
    code: 'GITHUB_UNREACHABLE',
    exitCode: 3,
    tries: 5,
    says: 'tried',
  },
];

describe('each failure of the API has its code', () => {
  test.each(CASES)('$name: $code', async ({ fault, code, exitCode, tries, says }) => {
    const failure = await failing(fault);
    expect({ code: failure.code, exitCode: failure.exitCode }).toEqual({ code, exitCode });
    expect(failure.message).toContain(says);
    expect(failure.message).toContain(`reading the commit cccccccccccc in ${REPOSITORY}`);
    expect(failure.fix).not.toBe('');
    expect(pair?.fake.requests).toHaveLength(tries);
  });

  test('no answer in time: GITHUB_TIMEOUT', async () => {
    const failure = await failing({ kind: 'silent', times: ALWAYS }, { timeoutMs: 50, patience: { tries: 2 } });
    expect(failure).toMatchObject({ code: 'GITHUB_TIMEOUT', exitCode: 3 });
    expect(failure.message).toContain('within 0.05 s (tried 2 times)');
  });

  test('nobody listens: GITHUB_UNREACHABLE', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const github = openGitHub({
      apiUrl: `http://127.0.0.1:${port}`,
      token: new Secret(TOKEN),
      repository: REPOSITORY,
      clock: testClock(),
    });
    await expect(github.repository()).rejects.toMatchObject({ code: 'GITHUB_UNREACHABLE' });
    await github.close();
  });

  test('a certificate that is not trusted: GITHUB_TLS', async () => {
    const untrusted = Object.assign(new TypeError('fetch failed'), {
      cause: Object.assign(new Error('self-signed'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    });
    const failure = await failing({ kind: 'cut' }, { fetch: () => Promise.reject(untrusted) });
    expect(failure).toMatchObject({ code: 'GITHUB_TLS', exitCode: 3 });
    await expect(pair?.github.repository()).rejects.toMatchObject({ code: 'GITHUB_TLS' });
  });
});

describe('no token', () => {
  const refused = (change: Partial<GitHubOptions>): unknown => {
    try {
      openGitHub({ token: new Secret('x'), repository: REPOSITORY, ...change });
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test.each<[Partial<GitHubOptions>, string]>([
    [{ token: new Secret('') }, 'GITHUB_TOKEN_MISSING'],
    [{ repository: 'trading' }, 'GITHUB_REPOSITORY_INVALID'],
    [{ repository: 'acme/trading/../other' }, 'GITHUB_REPOSITORY_INVALID'],
    [{ repository: 'acme/..' }, 'GITHUB_REPOSITORY_INVALID'],
    [{ apiUrl: 'http://api.github.com' }, 'GITHUB_URL_INVALID'],
    [{ apiUrl: 'http://127.0.0.1.example.com' }, 'GITHUB_URL_INVALID'],
    [{ apiUrl: 'ftp://api.github.com' }, 'GITHUB_URL_INVALID'],
    [{ apiUrl: '' }, 'GITHUB_URL_INVALID'],
  ])('is sent with %p: %s', (change, code) => {
    const failure = refused(change);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure).toMatchObject({ code });
  });

  test('is sent with a password in the address, which is not shown', () => {
    const failure = refused({ apiUrl: 'https://me:hunter2@api.github.com' }) as UserError;
    expect(failure.code).toBe('GITHUB_URL_INVALID');
    expect(failure.message).not.toContain('hunter2');
  });

  test('stands in an error, also where the server says back what it was sent', async () => {
    const echo = async () =>
      new Response(JSON.stringify({ message: `who is ${TOKEN}?` }), {
        status: 403,
        headers: { 'content-type': 'application/json' },
      });
    const failure = await failing({ kind: 'cut' }, { fetch: echo });
    expect(failure.message).toContain('who is [redacted]?');
    expect(JSON.stringify(failure) + failure.stack + String(failure.cause)).not.toContain(TOKEN);
  });

  test('is sent to another host that a next page leads to', async () => {
    const asked: string[] = [];
    const elsewhere = async (url: string) => {
      asked.push(url);
      const headers = { 'content-type': 'application/json', link: '<https://example.com/more>; rel="next"' };
      return new Response('[]', { status: 200, headers });
    };
    pair = await openPair({}, { client: { fetch: elsewhere, patience: { tries: 1 } } });
    await expect(pair.github.mergedPulls(sha('c'))).rejects.toMatchObject({ code: 'GITHUB_ANSWER_INVALID' });
    expect(asked).toHaveLength(1);
  });
});

describe('what a missing permission is called', () => {
  test('is told by GitHub’s own header', async () => {
    const tokens = { weak: { login: 'github-actions[bot]', permissions: { contents: 'read' as const } } };
    pair = await openPair({}, { fake: { state: { tokens } }, client: { token: new Secret('weak') } });
    const write = pair.github.setStatus(1, { state: 'success' });
    await expect(write).rejects.toMatchObject({
      code: 'GITHUB_FORBIDDEN',
      message: expect.stringContaining('it takes the permission deployments=write'),
    });
  });
});

describe('patience', () => {
  test('what goes wrong for a while is not seen', async () => {
    pair = await openPair();
    pair.fake.fault({ kind: 'status', status: 502 });
    pair.fake.fault({ kind: 'cut' });
    pair.fake.fault({ kind: 'malformed' });
    expect(await pair.github.commit(sha('c'))).toMatchObject({ sha: sha('c') });
    expect(pair.fake.requests).toHaveLength(4);
  });

  test('pauses double below a ceiling, with jitter', async () => {
    pair = await openPair({}, { client: { random: () => 0.5, patience: { tries: 5, baseMs: 1000, capMs: 3000 } } });
    pair.fake.fault({ kind: 'cut', times: ALWAYS });
    await expect(pair.github.repository()).rejects.toMatchObject({ code: 'GITHUB_UNREACHABLE' });
    expect(pair.clock.slept).toEqual([500, 1000, 1500, 1500]);
  });

  test('a limit is waited for, by GitHub’s clock and not by this machine’s', async () => {
    const clock = testClock(Date.UTC(2031, 0, 1));
    pair = await openPair({}, { client: { clock } });
    pair.fake.fault({ kind: 'rate-limited' });
    await pair.github.repository();
    expect(clock.slept).toEqual([61_000]);
  });

  test('nothing is asked once the hour’s requests are used up, and the limit can still be read', async () => {
    pair = await openPair({}, { client: { patience: { limitMaxMs: 0 } } });
    pair.fake.leave(1);
    await pair.github.repository();
    await expect(pair.github.commit(sha('c'))).rejects.toMatchObject({ code: 'GITHUB_RATE_LIMITED' });
    expect(pair.fake.requests).toHaveLength(1);
    expect(await pair.github.rateLimit()).toEqual({ limit: 5000, remaining: 0, resetAt: '2026-01-05T13:00:00.000Z' });
  });

  test('what did not change costs no request of the limit', async () => {
    pair = await openPair();
    const first = await pair.github.commit(sha('c'));
    const { remaining } = await pair.github.rateLimit();
    expect(await pair.github.commit(sha('c'))).toEqual(first);
    expect(pair.fake.requests.at(-1)?.status).toBe(304);
    expect((await pair.github.rateLimit()).remaining).toBe(remaining);
  });

  test('what did change is read anew', async () => {
    pair = await openPair({ secrets: ['ONE'] });
    expect(await pair.github.secretNames()).toEqual(['ONE']);
    pair.fake.state.repositories[REPOSITORY]?.secrets.push('TWO');
    expect(await pair.github.secretNames()).toEqual(['ONE', 'TWO']);
  });

  test('an interrupt ends what is under way with its own reason', async () => {
    const stop = new AbortController();
    pair = await openPair({}, { client: { signal: stop.signal } });
    pair.fake.fault({ kind: 'silent', route: READ });
    const asked = pair.github.commit(sha('c'));
    stop.abort(new Error('the job was cancelled'));
    await expect(asked).rejects.toThrow('the job was cancelled');
  });

  test('a later page that fails is asked for again, and not the whole list', async () => {
    const pulls = Array.from({ length: 130 }, (_, index) => ({
      number: index + 1,
      base: 'main',
      head: 'x',
      head_sha: sha('d'),
      user: null,
      created_at: '2026-01-05T12:00:00Z',
      merged_at: null,
      merge_commit_sha: null,
      commits: [sha('c')],
      reviews: [],
    }));
    pair = await openPair({ pulls });
    pair.fake.fault({ kind: 'status', status: 500, route: LINK, after: 1 });
    expect(await pair.github.mergedPulls(sha('c'))).toEqual([]);
    expect(pair.fake.requests.map(({ status: each }) => each)).toEqual([200, 500, 200]);
  });
});
