import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../process/run.ts';
import { identify, isRunning, type ProcessId } from '../../process/facts.ts';
import { lacking } from './lacking.ts';

const SLOTS = 8;

/** A folder under the cache that one test run at a time uses, and the next one finds as it was left. */
export interface Slot {
  dir: string;
  release(): Promise<void>;
}

/** The first slot that no living process holds. A dead holder's is taken over. */
export async function takeSlot(cacheDir: string): Promise<Slot> {
  for (let number = 0; number < SLOTS; number++) {
    const dir = join(cacheDir, `slot-${number}`);
    await mkdir(dir, { recursive: true, mode: 0o711 });
    const lock = join(dir, 'holder');
    if (await take(lock)) return { dir, release: () => rm(lock, { force: true }) };
  }
  throw lacking(`all ${SLOTS} of its folders under ${cacheDir} are in use by other test runs`);
}

async function take(lock: string): Promise<boolean> {
  const create = async (): Promise<boolean> => {
    try {
      const file = await open(lock, 'wx', 0o600);
      await file.writeFile(JSON.stringify(identify(process.pid)));
      await file.close();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return false;
    }
  };
  if (await create()) return true;
  let holder: ProcessId;
  try {
    holder = JSON.parse(await readFile(lock, 'utf8')) as ProcessId;
  } catch {
    return false;
  }
  if (isRunning(holder)) return false;
  await rm(lock, { force: true });
  return await create();
}

/** Empties a folder that has grown beyond its bound; what a killed engine left mounted below it is taken off first. */
export async function bound(dir: string, maxBytes: number): Promise<boolean> {
  await mkdir(dir, { recursive: true, mode: 0o711 });
  const { stdout } = await run('du', ['-skx', dir]);
  if (Number(stdout.split(/\s/)[0]) * 1024 <= maxBytes) return false;
  for (const mount of mountsBelow(dir)) await run('umount', ['-l', mount]);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o711 });
  return true;
}

function mountsBelow(dir: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount.startsWith(`${dir}/`))
    .toReversed();
}
