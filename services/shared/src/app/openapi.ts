import swagger from '@fastify/swagger';
import type { TSchema } from 'typebox';
import type { ServiceName } from '@papergate/config';
import { requiredRole } from '../access/control.ts';
import type { ServiceApp } from './build-app.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a body that the handler itself checks, to say more than a schema can: what the document shows of it. */
    describedBody?: TSchema;
  }
}

/**
 * OpenAPI 3.1 of all routes that are added after this, at `/openapi.json`. WebSockets are not part of it. `x-required-role`
 * of an operation: what a token must be for it, `none` where it needs no token.
 */
export async function describeRoutes(
  app: ServiceApp,
  { service, release, open }: { service: ServiceName; release: string; open: (path: string) => boolean },
): Promise<void> {
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
      const role = open(url) ? 'none' : requiredRole(route.method, route.config);
      return {
        schema: { ...schema, ...(body && { body }), ...(isSocket && { hide: true }), 'x-required-role': role },
        url,
      };
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}
