import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { ExternalError, messageOf, UserError } from '@papergate/config';
import type { Place } from '../../deliver/types.ts';

/** `place.json`: what a later command has to know of a place that the one which made it was told. No secrets. */
const SettingsSchema = Type.Object(
  {
    schema: Type.Literal(1),
    kind: Type.Enum(['process', 'compose']),
    environment: Type.Enum(['development', 'staging', 'production']),
    project: Type.String({ minLength: 1 }),
    /** `default`: those of the configuration; `free`: drawn once, and kept by the target. */
    ports: Type.Enum(['default', 'free']),
    monitoring: Type.Boolean(),
    /** Where this place's images and manifests lie: `host/namespace`. */
    registry: Type.Optional(Type.String()),
    /** Public key that every manifest has to be signed with, PEM. */
    signed_with: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type PlaceSettings = Static<typeof SettingsSchema>;

const pathOf = ({ dir }: Pick<Place, 'dir'>): string => posix.join(dir, 'place.json');

/** Undefined where nothing was delivered to it yet. @throws ExternalError PLACE_UNREADABLE */
export async function readSettings(place: Pick<Place, 'dir' | 'host'>): Promise<PlaceSettings | undefined> {
  const path = pathOf(place);
  const text = await place.host.files.read(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (Value.Check(SettingsSchema, value)) return value;
  throw new ExternalError({
    code: 'PLACE_UNREADABLE',
    message: `${path} does not say what this place is`,
    fix: 'deliver to it again with all its flags after moving the file aside; what runs goes on meanwhile',
  });
}

export async function writeSettings(place: Pick<Place, 'dir' | 'host'>, settings: PlaceSettings): Promise<void> {
  await place.host.files.write(pathOf(place), `${JSON.stringify(settings, null, 2)}\n`, 0o600);
}

/**
 * What a call wants of a place, out of the flags that it was given; what is left out stays as it is.
 * @throws UserError NO_SUCH_FILE
 */
export function placeSettings(flags: {
  ports?: 'default' | 'free' | undefined;
  monitoring?: boolean | undefined;
  registry?: string | undefined;
  /** File of the public key. */
  requireSignature?: string | undefined;
}): Partial<Pick<PlaceSettings, 'ports' | 'monitoring' | 'registry' | 'signed_with'>> {
  const { ports, monitoring, registry, requireSignature } = flags;
  return {
    ...(ports === undefined ? {} : { ports }),
    ...(monitoring === true ? { monitoring } : {}),
    ...(registry === undefined ? {} : { registry }),
    ...(requireSignature === undefined ? {} : { signed_with: readKey(requireSignature) }),
  };
}

function readKey(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError({
      code: 'NO_SUCH_FILE',
      message: `--require-signature ${path} cannot be read: ${messageOf(error)}`,
      fix: 'give the file of a public key, such as cosign.pub',
      cause: error,
    });
  }
}
