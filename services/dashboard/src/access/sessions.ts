import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '@papergate/config';

export const SESSION_COOKIE = 'papergate_session';
const LIFETIME_MS = 12 * 3_600_000;
const MAX_SESSIONS = 1_000;
/** Wrong tokens in a row before signing in has to wait. */
const MAX_FAILURES = 10;
const FAILURE_WINDOW_MS = 60_000;

export type SignIn = { session: string; maxAgeSeconds: number } | { refused: 'wrong' | 'too_many' };

/**
 * Who has shown the bundle's token once gets a random session, so that the token itself is never kept in a
 * browser. Sessions live in memory: a restart signs everybody out.
 */
export class Sessions {
  readonly #token: Secret | undefined;
  readonly #now: () => number;
  readonly #sessions = new Map<string, number>();
  #failures: number[] = [];

  constructor(token: Secret | undefined, now: () => number = Date.now) {
    this.#token = token;
    this.#now = now;
  }

  /** Without a token (development on loopback) nobody has to sign in. */
  get required(): boolean {
    return this.#token !== undefined;
  }

  signIn(presented: string): SignIn {
    const now = this.#now();
    this.#failures = this.#failures.filter((at) => now - at < FAILURE_WINDOW_MS);
    if (this.#failures.length >= MAX_FAILURES) return { refused: 'too_many' };
    if (!this.matches(presented)) {
      this.#failures.push(now);
      return { refused: 'wrong' };
    }
    for (const [id, until] of this.#sessions) if (until <= now) this.#sessions.delete(id);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    const session = randomBytes(32).toString('base64url');
    this.#sessions.set(session, now + LIFETIME_MS);
    return { session, maxAgeSeconds: LIFETIME_MS / 1000 };
  }

  signOut(session: string | undefined): void {
    if (session !== undefined) this.#sessions.delete(session);
  }

  /** Whether the token itself was presented, as other services and scripts do. */
  matches(presented: string): boolean {
    return this.#token !== undefined && timingSafeEqual(digest(presented), digest(this.#token.reveal()));
  }

  isOpen(session: string | undefined): boolean {
    if (session === undefined) return false;
    const until = this.#sessions.get(session);
    return until !== undefined && until > this.#now();
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The session of a Cookie header. */
export function sessionOf(cookies: string | undefined): string | undefined {
  for (const part of (cookies ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === SESSION_COOKIE && value !== undefined && value !== '') return value;
  }
  return undefined;
}
