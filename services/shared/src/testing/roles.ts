import { makeAccessToken, ROLES, type Role } from '@papergate/config';
import type { ServiceApp } from '../app/build-app.ts';

const made = ROLES.map((role) => makeAccessToken({ name: `a-${role}`, role, requests_per_second: 100_000 }));

/** A token of each role, and the settings with which a service takes them. */
export const ROLE_TOKENS = Object.fromEntries(made.map(({ entry, token }) => [entry.role, token.reveal()])) as Record<
  Role,
  string
>;
export const WITH_ROLES = { apiToken: 'a-token-of-the-bundle', accessTokens: made.map(({ entry }) => entry) };

/** Refused by the hook behind the guard: no handler runs, whatever the route. */
const PROBE = '?probe=%00';
const WHO = ['none', ...ROLES] as const;

/**
 * Which role each route of an app really asks for, found by trying, and whether its OpenAPI document says the same.
 * Routes that any token may use are left out. The app is built with {@link WITH_ROLES}; it need not have started.
 * @param sockets paths of its WebSockets, which the document does not show
 */
export async function requiredRoles(
  app: ServiceApp,
  sockets: readonly string[] = [],
): Promise<Record<'none' | 'trader' | 'operator', string[]>> {
  const { paths } = (await app.inject({ url: '/openapi.json', headers: bearer('operator') })).json<{
    paths: Record<string, Record<string, { 'x-required-role'?: string }>>;
  }>();
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      said: operation['x-required-role'],
    })),
  );
  const found: Record<(typeof WHO)[number], string[]> = { none: [], viewer: [], trader: [], operator: [] };
  for (const { method, path, said } of [
    ...documented,
    ...sockets.map((socket) => ({ method: 'GET', path: socket, said: 'viewer' })),
  ]) {
    const least = await leastRole(app, method, path.replaceAll(/\{\w+\}/g, 'x'));
    if (said !== least) throw new Error(`${method} ${path} asks for ${least}, and its description says ${said}`);
    found[least].push(`${method} ${path}`);
  }
  const { viewer, ...rest } = found;
  if (viewer.length < 2) throw new Error('the description shows hardly any route');
  return { ...rest, none: rest.none.filter((route) => !route.startsWith('GET /health')) };
}

async function leastRole(app: ServiceApp, method: string, path: string): Promise<(typeof WHO)[number]> {
  for (const who of WHO) {
    const headers = who === 'none' ? {} : bearer(who);
    const { statusCode, payload } = await app.inject({ method: method as 'GET', url: `${path}${PROBE}`, headers });
    if (statusCode === 400) return who;
    const expected = who === 'none' ? 401 : 403;
    if (statusCode !== expected) throw new Error(`${method} ${path} answers ${who} with ${statusCode}: ${payload}`);
  }
  throw new Error(`${method} ${path} lets nobody in`);
}

const bearer = (role: Role) => ({ authorization: `Bearer ${ROLE_TOKENS[role]}` });
