import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { commandOf } from '../process/facts.ts';

export interface PortHolder {
  pid: number;
  command: string;
}

const LISTEN = '0A';

/** The process that listens on a TCP port, where /proc tells (Linux, and only what this user may see). */
export function portHolder(port: number): PortHolder | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of numericEntries('/proc')) {
    for (const fd of numericEntries(`/proc/${pid}/fd`)) {
      const inode = socketInode(`/proc/${pid}/fd/${fd}`);
      if (inode !== undefined && inodes.has(inode)) return { pid, command: commandOf(pid) ?? 'unknown' };
    }
  }
  return undefined;
}

// Columns of /proc/net/tcp: sl, local_address (hex address:port), rem_address, st, …, the tenth is the inode.
function listeningInodes(port: number): Set<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const found = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of textOf(table).split('\n')) {
      const columns = line.trim().split(/\s+/);
      if (columns[3] === LISTEN && columns[1]?.endsWith(suffix) === true && columns[9] !== undefined)
        found.add(columns[9]);
    }
  }
  return found;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function numericEntries(dir: string): number[] {
  try {
    return readdirSync(dir)
      .map(Number)
      .filter((entry) => Number.isInteger(entry));
  } catch {
    return [];
  }
}

function socketInode(link: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1];
  } catch {
    return undefined;
  }
}
