import type { JsonObject } from './description/types.ts';

/** How many requests each token has left in its hour, as GitHub counts them. */
export interface Limits {
  /** Takes one; false where none is left. */
  take(token: string): boolean;
  headers(token: string): Record<string, string>;
  /** The answer to `GET /rate_limit`. */
  show(token: string): JsonObject;
  /** For tests: so many are left. */
  leave(remaining: number): void;
}

const HOUR_MS = 3_600_000;

/** @param now ms since 1970 */
export function makeLimits(limit: number, now: () => number): Limits {
  const windows = new Map<string, { used: number; endsAt: number }>();
  let left: number | undefined;
  const windowOf = (token: string): { used: number; endsAt: number } => {
    const is = windows.get(token);
    if (is !== undefined && is.endsAt > now()) return is;
    const made = { used: left === undefined ? 0 : limit - left, endsAt: now() + HOUR_MS };
    left = undefined;
    windows.set(token, made);
    return made;
  };
  const facts = (token: string): { limit: number; remaining: number; reset: number; used: number } => {
    const { used, endsAt } = windowOf(token);
    return { limit, remaining: Math.max(0, limit - used), reset: Math.ceil(endsAt / 1000), used };
  };
  return {
    take(token) {
      const window = windowOf(token);
      if (window.used >= limit) return false;
      window.used++;
      return true;
    },
    headers(token) {
      const named = Object.entries({ ...facts(token), resource: 'core' });
      return Object.fromEntries(named.map(([name, value]) => [`x-ratelimit-${name}`, String(value)]));
    },
    show(token) {
      const core = facts(token);
      return { resources: { core, search: core }, rate: core };
    },
    leave(remaining) {
      windows.clear();
      left = remaining;
    },
  };
}
