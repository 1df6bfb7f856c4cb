import { hash, timingSafeEqual } from 'node:crypto';
import {
  DEFAULT_REQUESTS_PER_SECOND,
  parseAccessTokens,
  type AccessToken,
  type Role,
  type Secret,
} from '@papergate/config';
import { BUNDLE, type Actor } from './actor.ts';

/** Whose token was presented. `requestsPerSecond`: undefined for the bundle's own, which has no limit. */
export type Identity =
  | { kind: 'known'; actor: Actor; own: boolean; requestsPerSecond: number | undefined }
  | { kind: 'unknown' }
  | { kind: 'expired'; name: string };

interface Entry {
  actor: Actor;
  digest: Buffer;
  /** ms since 1970; Infinity: never. */
  expiresAt: number;
  requestsPerSecond: number;
}

const UNKNOWN: Identity = { kind: 'unknown' };

/**
 * Who holds which token. It keeps SHA-256 hashes only, of the bundle's own token too. A presented token is hashed first, so
 * the time that looking its hash up takes says nothing about a stored one that anybody could use: to steer it one would
 * have to find inputs with a wanted hash. The last comparison is of whole digests in constant time all the same.
 */
export class TokenDirectory {
  readonly #own: { digest: Buffer } | undefined;
  readonly #byHash = new Map<string, Entry>();
  readonly #byName = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #ownIdentity: Identity = { kind: 'known', actor: BUNDLE, own: true, requestsPerSecond: undefined };

  constructor(options: { own: Secret | undefined; tokens: Secret | undefined; now?: () => number }) {
    this.#own = options.own === undefined ? undefined : { digest: digestOf(options.own.reveal()) };
    this.#now = options.now ?? Date.now;
    const tokens = options.tokens === undefined ? [] : parseAccessTokens(options.tokens);
    for (const token of tokens) {
      const entry = entryOf(token);
      this.#byHash.set(token.sha256, entry);
      this.#byName.set(token.name, entry);
    }
  }

  /** Without a token of its own the bundle asks for none: development on loopback. */
  get required(): boolean {
    return this.#own !== undefined;
  }

  get size(): number {
    return this.#byName.size;
  }

  identify(presented: string): Identity {
    const digest = digestOf(presented);
    if (this.#own !== undefined && timingSafeEqual(digest, this.#own.digest)) return this.#ownIdentity;
    const entry = this.#byHash.get(digest.toString('hex'));
    if (entry === undefined || !timingSafeEqual(digest, entry.digest)) return UNKNOWN;
    return this.#standing(entry);
  }

  /** Who goes by this name now: for what stands for a token without holding it, such as a session. */
  named(name: string): Identity {
    if (name === BUNDLE.name && this.#own !== undefined) return this.#ownIdentity;
    const entry = this.#byName.get(name);
    return entry === undefined ? UNKNOWN : this.#standing(entry);
  }

  roleOf(name: string): Role | undefined {
    return this.#byName.get(name)?.actor.role;
  }

  /** ms until the token of this name ends; Infinity where it never does, or where nobody of this name has one. */
  remaining(name: string): number {
    const entry = this.#byName.get(name);
    return entry === undefined ? Infinity : entry.expiresAt - this.#now();
  }

  #standing({ actor, expiresAt, requestsPerSecond }: Entry): Identity {
    if (this.#now() >= expiresAt) return { kind: 'expired', name: actor.name };
    return { kind: 'known', actor, own: false, requestsPerSecond };
  }
}

const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

function entryOf({ name, role, sha256, expires_at: expires, requests_per_second: rate }: AccessToken): Entry {
  return {
    actor: { name, role },
    digest: Buffer.from(sha256, 'hex'),
    expiresAt: expires === undefined ? Infinity : Date.parse(expires),
    requestsPerSecond: rate ?? DEFAULT_REQUESTS_PER_SECOND,
  };
}
