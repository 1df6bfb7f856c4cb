import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { ServiceApp } from '@papergate/service-kit';

const PUBLIC = fileURLToPath(new URL('../../public', import.meta.url));
const UPLOT = dirname(createRequire(import.meta.url).resolve('uplot'));

/** The page as it lies in `public/`, and uPlot from its package: no build step. */
export async function servePage(app: ServiceApp): Promise<void> {
  const options = {
    cacheControl: false,
    setHeaders: (reply: { header(name: string, value: string): unknown }) =>
      void reply.header('cache-control', 'no-cache'),
  };
  await app.register(fastifyStatic, { ...options, root: PUBLIC, index: 'index.html' });
  for (const file of ['uPlot.esm.js', 'uPlot.min.css']) {
    app.get(`/vendor/${file}`, (_request, reply) => reply.sendFile(file, join(UPLOT)));
  }
}
