import swaggerUi from '@fastify/swagger-ui';
import type { ServiceApp } from '@papergate/service-kit';

/** The service's OpenAPI document for people, at `/docs` (`/docs/json` is the document). */
export async function showDocument(app: ServiceApp): Promise<void> {
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { deepLinking: true } });
}
