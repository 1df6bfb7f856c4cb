import { hostname, userInfo } from 'node:os';

/** Who acts on a place. */
export interface Actor {
  user: string;
  host: string;
  /** Account that started the GitHub run, and the run's address. */
  github_actor?: string;
  github_run?: string;
}

/** Reads who we are from the system and, inside a GitHub run, from its variables. */
export function actorOf(env: Readonly<Record<string, string | undefined>>): Actor {
  const actor: Actor = { user: userName(env), host: hostname() };
  const { GITHUB_ACTIONS, GITHUB_ACTOR, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = env;
  if (GITHUB_ACTIONS === 'true') {
    if (GITHUB_ACTOR !== undefined) actor.github_actor = GITHUB_ACTOR;
    if (GITHUB_REPOSITORY !== undefined && GITHUB_RUN_ID !== undefined) {
      actor.github_run = `${GITHUB_SERVER_URL ?? 'https://github.com'}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
    }
  }
  return actor;
}

// A container may run under a number that no account has.
function userName(env: Readonly<Record<string, string | undefined>>): string {
  try {
    return userInfo().username;
  } catch {
    return env['USER'] ?? `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** `name@machine`, with the GitHub account where there is one. */
export const describeActor = ({ user, host, github_actor }: Actor): string =>
  `${user}@${host}${github_actor === undefined ? '' : ` (${github_actor} on GitHub)`}`;
