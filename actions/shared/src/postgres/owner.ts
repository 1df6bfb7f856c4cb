import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError } from '@papergate/config';
import { commandOf, identify, isRunning, type ProcessId } from '../process/facts.ts';
import { endProcess } from '../process/end.ts';
import { clearStaleLock, lockHolder } from './server.ts';

const file = (dir: string): string => join(dir, 'owner.json');

function readOwner(dir: string): ProcessId | undefined {
  try {
    const found = JSON.parse(readFileSync(file(dir), 'utf8')) as ProcessId;
    return isRunning(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Takes the cluster for this process: a server that a dead owner left is stopped, one of a live owner is not touched. */
export async function takeOwnership(dir: string, data: string): Promise<void> {
  const owner = readOwner(dir);
  if (owner !== undefined) {
    throw new ExternalError({
      code: 'PG_IN_USE',
      message: `the database in ${dir} is in use by process ${owner.pid} (${commandOf(owner.pid) ?? 'unknown'})`,
      fix: 'stop that one first, or use another folder (PAPERGATE_HOME)',
    });
  }
  const server = lockHolder(data, commandOf);
  // SIGINT is PostgreSQL's fast stop: roll back, disconnect, write the checkpoint.
  if (server !== undefined) await endProcess(server, { signal: 'SIGINT', patienceMs: 30_000 });
  clearStaleLock(data);
  writeFileSync(file(dir), JSON.stringify(identify(process.pid)), { mode: 0o600 });
}

export function leaveOwnership(dir: string): void {
  rmSync(file(dir), { force: true });
}
