import swagger from '@fastify/swagger';
import type { TSchema } from 'typebox';
import type { ServiceName } from '@papergate/config';
import type { ServiceApp } from './build-app.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a body that the handler itself checks, to say more than a schema can: what the document shows of it. */
    describedBody?: TSchema;
  }
}

/** OpenAPI 3.1 of all routes that are added after this, at `/openapi.json`. WebSockets are not part of it. */
export async function describeRoutes(app: ServiceApp, service: ServiceName, release: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: `Papergate ${service}`, version: release },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: ({ schema, url, route }) => {
      const body = route.config?.describedBody;
      const isSocket = (route as { websocket?: boolean }).websocket === true;
      return { schema: { ...schema, ...(body && { body }), ...(isSocket && { hide: true }) }, url };
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}
