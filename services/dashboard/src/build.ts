import {
  AccessControl,
  buildServiceApp,
  createServiceClient,
  httpUrl,
  type RunningService,
  type ServiceContext,
} from '@papergate/service-kit';
import { guardDashboard } from './access/guard.ts';
import { sessionRoutes } from './access/routes.ts';
import { Sessions } from './access/sessions.ts';
import { secureHeaders } from './page/headers.ts';
import { servePage } from './page/static.ts';
import { OBSERVABILITY, ORCHESTRATOR } from './proxy/allowed.ts';
import { proxyHttp } from './proxy/http.ts';
import { relaySocket } from './proxy/socket.ts';

/** The page and its way to the two services behind it. It holds nothing but sessions. */
export async function buildDashboard(context: ServiceContext): Promise<RunningService> {
  const { system, env, readiness } = context;
  // The page has to load before anybody can sign in, so the token is asked for here and not by the kit.
  const access = new AccessControl(context);
  const app = await buildServiceApp({ ...context, access, open: ['/'] });
  const sessions = new Sessions(access.directory);
  secureHeaders(app);
  guardDashboard(app, sessions, access);
  sessionRoutes(app, sessions, access, env);

  const token = env.apiToken;
  const orchestrator = httpUrl(system, 'orchestrator');
  const observability = httpUrl(system, 'observability-api');
  proxyHttp(app, { at: '/api/orchestrator', name: 'orchestrator', url: orchestrator, token, mount: ORCHESTRATOR });
  proxyHttp(app, {
    at: '/api/observability',
    name: 'observability-api',
    url: observability,
    token,
    mount: OBSERVABILITY,
  });
  relaySocket(app, { path: '/ws/metrics', url: observability, token });
  relaySocket(app, { path: '/ws/market_data', url: orchestrator, token });
  await servePage(app);

  for (const [name, url] of [
    ['orchestrator', orchestrator],
    ['observability-api', observability],
  ] as const) {
    const client = createServiceClient({ baseUrl: url, token, timeoutMs: 2_000 });
    readiness.add(name, async () => {
      const { status } = await client.get('/health');
      return status === 200 ? true : `${name} answered ${status}`;
    });
  }
  return { app };
}
