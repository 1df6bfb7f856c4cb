import type { Commits } from './commits.ts';
import type { Deployments } from './deployments/index.ts';
import type { Environments } from './environments.ts';
import type { RepositorySettings } from './settings.ts';
import type { Runs } from './runs.ts';

/** An account; bots have `isBot`. */
export interface Person {
  login: string;
  id: number;
  isBot: boolean;
}

/** A team or person that may let a deployment through. */
export interface Reviewer {
  type: 'User' | 'Team';
  id: number;
  /** Login, or the team's slug. */
  name: string;
}

/**
 * One repository on GitHub. Every method throws a coded error: UserError GITHUB_UNAUTHORIZED, GITHUB_FORBIDDEN,
 * GITHUB_SSO_REQUIRED, GITHUB_NOT_FOUND, GITHUB_GONE, GITHUB_REFUSED; ExternalError GITHUB_RATE_LIMITED,
 * GITHUB_SLOWED_DOWN, GITHUB_UNREACHABLE, GITHUB_TIMEOUT, GITHUB_UNAVAILABLE, GITHUB_ANSWER_INVALID, GITHUB_CONFLICT,
 * GITHUB_TLS, GITHUB_UNEXPECTED. Times are RFC 3339 texts, by GitHub's clock.
 */
export interface GitHub extends Commits, Deployments, Environments, Runs, RepositorySettings {
  /** `owner/name` */
  readonly fullName: string;
  /** Ends all connections. */
  close(): Promise<void>;
}
