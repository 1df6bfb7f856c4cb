import { readFileSync, rmSync } from 'node:fs';
import { writeAtomic } from '../home/index.ts';
import { endProcess } from '../process/end.ts';
import { isRunning, type ProcessId } from '../process/facts.ts';
import type { RecordedProcess } from './status.ts';

interface StateFile {
  supervisor: ProcessId;
  run_id: string;
  /** Path of the control socket. */
  control: string;
  /** In the order in which they were started. */
  processes: RecordedProcess[];
}

/** The supervisor's own record of what it started; rewritten in one step at each change. */
export class ProcessRecord {
  readonly #path: string;
  #content: StateFile;

  constructor(path: string, content: Omit<StateFile, 'processes'>) {
    this.#path = path;
    this.#content = { ...content, processes: [] };
    this.#write();
  }

  add(started: RecordedProcess): void {
    this.#content.processes.push(started);
    this.#write();
  }

  drop(ended: ProcessId): void {
    this.#content.processes = this.#content.processes.filter(
      ({ pid, started }) => pid !== ended.pid || started !== ended.started,
    );
    this.#write();
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  #write(): void {
    writeAtomic(this.#path, `${JSON.stringify(this.#content, null, 2)}\n`);
  }
}

export function readProcessRecord(path: string): StateFile | undefined {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as StateFile;
    return Array.isArray(found.processes) && typeof found.control === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Ends what a supervisor left that died without stopping its services. To be called by one who holds the lease.
 * Pids are compared with start times, so that a stranger who got the number since is not touched.
 * @returns names of what was still running
 */
export async function endOrphans(path: string, onFound: (name: string) => void = () => {}): Promise<string[]> {
  const record = readProcessRecord(path);
  if (record === undefined) return [];
  const ended: string[] = [];
  if (isRunning(record.supervisor)) {
    onFound('supervisor');
    await endProcess(record.supervisor, { patienceMs: 30_000 });
    ended.push('supervisor');
  }
  for (const { name, signal, ...id } of record.processes.toReversed()) {
    if (!isRunning(id)) continue;
    onFound(name);
    await endProcess(id, { signal, patienceMs: name === 'postgres' ? 30_000 : 10_000 });
    ended.push(name);
  }
  rmSync(path, { force: true });
  return ended;
}
