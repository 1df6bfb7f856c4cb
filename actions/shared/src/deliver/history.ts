import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, UserError } from '@papergate/config';
import { checkManifest, ManifestSchema, type Manifest } from '../release/manifest.ts';
import { readPlaceJournal, type PlaceEntry } from './journal.ts';
import { pathsOf } from './place.ts';
import type { Fence, Place } from './types.ts';

/** So many good releases can be gone back to. */
export const KEPT_RELEASES = 5;

const GoodReleaseSchema = Type.Object(
  {
    manifest: ManifestSchema,
    /** RFC 3339, by the host's clock. */
    delivered_at: Type.String(),
    how: Type.Enum(['deploy', 'rollback']),
    run: Type.String(),
    /** Schema of the database when it was delivered; later than the manifest's own after a rollback. */
    schema_version: Type.String(),
    /** The backup taken just before. */
    checkpoint: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
/** A release that was delivered: smoke-tested, and on record. */
export type GoodRelease = Static<typeof GoodReleaseSchema>;

const HistorySchema = Type.Object(
  {
    schema: Type.Literal(1),
    /** Of the lease under which it was written. */
    generation: Type.Integer({ minimum: 0 }),
    /** Digest of the manifest that runs; null where the place is down. */
    current: Type.Union([Type.String(), Type.Null()]),
    /** Newest first. */
    releases: Type.Array(GoodReleaseSchema),
    /** End of the audit log when this was written. */
    audit: Type.Optional(Type.Object({ seq: Type.Integer(), hash: Type.String() }, { additionalProperties: false })),
  },
  { additionalProperties: false },
);
export type History = Static<typeof HistorySchema>;

export const NO_HISTORY: History = { schema: 1, generation: 0, current: null, releases: [] };

/**
 * What was delivered to a place. The file and the journal together: a commit that is in the journal counts, also where
 * its deployer died before it wrote the file, or one that had slept wrote an older file over a newer one.
 * @throws UserError HISTORY_UNREADABLE
 */
export async function readHistory(place: Place): Promise<History> {
  const [file, entries] = await Promise.all([readHistoryFile(place), readPlaceJournal(place)]);
  return withJournal(file, entries);
}

/** The last good releases, newest first. */
export async function goodReleases(place: Place): Promise<GoodRelease[]> {
  return (await readHistory(place)).releases;
}

export async function readHistoryFile(place: Place): Promise<History> {
  const path = pathsOf(place).history;
  const text = await place.host.files.read(path);
  if (text === undefined) return NO_HISTORY;
  const unreadable = (why: string, cause?: unknown): UserError =>
    new UserError({
      code: 'HISTORY_UNREADABLE',
      message: `${path} on ${place.host.name} ${why}`,
      fix: 'look at "papergate audit verify"; put the file back from a copy, or take the place down, remove the file and deploy again (the data stay)',
      cause,
    });
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw unreadable(`is no JSON: ${messageOf(error)}`, error);
  }
  if (!Value.Check(HistorySchema, found)) throw unreadable('is no history of releases');
  for (const { manifest } of found.releases) checkManifest(manifest, path);
  return found;
}

export async function writeHistory(place: Place, history: History, fence: Fence): Promise<void> {
  await fence.assertHeld();
  const text = `${JSON.stringify({ ...history, generation: fence.generation }, null, 2)}\n`;
  await place.host.files.write(pathsOf(place).history, text, 0o600);
}

/** History once a release was delivered: in front, and nowhere else; without one that was found wanting. */
export function withRelease(history: History, release: GoodRelease, condemned?: string): History {
  const others = history.releases.filter(
    ({ manifest }) => manifest.digest !== release.manifest.digest && manifest.digest !== condemned,
  );
  return { ...history, current: release.manifest.digest, releases: [release, ...others].slice(0, KEPT_RELEASES) };
}

function withJournal(file: History, entries: readonly PlaceEntry[]): History {
  return entries
    .filter(({ generation }) => generation > file.generation)
    .reduce((history, entry) => {
      const release = entry.step === 'commit' && entry.state === 'begin' ? committed(entry) : undefined;
      if (release !== undefined) return withRelease(history, release, condemnedIn(entry));
      return entry.step === 'down' && entry.state === 'done'
        ? { ...without(history, condemnedIn(entry)), current: null }
        : history;
    }, file);
}

/** The release that a commit's line carries. */
export function committed(entry: PlaceEntry): GoodRelease | undefined {
  const release = entry.detail?.['release'];
  return Value.Check(GoodReleaseSchema, release) ? release : undefined;
}

/** Digest of the release that a line of the journal takes off the good ones. */
export function condemnedIn({ detail }: Pick<PlaceEntry, 'detail'>): string | undefined {
  const condemned = detail?.['condemned'];
  return typeof condemned === 'string' ? condemned : undefined;
}

export const without = (history: History, condemned: string | undefined): History => ({
  ...history,
  releases: history.releases.filter(({ manifest }) => manifest.digest !== condemned),
});

/** The manifest that runs, as far as the record knows. */
export function currentManifest({ current, releases }: History): Manifest | undefined {
  return releases.find(({ manifest }) => manifest.digest === current)?.manifest;
}
