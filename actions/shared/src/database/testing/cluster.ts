import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { localHost } from '../../host/index.ts';
import type { DatabaseAccess } from '../../deliver/types.ts';
import { startEmbeddedPostgres } from '../../postgres/index.ts';
import { quoted, withDatabase } from '../connection.ts';
import type { CheckpointStore } from '../types.ts';

/** A PostgreSQL of the test's own, with as many databases and stores as it wants. */
export interface TestCluster {
  access(name: string): DatabaseAccess;
  /** A fresh database with this SQL run by its owner. */
  database(name: string, sql: string): Promise<DatabaseAccess>;
  /** Runs as the owner, or as the superuser, and gives the rows. */
  query(access: DatabaseAccess, sql: string, as?: 'owner' | 'admin'): Promise<Record<string, unknown>[]>;
  databases(): Promise<string[]>;
  store(): Promise<CheckpointStore>;
  folder: string;
  close(): Promise<void>;
}

export async function startTestCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'papergate-care-'));
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), durable: false });
  const host = localHost({ env: { PATH: process.env['PATH'] } });
  let stores = 0;
  const access = (name: string): DatabaseAccess => ({
    url: withDatabase(server.url, name),
    adminUrl: withDatabase(server.adminUrl, name),
    close: async () => {},
  });
  const query = async (
    to: DatabaseAccess,
    sql: string,
    as: 'owner' | 'admin' = 'owner',
  ): Promise<Record<string, unknown>[]> => {
    const client = new Client({
      connectionString: (as === 'owner' ? to.url : to.adminUrl).reveal(),
      application_name: 'a test',
    });
    await client.connect();
    try {
      const result: unknown = await client.query(sql);
      return (result as { rows?: Record<string, unknown>[] }).rows ?? [];
    } finally {
      await client.end();
    }
  };
  return {
    folder,
    access,
    query,
    async database(name, sql) {
      await query(access('postgres'), `CREATE DATABASE ${quoted(name)} OWNER papergate`, 'admin');
      await query(access(name), sql);
      return access(name);
    },
    async databases() {
      const rows = await query(access('postgres'), 'SELECT datname FROM pg_database ORDER BY 1', 'admin');
      return rows.map(({ datname }) => String(datname));
    },
    async store() {
      stores += 1;
      return { files: host.files, dir: join(folder, `checkpoints-${stores}`) };
    },
    async close() {
      await server.stop();
      await host.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
