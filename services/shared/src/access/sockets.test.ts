import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { makeAccessToken, Secret } from '@papergate/config';
import { buildServiceApp, type ServiceApp } from '../app/build-app.ts';
import { testContext } from '../testing/context.ts';
import { until } from '../testing/until.ts';
import { actingHeaders } from './actor.ts';
import { AccessControl } from './control.ts';

const OWN = 'the-bundles-own-token';
const END = Date.parse('2030-01-01T00:00:00Z');
const ends = makeAccessToken({ name: 'olga', role: 'operator', expires_at: '2030-01-01T00:00:00Z' });
const stays = makeAccessToken({ name: 'vera', role: 'viewer' });
const far = makeAccessToken({ name: 'fred', role: 'viewer', expires_at: '2031-01-01T00:00:00Z' });

let app: ServiceApp;
afterEach(() => app.close());

test('a WebSocket ends with the token of who opened it, also where a sibling service opened it for them', async () => {
  let now = END - 50;
  const tokens = { apiToken: OWN, accessTokens: [ends.entry, stays.entry, far.entry] };
  const context = testContext('orchestrator', tokens);
  app = await buildServiceApp({ ...context, access: new AccessControl({ ...context, now: () => now }) });
  const served: { terminate(): void }[] = [];
  app.get('/live', { websocket: true }, (socket) => void served.push(socket));
  await app.ready();
  const bearer = (token: Secret) => ({ authorization: `Bearer ${token.reveal()}` });
  const forOlga = {
    ...bearer(new Secret(OWN)),
    ...actingHeaders({ actor: { name: 'olga', role: 'operator' }, id: 'a' }),
  };
  const closed: [string, number, string][] = [];
  const open = async (who: string, headers: Record<string, string>) => {
    const socket = await app.injectWS('/live', { headers: { host: '127.0.0.1', ...headers } });
    socket.on('close', (code: number, reason: Buffer) => closed.push([who, code, String(reason)]));
    return socket;
  };
  await open('olga', bearer(ends.token));
  await open('olga by the dashboard', forOlga);
  const others = [
    await open('vera', bearer(stays.token)),
    await open('fred', bearer(far.token)),
    await open('the bundle', bearer(new Secret(OWN))),
  ];
  // The clock stands still: a timer alone ends nothing.
  await delay(150);
  expect(closed).toEqual([]);
  now = END;
  await until('both to be closed', () => closed.length === 2);
  const reason = 'the token "olga" has expired';
  expect(closed.toSorted(([one], [other]) => (one < other ? -1 : 1))).toEqual([
    ['olga', 1008, reason],
    ['olga by the dashboard', 1008, reason],
  ]);
  await delay(100);
  expect(others.map(({ readyState }) => readyState)).toEqual([1, 1, 1]);
  for (const socket of [...others, ...served]) socket.terminate();
});
