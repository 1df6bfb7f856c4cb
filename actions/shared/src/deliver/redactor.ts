import { posix } from 'node:path';
import { redact } from '../supervisor/redact.ts';
import { pathsOf } from './place.ts';
import type { Place } from './types.ts';

/** Takes out of a text what must not be seen: what is given, what lies below `secrets/` of the place, what looks like a secret. */
export interface Redactor {
  clean(text: string): string;
  /** The same for every text in a value. */
  cleanAll<T>(value: T): T;
  /** Reads the place's secrets again: `prepare` may have written new ones. */
  refresh(): Promise<void>;
}

export function redactorOf(place: Place, given: readonly string[]): Redactor {
  let secrets = withParts(given);
  const clean = (text: string): string => redact(text, secrets);
  return {
    clean,
    cleanAll: (value) => cleaned(value, clean),
    refresh: async () => {
      // Files of root's that this user may not read were not written by this user's deployer either.
      const found = await placeSecrets(place).catch(() => []);
      secrets = [...new Set([...secrets, ...withParts(found)])].sort((a, b) => b.length - a.length);
    },
  };
}

async function placeSecrets(place: Place): Promise<string[]> {
  const { secrets } = pathsOf(place);
  const { files } = place.host;
  const names = await files.list(secrets);
  const texts = await Promise.all(
    names.map((name) => files.read(posix.join(secrets, name)).catch((): undefined => undefined)),
  );
  return texts.flatMap((text) => (text === undefined ? [] : [text.trim()]));
}

/** A secret also as it stands in a URL or in JSON, and the password of one that is itself a URL. */
function withParts(values: readonly string[]): string[] {
  return values
    .flatMap((value) => {
      const password = /^\w+:\/\/[^\s:/@]*:([^\s@/]+)@/.exec(value)?.[1];
      return [
        value,
        encodeURIComponent(value),
        JSON.stringify(value).slice(1, -1),
        ...(password === undefined ? [] : [password]),
      ];
    })
    .filter((value) => value.length >= 6);
}

function cleaned<T>(value: T, clean: (text: string) => string): T {
  const walk = (held: unknown): unknown => {
    if (typeof held === 'string') return clean(held);
    if (Array.isArray(held)) return held.map(walk);
    if (typeof held !== 'object' || held === null || Object.getPrototypeOf(held) !== Object.prototype) return held;
    return Object.fromEntries(Object.entries(held).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value) as T;
}
