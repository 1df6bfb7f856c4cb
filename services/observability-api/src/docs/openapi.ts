import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { ServiceApp } from '@papergate/service-kit';

const ok = (description: string, type = 'application/json') => ({
  responses: { '200': { description, content: { [type]: { schema: {} } } } },
});

/** The routes that every service has; the kit adds them before anything can listen for routes. */
const KIT_PATHS = {
  '/health': { get: { summary: 'Alive', tags: ['service'], security: [], ...ok('the process answers') } },
  '/health/ready': {
    get: {
      summary: 'Ready: the state of each collector',
      tags: ['service'],
      security: [],
      responses: {
        '200': { description: 'all collectors work' },
        '503': { description: 'one does not; `collectors` says which and why' },
      },
    },
  },
  '/metrics': { get: { summary: 'Prometheus text', tags: ['service'], ...ok('metrics', 'text/plain') } },
  '/api/v1/config': {
    get: { summary: 'Effective configuration, secrets redacted', tags: ['service'], ...ok('configuration') },
  },
};

/** OpenAPI 3.1 of all routes that are added after this, shown at `/docs` (`/docs/json` is the document). */
export async function documentRoutes(app: ServiceApp, release: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Papergate observability-api',
        description: 'Collectors, history and queries. Beside HTTP there is the WebSocket `/ws/metrics`.',
        version: release,
      },
      paths: KIT_PATHS,
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { deepLinking: true } });
}
