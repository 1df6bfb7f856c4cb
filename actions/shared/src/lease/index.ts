import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ExternalError } from '@papergate/config';
import { identify, isRunning } from '../process/facts.ts';

/** Who holds a place. */
export interface Holder {
  pid: number;
  /** Start of the process, as `identify` words it. */
  started: string;
  host: string;
  /** What it is doing, for people: `papergate ship`. */
  command: string;
  since: string;
}

export interface LeaseOptions {
  /** Folder of the lease's files. */
  dir: string;
  command: string;
  /** Without a heartbeat for so long a holder counts as dead, ms. */
  expiryMs?: number;
  heartbeatMs?: number;
  /** The generation that is handed over to us by its living holder. */
  handedOver?: number;
  /** Called once when somebody else has taken the place, which ends our right to touch it. */
  onLost?: () => void;
  now?: () => number;
  /** Whether the holder's process is there: undefined where that cannot be known (another host). */
  isAlive?: (holder: Holder) => boolean | undefined;
  self?: () => Holder;
  files?: LeaseFiles;
}

/** The file operations of the lease; each is atomic. Injected by the tests that interleave them. */
export interface LeaseFiles {
  prepare(dir: string): Promise<void>;
  list(dir: string): Promise<string[]>;
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** Fails with EEXIST where `to` exists. */
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Time of the last heartbeat, ms; undefined where the file is gone. */
  beatenAt(path: string): Promise<number | undefined>;
  beat(path: string, at: number): Promise<void>;
}

export interface Lease {
  generation: number;
  /** Whether we still hold it: true until somebody took over a lease that had expired. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
  /** Stops minding the lease: a process that was told the generation takes it from here. */
  handOver(): void;
}

const HISTORY = 16;

/**
 * Takes the place, or says who holds it.
 *
 * Each holder has a generation, a number that only grows: `<n>.json` is made with link(2), which exactly one
 * can do, and only by one who has seen that generation n−1 is over (released, its process gone, or silent for
 * `expiryMs`). The highest generation holds. Old ones stay for a while, so that a process that was asleep
 * between looking and linking finds higher ones beside its own and steps back.
 * @throws ExternalError PLACE_TAKEN
 */
export async function acquireLease(options: LeaseOptions): Promise<Lease> {
  const files = options.files ?? realFiles;
  const { dir, now = Date.now } = options;
  await files.prepare(dir);
  const self = (options.self ?? ((): Holder => selfHolder(options.command, now)))();
  for (;;) {
    const highest = highestOf(await files.list(dir));
    if (highest !== undefined && !highest.released && highest.generation !== options.handedOver) {
      await refuseIfHeld(files, dir, highest.generation, options);
    }
    const generation = (highest?.generation ?? 0) + 1;
    if (await claim(files, dir, generation, self, now())) {
      const rivals = entriesOf(await files.list(dir)).filter(
        (entry) => entry.generation > generation || (entry.generation === generation && entry.released),
      );
      if (rivals.length === 0) {
        await forget(files, dir, generation);
        return hold(files, generation, options);
      }
      await files.remove(join(dir, nameOf(generation)));
    }
  }
}

/** Who holds the place now; undefined: nobody. */
export async function leaseHolder(options: Omit<LeaseOptions, 'command'>): Promise<Holder | undefined> {
  const files = options.files ?? realFiles;
  const highest = highestOf(await files.list(options.dir).catch(() => []));
  if (highest === undefined || highest.released) return undefined;
  return livingHolder(files, join(options.dir, nameOf(highest.generation)), options);
}

const nameOf = (generation: number): string => `${String(generation).padStart(8, '0')}.json`;
const releasedNameOf = (generation: number): string => `${String(generation).padStart(8, '0')}.released`;

interface Entry {
  generation: number;
  released: boolean;
  name: string;
}

function entriesOf(names: string[]): Entry[] {
  return names.flatMap((name) => {
    const match = /^(\d{8,})\.(json|released)$/.exec(name);
    return match === null ? [] : [{ generation: Number(match[1]), released: match[2] === 'released', name }];
  });
}

