import { describe, expect, test } from '@jest/globals';
import { makeAccessToken, Secret, type AccessToken, type Role } from '@papergate/config';
import { buildServiceApp, type ServiceApp } from '../app/build-app.ts';
import { testContext } from '../testing/context.ts';
import { actingHeaders } from './actor.ts';
import { AccessControl, requiredRole } from './control.ts';
import { TokenDirectory } from './directory.ts';
import { RateLimiter } from './limiter.ts';

const OWN = 'the-bundles-own-token';
const viewer = makeAccessToken({ name: 'vera', role: 'viewer' });
const trader = makeAccessToken({ name: 'tom', role: 'trader', requests_per_second: 5 });
const operator = makeAccessToken({ name: 'olga', role: 'operator', expires_at: '2030-01-01T00:00:00Z' });
const END = Date.parse('2030-01-01T00:00:00Z');

function directory(entries: readonly AccessToken[], now = () => 0): TokenDirectory {
  return new TokenDirectory({ own: new Secret(OWN), tokens: new Secret(JSON.stringify(entries)), now });
}

describe('the directory of tokens', () => {
  const known = directory([viewer.entry, trader.entry, operator.entry]);

  test('knows each by its own token, and nobody by a hash, a part or a name', () => {
    for (const { token, entry } of [viewer, trader, operator]) {
      const { name, role } = entry;
      expect(known.identify(token.reveal())).toMatchObject({ kind: 'known', own: false, actor: { name, role } });
    }
    expect(known.identify(OWN)).toMatchObject({ own: true, actor: { name: 'bundle', role: 'operator' } });
    const half = viewer.token.reveal().slice(0, -1);
    for (const wrong of ['', half, viewer.entry.sha256, 'vera', `${OWN} `]) {
      expect(known.identify(wrong)).toEqual({ kind: 'unknown' });
    }
  });

  test('lets a token end to the millisecond', () => {
    const at = (now: number) => directory([operator.entry], () => now).identify(operator.token.reveal());
    expect(at(END - 1)).toMatchObject({ kind: 'known' });
    expect(at(END)).toEqual({ kind: 'expired', name: 'olga' });
  });
});

describe('requests a second', () => {
  test('are as many as allowed, at once or spread, and come back evenly', () => {
    let now = 50_000;
    const limiter = new RateLimiter(() => now);
    expect(Array.from({ length: 4 }, () => limiter.take('a', 3))).toEqual([0, 0, 0, expect.closeTo(1000 / 3, 3)]);
    expect(limiter.take('b', 3)).toBe(0);
    now += 334;
    expect([limiter.take('a', 3), limiter.take('a', 3) > 300]).toEqual([0, true]);
    now += 60_000;
    expect(Array.from({ length: 4 }, () => limiter.take('a', 3) === 0)).toEqual([true, true, true, false]);
  });

  test('are no more over a minute than the limit allows, whenever they come', () => {
    let now = 0;
    const limiter = new RateLimiter(() => now);
    let passed = 0;
    for (; now < 60_000; now += 7) if (limiter.take('a', 10) === 0) passed += 1;
    expect(passed).toBeGreaterThanOrEqual(600);
    expect(passed).toBeLessThanOrEqual(610);
  });
});

test.each<[string | string[], { role?: Role } | undefined, Role]>([
  ['GET', undefined, 'viewer'],
  ['head', {}, 'viewer'],
  ['POST', undefined, 'operator'],
  ['PROPFIND', {}, 'operator'],
  [['GET', 'POST'], {}, 'operator'],
  ['POST', { role: 'trader' }, 'trader'],
  ['GET', { role: 'operator' }, 'operator'],
])('a route for %j that declares %j asks for %s', (method, config, role) => {
  expect(requiredRole(method, config)).toBe(role);
});

