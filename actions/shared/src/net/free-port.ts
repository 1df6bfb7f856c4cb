import { randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Below the range from which the kernel draws ports for outgoing connections (32768 and up on Linux, 49152 and up
 * elsewhere): a port that is free now must still be free when a crashed service comes back to it.
 */
const FIRST = 20_000;
const LAST = 31_999;

/** Between a port's draw and the moment somebody listens on it lies the start of a database or a pull of images. */
const RESERVED_MS = 10 * 60_000;

/** Whether a TCP port of a loopback or other own address can be listened on right now. */
export function canListen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

export interface FreePortOptions {
  draw?: () => number;
  /** Where this machine's processes tell each other which ports they have drawn. */
  folder?: string;
  now?: number;
}

/**
 * Ports of 127.0.0.1 that nobody listens on, all different, and different from those that any other process of this
 * machine has drawn here in the last ten minutes.
 */
export async function freePorts(count: number, options: FreePortOptions = {}): Promise<number[]> {
  const { draw = () => randomInt(FIRST, LAST + 1), folder = join(tmpdir(), 'papergate-ports') } = options;
  openReservations(folder, options.now ?? Date.now());
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > 20_000) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
    const port = draw();
    if (!found.has(port) && reserve(folder, port) && (await canListen(port))) found.add(port);
  }
  return [...found];
}

/** False where another has it. */
function reserve(folder: string, port: number): boolean {
  try {
    writeFileSync(join(folder, String(port)), '', { flag: 'wx' });
    return true;
  } catch (error) {
    // Where nothing can be written down, a port that is free has to do.
    return (error as NodeJS.ErrnoException).code !== 'EEXIST';
  }
}

/** Makes the folder, open to every user of the machine, and takes out what is past its time. */
function openReservations(folder: string, now: number): void {
  try {
    if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o1777);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: now };
      if (now - mtimeMs > RESERVED_MS) rmSync(path, { force: true });
    }
  } catch {
    // A folder or file of another user: what he has reserved stays so.
  }
}
