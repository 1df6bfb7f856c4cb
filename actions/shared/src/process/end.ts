import { isRunning, type ProcessId } from './facts.ts';
import { waitFor } from './wait.ts';

export interface EndOptions {
  /** Asked politely with this first. */
  signal?: NodeJS.Signals;
  /** Patience before SIGKILL, ms. */
  patienceMs: number;
}

/** Sends a signal to a process that may have gone; a pid that now belongs to another is left alone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isRunning(id)) return false;
  try {
    process.kill(id.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Ends a process that is not (or no longer) our child: politely, with patience, then with SIGKILL. */
export async function endProcess(id: ProcessId, options: EndOptions): Promise<'gone' | 'ended' | 'killed'> {
  if (!signalProcess(id, options.signal ?? 'SIGTERM')) return 'gone';
  if (await waitFor(() => !isRunning(id), { timeoutMs: options.patienceMs })) return 'ended';
  signalProcess(id, 'SIGKILL');
  await waitFor(() => !isRunning(id), { timeoutMs: 5000 });
  return 'killed';
}