// Of a generation that is there twice (somebody is just stepping back from it) the released one counts.
function highestOf(names: string[]): Entry | undefined {
  return entriesOf(names)
    .sort((a, b) => b.generation - a.generation || Number(b.released) - Number(a.released))
    .at(0);
}

async function claim(files: LeaseFiles, dir: string, generation: number, self: Holder, now: number): Promise<boolean> {
  const draft = join(dir, `draft-${self.pid}-${Math.random().toString(36).slice(2)}`);
  await files.write(draft, JSON.stringify(self));
  await files.beat(draft, now);
  try {
    await files.link(draft, join(dir, nameOf(generation)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await files.remove(draft);
  }
}

async function refuseIfHeld(files: LeaseFiles, dir: string, generation: number, options: LeaseOptions): Promise<void> {
  const holder = await livingHolder(files, join(dir, nameOf(generation)), options);
  if (holder === undefined) return;
  throw new ExternalError({
    code: 'PLACE_TAKEN',
    message: `this place is held by process ${holder.pid} on ${holder.host} (${holder.command}) since ${holder.since}`,
    fix: `wait for it, end it with "npx papergate stop", or set PAPERGATE_HOME to a folder of your own (and --ports free)`,
  });
}

async function livingHolder(
  files: LeaseFiles,
  path: string,
  { expiryMs = 60_000, now = Date.now, isAlive = aliveHere }: Omit<LeaseOptions, 'command' | 'dir'>,
): Promise<Holder | undefined> {
  const beatenAt = await files.beatenAt(path);
  if (beatenAt === undefined) return undefined;
  let holder: Holder;
  try {
    holder = JSON.parse(await files.read(path)) as Holder;
  } catch {
    return undefined;
  }
  if (isAlive(holder) === false) return undefined;
  return now() - beatenAt > expiryMs ? undefined : holder;
}

async function forget(files: LeaseFiles, dir: string, generation: number): Promise<void> {
  for (const entry of entriesOf(await files.list(dir))) {
    if (entry.generation <= generation - HISTORY) await files.remove(join(dir, entry.name));
  }
}

function hold(files: LeaseFiles, generation: number, options: LeaseOptions): Lease {
  const { dir, now = Date.now } = options;
  const path = join(dir, nameOf(generation));
  let ended = false;
  const isHeld = async (): Promise<boolean> => {
    if (ended) return false;
    const highest = highestOf(await files.list(dir));
    return highest?.generation === generation && !highest.released;
  };
  const heartbeat = async (): Promise<void> => {
    if (await isHeld()) return files.beat(path, now());
    if (ended) return;
    ended = true;
    clearInterval(timer);
    options.onLost?.();
  };
  const timer = setInterval(() => void heartbeat().catch(() => {}), options.heartbeatMs ?? 5_000);
  timer.unref();
  return {
    generation,
    isHeld,
    handOver: () => {
      clearInterval(timer);
      ended = true;
    },
    release: async () => {
      clearInterval(timer);
      if (ended) return;
      ended = true;
      await files.rename(path, join(dir, releasedNameOf(generation))).catch(() => {});
    },
  };
}

function selfHolder(command: string, now: () => number): Holder {
  const id = identify(process.pid);
  return {
    pid: process.pid,
    started: id?.started ?? '',
    host: hostname(),
    command,
    since: new Date(now()).toISOString(),
  };
}

function aliveHere(holder: Holder): boolean | undefined {
  return holder.host === hostname() ? isRunning(holder) : undefined;
}

const realFiles: LeaseFiles = {
  prepare: async (dir) => {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  },
  list: (dir) => readdir(dir),
  read: (path) => readFile(path, 'utf8'),
  write: (path, text) => writeFile(path, text, { mode: 0o600 }),
  link: (from, to) => link(from, to),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  beatenAt: (path) =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    ),
  beat: (path, at) => utimes(path, at / 1000, at / 1000),
};