describe('a service with tokens', () => {
  async function service(): Promise<{ app: ServiceApp; refused: () => Promise<string> }> {
    const tokens = [viewer.entry, trader.entry, operator.entry];
    const context = testContext('orchestrator', { apiToken: OWN, accessTokens: tokens });
    const access = new AccessControl({ ...context, now: () => 0, ticks: () => 0 });
    const app = await buildServiceApp({ ...context, access });
    app.get('/who', (request) => ({ ...request.actor, id: request.id }));
    app.post('/trade', { config: { role: 'trader' } }, (request) => request.actor);
    app.post('/undeclared', (request) => request.actor);
    app.get('/secret', { config: { role: 'operator' } }, (request) => request.actor);
    return { app, refused: () => context.metrics.registry.getSingleMetricAsString('papergate_access_refused_total') };
  }
  const by = ({ token }: { token: Secret }) => ({ authorization: `Bearer ${token.reveal()}` });
  const OWN_HEADER = { authorization: `Bearer ${OWN}` };

  test.each([
    ['GET', '/who', [200, 200, 200]],
    ['HEAD', '/who', [200, 200, 200]],
    ['POST', '/trade', [403, 200, 200]],
    ['POST', '/undeclared', [403, 403, 200]],
    ['GET', '/secret', [403, 403, 200]],
    ['HEAD', '/secret', [403, 403, 200]],
    ['POST', '/nowhere', [404, 404, 404]],
  ] as const)('answers %s %s by role', async (method, url, statuses) => {
    const { app } = await service();
    const ask = (headers: Record<string, string>) => app.inject({ method, url, headers });
    const answers = await Promise.all([viewer, trader, operator].map((who) => ask(by(who))));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(statuses);
    expect((await ask({})).statusCode).toBe(401);
    expect((await ask(OWN_HEADER)).statusCode).toBe(statuses[2]);
    for (const refused of answers.filter(({ statusCode }) => statusCode === 403 && method !== 'HEAD')) {
      expect(refused.json()).toMatchObject({
        code: 'ROLE_REQUIRED',
        message: expect.stringContaining('needs a token of role'),
      });
    }
  });

  test('believes whom a request is for only beside the bundle’s own token', async () => {
    const { app } = await service();
    const acting = actingHeaders({ actor: { name: 'tom', role: 'trader' }, id: 'front-7' });
    const who = async (headers: Record<string, string>) => (await app.inject({ url: '/who', headers })).json<object>();
    expect(await who({ ...OWN_HEADER, ...acting })).toEqual({ name: 'tom', role: 'trader', id: 'front-7' });
    expect(await who({ ...by(viewer), ...acting })).toMatchObject({ name: 'vera', role: 'viewer' });
    expect(await who({ ...by(viewer), ...acting })).not.toMatchObject({ id: 'front-7' });
    expect(await who({ ...OWN_HEADER, 'x-papergate-actor': 'vera' })).toMatchObject({ name: 'vera', role: 'viewer' });
    const forged = { ...OWN_HEADER, 'x-papergate-actor': 'a\tb', 'x-papergate-request': 'x'.repeat(65) };
    expect(await who(forged)).toMatchObject({ name: 'bundle', id: expect.stringMatching(/^[0-9a-f]{12}-\d+$/) });
    const forUs = { method: 'POST', url: '/undeclared', headers: { ...OWN_HEADER, ...acting } } as const;
    expect((await app.inject(forUs)).statusCode).toBe(403);
  });

  test('limits each token by itself, says when to come again, and never the bundle', async () => {
    const { app, refused } = await service();
    const ask = (headers: Record<string, string>) => app.inject({ url: '/who', headers });
    const answers = await Promise.all(Array.from({ length: 7 }, () => ask(by(trader))));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200, 429, 429]);
    expect(answers[5]?.json()).toMatchObject({ code: 'RATE_LIMITED' });
    expect(answers[5]?.headers['retry-after']).toBe('1');
    expect((await ask(by(viewer))).statusCode).toBe(200);
    const own = await Promise.all(Array.from({ length: 300 }, () => ask(OWN_HEADER)));
    expect(new Set(own.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    expect(await refused()).toContain('reason="rate",service="orchestrator"} 2');
  });

  test('counts what it refuses, by reason', async () => {
    const { app, refused } = await service();
    await app.inject('/who');
    await app.inject({ url: '/who', headers: { authorization: 'Bearer nobody' } });
    await app.inject({ url: '/who', headers: { host: 'evil.example' } });
    await app.inject({ url: '/who', headers: { origin: 'http://evil.example' } });
    await app.inject({ url: '/secret', headers: by(viewer) });
    const lines = (await refused()).split('\n').filter((line) => line.endsWith(' 1'));
    expect(lines.map((line) => /reason="(\w+)"/.exec(line)?.[1])).toEqual([
      'host',
      'origin',
      'missing',
      'unknown',
      'role',
    ]);
  });

  test('says in its description what each route asks for', async () => {
    const { app } = await service();
    const { paths } = (await app.inject({ url: '/openapi.json', headers: OWN_HEADER })).json<{
      paths: Record<string, Record<string, { 'x-required-role': string }>>;
    }>();
    const roles = Object.entries(paths).flatMap(([path, by]) =>
      Object.entries(by).map(([method, operation]) => `${method} ${path} ${operation['x-required-role']}`),
    );
    expect(roles).toEqual(
      expect.arrayContaining([
        'get /health none',
        'get /who viewer',
        'post /trade trader',
        'post /undeclared operator',
        'get /secret operator',
      ]),
    );
  });

  test('shows in its configuration how many tokens there are, and none of them', async () => {
    const { app } = await service();
    const { payload } = await app.inject({ url: '/api/v1/config', headers: by(viewer) });
    expect(JSON.parse(payload)).toMatchObject({ access_tokens: 3, api_token: '[redacted]' });
    for (const { entry, token } of [viewer, trader, operator]) {
      expect(payload).not.toContain(entry.sha256);
      expect(payload).not.toContain(token.reveal());
    }
  });
});
