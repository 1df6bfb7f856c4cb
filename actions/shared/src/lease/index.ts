import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode, ExternalError } from '@papergate/config';
import { identify, isRunning } from '../process/facts.ts';
import { machineId } from './machine.ts';

/** Who holds a place. */
export interface Holder {
  pid: number;
  /** Start of the process, as `identify` words it. */
  started: string;
  host: string;
  /** The running system that the process number belongs to, where that is known: names of hosts repeat themselves. */
  machine?: string;
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
  /** Generations up to this one were seen elsewhere: the folder may have been emptied, and numbers only grow. */
  floor?: number;
  /** The generation that is handed over to us by its living holder. */
  handedOver?: number;
  /** Called once when somebody else has taken the place, which ends our right to touch it. */
  onLost?: () => void;
  /** The clock by which `files` stamps heartbeats. */
  now?: () => number | Promise<number>;
  /**
   * A holder that seems silent is watched for so long before it is taken over, ms: a clock that was set forward
   * makes a living one look silent until its next heartbeat. One whose heartbeat lies in the future is watched for
   * `expiryMs`. Not given: no watch.
   */
  watchMs?: number;
  /**
   * What {@link Lease.renew} found so long ago, by every one of `clocks`, still holds, ms: nobody takes over who has not
   * seen `expiryMs` of silence. Each of the clocks may stand still while a machine sleeps, but hardly all.
   */
  freshMs?: number;
  clocks?: readonly (() => number)[];
  /** How time passes; by the system's, if not given. */
  sleep?: (ms: number) => Promise<void>;
  every?: (ms: number, act: () => void) => () => void;
  /** Whether the holder's process is there: undefined where that cannot be known (another host). */
  isAlive?: (holder: Holder) => boolean | undefined;
  self?: () => Holder;
  /** What somebody who is refused is told to do. */
  takenFix?: string;
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
  /** True where `beat` stamps by a clock of its own, the one of `now`: asking for the time first would only cost. */
  ownClock?: boolean;
}

