import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { waitFor } from '@papergate/delivery';
import { docker } from '../testing/docker.ts';
import type { Broken } from './types.ts';

/** Good releases in bad surroundings. */
export const BROKEN_SURROUNDINGS: Broken[] = [
  {
    title: 'a port that another program holds',
    make: (kit) => kit.release({}),
    around: async (kit) => {
      const holder = createServer();
      await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
      const path = join(kit.place, 'ports.json');
      const before = readFileSync(path, 'utf8');
      const ports = { ...(JSON.parse(before) as object), dashboard: (holder.address() as AddressInfo).port };
      writeFileSync(path, JSON.stringify(ports));
      return async () => {
        writeFileSync(path, before);
        await new Promise((resolve) => holder.close(resolve));
      };
    },
    ends: 'failed',
    exitCode: 3,
    step: /^verify$/,
    says: /port/i,
  },
  {
    title: 'a database that does not answer',
    make: (kit) => kit.release({}),
    around: (kit) => {
      const id = kit.container('postgres');
      docker('pause', id);
      return Promise.resolve(async () => {
        docker('unpause', id);
        const health = (): string => docker('inspect', '-f', '{{.State.Health.Status}}', id);
        await waitFor(() => health() === 'healthy', { timeoutMs: 60_000, everyMs: 250 });
      });
    },
    patience: { infrastructureMs: 20_000, checkpointMs: 10_000 },
    ends: 'failed',
    exitCode: 3,
    step: /^(verify|infrastructure|checkpoint)$/,
    says: /postgres|database/i,
  },
  {
    title: 'a database that does not come back from its checkpoint as it was',
    make: (kit) => kit.release({}),
    around: (kit) => {
      // A column that says it follows from the others, and does not.
      kit.sql(
        'SET ROLE papergate; ' +
          "CREATE FUNCTION papergate_test_lies(bigint) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT random()::text'; " +
          'CREATE TABLE papergate_test (id bigint, lie text GENERATED ALWAYS AS (papergate_test_lies(id)) STORED); ' +
          'INSERT INTO papergate_test SELECT generate_series(1, 5)',
      );
      return Promise.resolve(() => {
        kit.sql('DROP TABLE papergate_test; DROP FUNCTION papergate_test_lies(bigint)');
      });
    },
    ends: 'failed',
    exitCode: 1,
    step: /^checkpoint$/,
    says: /papergate_test/,
  },
];
