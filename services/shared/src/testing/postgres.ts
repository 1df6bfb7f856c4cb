import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Secret } from '@papergate/config';
import { migrateDatabase } from '../database/migrate.ts';

const COMMAND = fileURLToPath(new URL('../../../../actions/shared/src/postgres/main.ts', import.meta.url));

export interface TestDatabase {
  url: Secret;
  close(): Promise<void>;
}

/** A real PostgreSQL of the test's own, on a free port in a temporary folder, migrated. It dies with the test's process. */
export async function startTestDatabase(options: { migrate?: boolean } = {}): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'papergate-pg-'));
  const child = spawn(process.execPath, [COMMAND, '--data', join(folder, 'data'), '--port', '0', '--fast', '--json'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const close = async (): Promise<void> => {
    child.stdin.end();
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    exited.then(() => undefined),
  ]);
  if (line === undefined) {
    await close();
    throw new Error('the test database did not start; its own message is above');
  }
  const url = new Secret((JSON.parse(line) as { url: string }).url);
  if (options.migrate ?? true) await migrateDatabase(url);
  return { url, close };
}
