import { createHash } from 'node:crypto';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { UserError } from '@papergate/config';

const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

/**
 * What a release consists of, by digest. The same commit gives the same manifest on every machine: nothing in it
 * depends on the clock, the host or the order in which a file system lists files.
 */
export const ManifestSchema = Type.Object(
  {
    schema: Type.Literal(1),
    commit: Type.String({ pattern: '^[0-9a-f]{40}([0-9a-f]{24})?$' }),
    /** Per service: its folder, the service kit, the configuration package and the lock file, in one digest. */
    services: Type.Record(
      Type.String(),
      Type.Object({ entry: Type.String(), digest: Digest }, { additionalProperties: false }),
    ),
    config_digest: Digest,
    lockfile_digest: Digest,
    /** Name of the last migration, without its extension; `none` where there is none. */
    schema_version: Type.String({ minLength: 1 }),
    /** Where the release was built into images: service (and `postgres`) to repository and the digest the registry gave. */
    images: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          { repository: Type.String({ pattern: '^[a-z0-9.:/_-]+$' }), digest: Digest },
          { additionalProperties: false },
        ),
      ),
    ),
    /** Over everything above: the name of the release. */
    digest: Digest,
  },
  { additionalProperties: false },
);
export type Manifest = Static<typeof ManifestSchema>;

/** JSON with sorted keys and no blanks: one text for one value. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, held]) => held !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${canonicalJson(held)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

export function sealManifest(content: Omit<Manifest, 'digest' | 'schema'>): Manifest {
  const unsealed = { schema: 1 as const, ...content };
  return { ...unsealed, digest: `sha256:${createHash('sha256').update(canonicalJson(unsealed)).digest('hex')}` };
}

export type ImageRef = NonNullable<Manifest['images']>[string];

/** `repository@sha256:…`: the one way in which images are named. */
export const imageName = ({ repository, digest }: ImageRef): string => `${repository}@${digest}`;

/** The manifest of the same release once its images have digests: a name of its own, since evidence is bound to it. */
export function withImages(manifest: Manifest, images: Record<string, ImageRef>): Manifest {
  const { digest: _digest, schema: _schema, ...content } = manifest;
  return sealManifest({ ...content, images });
}

/** @throws UserError MANIFEST_INVALID where it is no manifest or was changed after it was sealed */
export function checkManifest(value: unknown, where: string): Manifest {
  const invalid = (why: string): UserError =>
    new UserError({
      code: 'MANIFEST_INVALID',
      message: `${where} ${why}`,
      fix: 'remove the release’s folder and ship the commit again',
    });
  if (!Value.Check(ManifestSchema, value)) throw invalid('is not a manifest');
  const { digest, schema: _schema, ...content } = value;
  if (sealManifest(content).digest !== digest) throw invalid('does not match its own digest');
  return value;
}
