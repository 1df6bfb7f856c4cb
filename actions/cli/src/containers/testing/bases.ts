import { join } from 'node:path';
import { buildAirgapBases, containers, containersCache } from '@papergate/delivery';
import { dockerEnvironment } from './docker.ts';

/** Node and PostgreSQL of Debian's packages, at this run's registry; made once on a machine. */
export async function bases(): Promise<{ node: string; postgres: string }> {
  const { node, postgres } = await buildAirgapBases({
    env: dockerEnvironment(),
    registry: `${containers().registry}/base`,
    cacheDir: join(containersCache(process.env), 'bases'),
  });
  return { node, postgres };
}
