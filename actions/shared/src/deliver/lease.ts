import { ExternalError } from '@papergate/config';
import { acquireLease, leaseHolder, type Holder, type LeaseFiles } from '../lease/index.ts';
import type { HostFiles } from '../host/types.ts';
import { SYSTEM_CLOCK, type Clock } from './clock.ts';
import { leaseLost } from './errors.ts';
import { pathsOf } from './place.ts';
import type { Fence, Place } from './types.ts';

/**
 * A dead deployer of this running system is noticed at once, by its process number. One elsewhere is taken over
 * after a minute of silence and twelve seconds of being watched: within 90 s.
 */
export const HEARTBEAT_MS = 5_000;
export const EXPIRY_MS = 60_000;
export const WATCH_MS = 12_000;
/** A look at the lease is good for so long: far below what a takeover takes, and behind SSH each look is two commands. */
const FRESH_MS = 2_000;

export interface PlaceLease {
  readonly generation: number;
  readonly fence: Fence;
  /** Aborted when the place was lost; the reason says so. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** What tests put in place of this process and its system. */
export interface LeaseWorld {
  clock?: Clock;
  self?: () => Holder;
  isAlive?: (holder: Holder) => boolean | undefined;
}

/**
 * Takes a place. All times are of the host's clock, so that deployers whose own clocks are wrong agree.
 * @throws ExternalError PLACE_TAKEN, naming who holds it and since when
 */
export async function leasePlace(place: Place, command: string, world: LeaseWorld = {}): Promise<PlaceLease> {
  const { clock = SYSTEM_CLOCK, ...identity } = world;
  const dir = pathsOf(place).lease;
  const files = leaseFilesOf(place.host.files);
  const lost = new AbortController();
  const lease = await acquireLease({
    dir,
    command,
    files,
    floor: await generationsSeen(place),
    expiryMs: EXPIRY_MS,
    heartbeatMs: HEARTBEAT_MS,
    watchMs: WATCH_MS,
    now: () => place.host.now(),
    freshMs: FRESH_MS,
    clocks: [() => clock.now(), () => clock.monotonic()],
    sleep: (ms) => clock.sleep(ms),
    every: (ms, act) => clock.every(ms, act),
    onLost: () => lost.abort(leaseLost(undefined)),
    takenFix: `wait for it, or stop it, which undoes what it has begun; if that deployer is dead, its lease ends by itself within 90 s and the next call puts right what it left`,
    ...identity,
  });
  const fence: Fence = {
    generation: lease.generation,
    assertHeld: async () => {
      if (await lease.renew()) return;
      lost.abort(leaseLost(undefined));
      throw leaseLost(await holderName(place, identity));
    },
  };
  return { generation: lease.generation, fence, lost: lost.signal, release: () => lease.release() };
}

/** Who holds a place; undefined: nobody. Changes nothing. */
export async function placeHolder(place: Place, world: Pick<LeaseWorld, 'isAlive'> = {}): Promise<Holder | undefined> {
  return leaseHolder({
    dir: pathsOf(place).lease,
    files: leaseFilesOf(place.host.files),
    expiryMs: EXPIRY_MS,
    now: () => place.host.now(),
    ...world,
  });
}

/** The highest generation that the record knows, whatever somebody did to the folder of the lease. */
async function generationsSeen(place: Place): Promise<number> {
  const { journal, history } = pathsOf(place);
  const texts = await Promise.all([place.host.files.read(journal), place.host.files.read(history)]);
  const found = texts.flatMap((text) => [...(text ?? '').matchAll(/"generation": ?(\d{1,12})\b/g)]);
  return found.reduce((highest, [, number]) => Math.max(highest, Number(number)), 0);
}

async function holderName(place: Place, world: Pick<LeaseWorld, 'isAlive'>): Promise<string | undefined> {
  const holder = await placeHolder(place, world).catch(() => undefined);
  return holder === undefined ? undefined : `process ${holder.pid} on ${holder.host} (${holder.command})`;
}

function leaseFilesOf(files: HostFiles): LeaseFiles {
  return {
    prepare: (dir) => files.makeDir(dir, 0o700),
    list: (dir) => files.list(dir),
    read: async (path) => {
      const text = await files.read(path);
      if (text !== undefined) return text;
      throw new ExternalError({ code: 'ENOENT', message: `${path} is gone` });
    },
    write: (path, text) => files.write(path, text, 0o600),
    link: (from, to) => files.link(from, to),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    beatenAt: (path) => files.modifiedAt(path),
    beat: (path) => files.touch(path),
    ownClock: true,
  };
}