export interface Lease {
  generation: number;
  /** Whether we still hold it: true until somebody took over a lease that had expired. */
  isHeld(): Promise<boolean>;
  /**
   * The same, with a heartbeat first. One who is about to take over looks for a heartbeat again after having taken:
   * of the two at least one sees the other, so a true answer means that nobody else goes on.
   */
  renew(): Promise<boolean>;
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
  const self = options.self === undefined ? selfHolder(options.command, await now()) : options.self();
  for (;;) {
    const highest = highestOf(await files.list(dir));
    const before =
      highest !== undefined && !highest.released && highest.generation !== options.handedOver
        ? await refuseIfHeld(files, dir, highest.generation, options)
        : undefined;
    const seen = highest?.generation ?? 0;
    const generation = Math.max(seen, options.floor ?? 0) + 1;
    if (await claim(files, dir, generation, self, now)) {
      const rivals = entriesOf(await files.list(dir)).filter(
        (entry) => entry.generation > seen && (entry.generation !== generation || entry.released),
      );
      const awake = before?.silent === true && (await files.beatenAt(before.path)) !== before.beatenAt;
      if (rivals.length === 0 && !awake) {
        await forget(files, dir, generation, await now());
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
  return (await lookAt(files, join(options.dir, nameOf(highest.generation)), { ...options, watchMs: 0 })).holder;
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

async function claim(
  files: LeaseFiles,
  dir: string,
  generation: number,
  self: Holder,
  now: () => number | Promise<number>,
): Promise<boolean> {
  const draft = join(dir, `draft-${self.pid}-${Math.random().toString(36).slice(2)}`);
  await files.write(draft, JSON.stringify(self));
  await files.beat(draft, files.ownClock === true ? 0 : await now());
  try {
    await files.link(draft, join(dir, nameOf(generation)));
    return true;
  } catch (error) {
    // EEXIST: somebody was faster. ENOENT: we were asleep for so long that our draft was swept away.
    if (['EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return false;
    throw error;
  } finally {
    await files.remove(draft);
  }
}

/** A holder before us that counts as dead. */
interface Before {
  path: string;
  beatenAt: number | undefined;
  /** Dead by its silence alone: it may still wake up. */
  silent: boolean;
}

async function refuseIfHeld(
  files: LeaseFiles,
  dir: string,
  generation: number,
  options: LeaseOptions,
): Promise<Before> {
  const path = join(dir, nameOf(generation));
  const { holder, beatenAt, silent } = await lookAt(files, path, options);
  if (holder === undefined) return { path, beatenAt, silent };
  throw new ExternalError({
    code: 'PLACE_TAKEN',
    message: `this place is held by process ${holder.pid} on ${holder.host} (${holder.command}) since ${holder.since}`,
    fix:
      options.takenFix ??
      `wait for it, end it with "npx papergate stop", or set PAPERGATE_HOME to a folder of your own (and --ports free)`,
  });
}

async function lookAt(
  files: LeaseFiles,
  path: string,
  options: Omit<LeaseOptions, 'command' | 'dir'>,
): Promise<{ holder: Holder | undefined; beatenAt: number | undefined; silent: boolean }> {
  const { expiryMs = 60_000, now = Date.now, isAlive = aliveHere, watchMs = 0 } = options;
  const beatenAt = await files.beatenAt(path);
  const gone = { holder: undefined, beatenAt, silent: false };
  if (beatenAt === undefined) return gone;
  let holder: Holder;
  try {
    holder = JSON.parse(await files.read(path)) as Holder;
  } catch {
    return gone;
  }
  if (isAlive(holder) === false) return gone;
  const silentFor = (await now()) - beatenAt;
  const living = { holder, beatenAt, silent: false };
  // A little into the future is the grain of clocks and file systems.
  const ahead = silentFor < -1_000;
  if (silentFor <= expiryMs && !(ahead && watchMs > 0)) return living;
  const beats = await beatsWithin(files, path, beatenAt, ahead ? expiryMs : watchMs, options.sleep ?? delay);
  return beats ? living : { holder: undefined, beatenAt, silent: true };
}

async function beatsWithin(
  files: LeaseFiles,
  path: string,
  beatenAt: number,
  watchMs: number,
  sleep: (ms: number) => Promise<void>,
): Promise<boolean> {
  const rounds = Math.ceil(watchMs / 1_000);
  for (let round = 0; round < rounds; round += 1) {
    await sleep(watchMs / rounds);
    if ((await files.beatenAt(path)) !== beatenAt) return true;
  }
  return false;
}

/** Nobody takes so long between writing a draft and linking it. */
const DRAFT_MS = 3_600_000;

async function forget(files: LeaseFiles, dir: string, generation: number, now: number): Promise<void> {
  const names = await files.list(dir);
  for (const entry of entriesOf(names)) {
    if (entry.generation <= generation - HISTORY) await files.remove(join(dir, entry.name));
  }
  for (const name of names.filter((held) => held.startsWith('draft-'))) {
    const at = await files.beatenAt(join(dir, name));
    if (at !== undefined && now - at > DRAFT_MS) await files.remove(join(dir, name));
  }
}

function hold(files: LeaseFiles, generation: number, options: LeaseOptions): Lease {
  const { dir, now = Date.now } = options;
  const { clocks = [], freshMs = 0 } = options;
  const path = join(dir, nameOf(generation));
  let ended = false;
  let beaten: number[] | undefined;
  const isFresh = (): boolean =>
    beaten?.every((at, index) => Math.abs((clocks[index]?.() ?? Infinity) - at) < freshMs) === true && freshMs > 0;
  const lose = async (): Promise<void> => {
    if (ended) return;
    ended = true;
    stop();
    options.onLost?.();
    // Had the other one stepped back, ours would count again although nobody minds it.
    await files.rename(path, join(dir, releasedNameOf(generation))).catch(() => {});
  };
  const isHeld = async (): Promise<boolean> => {
    if (ended) return false;
    const highest = highestOf(await files.list(dir));
    if (highest?.generation === generation && !highest.released) return !ended;
    await lose();
    return false;
  };
  const renew = async (): Promise<boolean> => {
    if (ended) return false;
    if (isFresh()) return true;
    const began = clocks.map((clock) => clock());
    // Its file is gone where the place was taken over so long ago that it was swept away.
    await files.beat(path, files.ownClock === true ? 0 : await now()).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
    const held = await isHeld();
    beaten = held ? began : undefined;
    return held;
  };
  const heartbeat = async (): Promise<void> => {
    beaten = undefined;
    await renew();
  };
  const stop = (options.every ?? systemEvery)(options.heartbeatMs ?? 5_000, () => void heartbeat().catch(() => {}));
  return {
    generation,
    isHeld,
    renew,
    handOver: () => {
      stop();
      ended = true;
    },
    release: async () => {
      stop();
      if (ended) return;
      ended = true;
      await files.rename(path, join(dir, releasedNameOf(generation))).catch(() => {});
    },
  };
}

function systemEvery(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms);
  timer.unref();
  return () => clearInterval(timer);
}

function selfHolder(command: string, now: number): Holder {
  const id = identify(process.pid);
  return {
    pid: process.pid,
    started: id?.started ?? '',
    host: hostname(),
    machine: machineId(),
    command,
    since: new Date(now).toISOString(),
  };
}

// A process number says something only in the running system that gave it: two machines, and two containers of one
// machine, may carry the same name.
function aliveHere(holder: Holder): boolean | undefined {
  if (holder.host !== hostname()) return undefined;
  return holder.machine === undefined || holder.machine === machineId() ? isRunning(holder) : undefined;
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
