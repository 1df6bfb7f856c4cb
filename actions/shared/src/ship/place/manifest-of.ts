import { existsSync, readFileSync } from 'node:fs';
import { messageOf, UserError } from '@papergate/config';
import { readHistory } from '../../deliver/history.ts';
import { defaultRegistry, fetchManifest, releaseArtifactOf } from '../../registry/index.ts';
import { checkManifest, makeRelease, resolveCommit, type Manifest } from '../../release/index.ts';
import type { OpenOptions, PlaceRecord } from './open.ts';

type Caller = Pick<OpenOptions, 'repository' | 'home' | 'env' | 'signal'>;

export interface Wanted {
  sha?: string;
  /** A file, or `host/namespace/release:COMMIT` or `…@sha256:…`. */
  manifest?: string;
  registry?: string;
}

/**
 * The manifest of a release that was built before: out of a file, or out of the registry by its commit.
 * @throws UserError MANIFEST_INVALID, MANIFEST_UNREADABLE, UNKNOWN_COMMIT and those of the registry
 */
export async function manifestOf(record: PlaceRecord, options: Caller, wanted: Wanted): Promise<Manifest> {
  const { repository, home, env, signal } = options;
  if (wanted.manifest !== undefined) {
    const reference = referenceOf(wanted.manifest);
    if (reference === undefined || existsSync(wanted.manifest)) return readManifestFile(wanted.manifest);
    return (await fetchManifest({ ...reference, env, signal })).manifest;
  }
  const sha = wanted.sha ?? 'HEAD';
  const known = await resolveCommit(repository, sha, signal).catch((error: unknown) => error as Error);
  // A full commit need not be one of this checkout: the registry has its own word on it.
  const commit = known instanceof Error ? (/^[0-9a-f]{40}$/.test(sha) ? sha : undefined) : known.sha;
  if (commit === undefined || (known instanceof Error && record.place.kind === 'process')) throw known;
  if (record.place.kind === 'process') return (await makeRelease(repository, home.releases, commit, signal)).manifest;
  const registry = await registryOf(record, options, wanted.registry).catch((error: unknown) => {
    throw known instanceof Error ? known : error;
  });
  return (await fetchManifest({ registry, commit, env, signal })).manifest;
}

/** Where a place's releases lie: what is said, the place's own, where its last release came from, or the default of the checkout. */
export async function registryOf(
  { settings, place }: PlaceRecord,
  { env, repository, signal }: Pick<Caller, 'env' | 'repository' | 'signal'>,
  said: string | undefined,
): Promise<string> {
  const named = said ?? nonEmpty(env['PAPERGATE_REGISTRY']) ?? settings.registry ?? (await namespaceOf(place));
  return named ?? defaultRegistry(repository, signal);
}

async function namespaceOf(place: PlaceRecord['place']): Promise<string | undefined> {
  const last = (await readHistory(place)).releases[0]?.manifest;
  return last === undefined ? undefined : releaseArtifactOf(last)?.repository.replace(/\/release$/, '');
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function referenceOf(
  text: string,
): { registry: string; commit: string } | { registry: string; digest: string } | undefined {
  const tagged = /^(.+)\/release:([0-9a-f]{40})$/.exec(text);
  if (tagged?.[1] !== undefined && tagged[2] !== undefined) return { registry: tagged[1], commit: tagged[2] };
  const digested = /^(.+)\/release@(sha256:[0-9a-f]{64})$/.exec(text);
  if (digested?.[1] !== undefined && digested[2] !== undefined) return { registry: digested[1], digest: digested[2] };
  return undefined;
}

function readManifestFile(path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError({
      code: 'MANIFEST_UNREADABLE',
      message: `--manifest ${path} cannot be read: ${messageOf(error)}`,
      fix: 'give the file of a manifest, or a reference HOST/NAMESPACE/release:COMMIT',
      cause: error,
    });
  }
  return checkManifest(value, path);
}
