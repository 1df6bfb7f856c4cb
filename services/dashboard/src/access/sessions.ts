import { randomBytes } from 'node:crypto';
import type { Identity, TokenDirectory } from '@papergate/service-kit';

export const SESSION_COOKIE = 'papergate_session';
const LIFETIME_MS = 12 * 3_600_000;
const MAX_SESSIONS = 1_000;
/** Wrong tokens in a row before signing in has to wait. */
const MAX_FAILURES = 10;
const FAILURE_WINDOW_MS = 60_000;

export type SignIn =
  | { session: string; maxAgeSeconds: number }
  | { refused: 'wrong' | 'too_many' }
  | { refused: 'expired'; name: string };

/**
 * Who has shown a token once gets a random session, so that the token itself is kept neither in a browser nor here: a
 * session knows the token's name, and what that name may do is asked anew each time. Sessions live in memory: a restart
 * signs everybody out.
 */
export class Sessions {
  readonly #directory: TokenDirectory;
  readonly #now: () => number;
  readonly #sessions = new Map<string, { name: string; until: number }>();
  #failures: number[] = [];

  constructor(directory: TokenDirectory, now: () => number = Date.now) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Without a token (development on loopback) nobody has to sign in. */
  get required(): boolean {
    return this.#directory.required;
  }

  signIn(presented: string): SignIn {
    const now = this.#now();
    this.#failures = this.#failures.filter((at) => now - at < FAILURE_WINDOW_MS);
    if (this.#failures.length >= MAX_FAILURES) return { refused: 'too_many' };
    const identity = this.#directory.identify(presented);
    if (identity.kind === 'expired') return { refused: 'expired', name: identity.name };
    if (identity.kind === 'unknown') {
      this.#failures.push(now);
      return { refused: 'wrong' };
    }
    for (const [id, { until }] of this.#sessions) if (until <= now) this.#sessions.delete(id);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    const session = randomBytes(32).toString('base64url');
    this.#sessions.set(session, { name: identity.actor.name, until: now + LIFETIME_MS });
    return { session, maxAgeSeconds: LIFETIME_MS / 1000 };
  }

  signOut(session: string | undefined): void {
    if (session !== undefined) this.#sessions.delete(session);
  }

  /** Whose session it is, as that person's token stands now. */
  identify(session: string | undefined): Identity {
    const found = session === undefined ? undefined : this.#sessions.get(session);
    return found === undefined || found.until <= this.#now() ? { kind: 'unknown' } : this.#directory.named(found.name);
  }
}

/** The session of a Cookie header. */
export function sessionOf(cookies: string | undefined): string | undefined {
  for (const part of (cookies ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === SESSION_COOKIE && value !== undefined && value !== '') return value;
  }
  return undefined;
}
