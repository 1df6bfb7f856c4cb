import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { endProcess, identify } from '@papergate/delivery';

/** A bundle takes its services down one after the other, and PostgreSQL last. */
const PATIENCE_MS = 10_000;

/**
 * Ends what tests that were cut off have left: staging runs detached from whoever started it, so that the end of the
 * test does not reach it. Known by a folder of which nobody else knows: it is in the command, the environment or the
 * working directory. Only where the system tells these (`/proc`).
 * @returns the commands that were ended
 */
export async function endWhatIsLeft(folder: string): Promise<string[]> {
  const found = pids().filter((pid) => pid !== process.pid && namesFolder(pid, folder));
  const ended = await Promise.all(
    found.map(async (pid) => {
      const command = read(pid, 'cmdline').replaceAll('\0', ' ').trim();
      const id = identify(pid);
      if (id === undefined || (await endProcess(id, { patienceMs: PATIENCE_MS })) === 'gone') return undefined;
      return command;
    }),
  );
  return ended.filter((command) => command !== undefined);
}

function pids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function namesFolder(pid: number, folder: string): boolean {
  if (read(pid, 'cmdline').includes(folder) || read(pid, 'environ').includes(folder)) return true;
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
  } catch {
    return false;
  }
}

/** Empty where it has ended meanwhile, or is somebody else's. */
function read(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
