import type { Readable } from 'node:stream';
import { ExternalError, messageOf } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { restoreDump } from './archive/archive.ts';
import { describeAddress, during, isOfServer, withDatabase } from './connection.ts';
import { databaseFailed, mismatch } from './errors.ts';
import { compareContents } from './inspect/compare.ts';
import { readContents } from './inspect/contents.ts';
import type { Checkpoint, OnStep } from './types.ts';

export type Restorable = Pick<
  Checkpoint,
  'id' | 'format' | 'server_version' | 'tables' | 'sequences' | 'objects' | 'database'
>;

/**
 * Puts a dump into an empty database and compares what came of it with what was dumped: rows and content of every
 * table, sequences, every definition.
 * @throws CHECKPOINT_MISMATCH where anything differs, ExternalError where the server broke
 */
export async function restoreAndCompare(options: {
  database: DatabaseAccess;
  checkpoint: Restorable;
  dump: Readable;
  into: string;
  onProgress?: OnStep;
  signal?: AbortSignal | undefined;
}): Promise<void> {
  const { database, checkpoint, dump, into, onProgress = () => {}, signal } = options;
  await onProgress('restoring into a scratch database');
  try {
    await restoreDump({ database, into, format: checkpoint.format, from: dump, signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ExternalError) throw error;
    if (isOfServer(error) && !isAboutTheDump(error)) {
      throw databaseFailed('restoring a checkpoint', describeAddress(database.adminUrl), error);
    }
    throw mismatch(checkpoint.id, [`it cannot be restored (${messageOf(error)})`]);
  }
  await onProgress('comparing');
  const url = withDatabase(database.adminUrl, into);
  const { found, version } = await during(
    url,
    'comparing a restored checkpoint',
    async ({ client, version: own }) => {
      // Without statistics the first queries after a restore would be planned blindly.
      await client.query('ANALYZE');
      return { found: await readContents(client), version: own };
    },
    signal,
  );
  const problems = compareContents(checkpoint, found, { expected: checkpoint.server_version, found: version });
  if (problems.length > 0) throw mismatch(checkpoint.id, problems);
}

/** SQLSTATE classes of a server that has troubles of its own: connection, resources, operator, system, internal. */
function isAboutTheDump(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && !/^(08|53|57|58|XX)/.test(code);
}
