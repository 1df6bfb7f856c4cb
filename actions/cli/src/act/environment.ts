import { delimiter, dirname, join } from 'node:path';
import type { EnvSource } from '@papergate/config';
import { machineEnvironment, toolCache } from '@papergate/delivery';

/** What a run lies in. */
export interface RunFolders {
  /** Of this run alone. */
  run: string;
  origin: string;
  checkouts: string;
  artifacts: string;
  /** State of the deliveries: PAPERGATE_HOME. */
  home: string;
}

/** Of the caller's environment, beside what every program needs: where a Docker Engine is. */
const ALSO = ['DOCKER_HOST', 'DOCKER_CONFIG', 'npm_config_registry', 'GOPROXY', 'GOFLAGS'];

/**
 * The environment of act's own process. In host mode every step inherits it, so nothing that is not named here gets in: no
 * token, no key, no configuration of `gh`, `npm` or `git` of whoever runs this.
 */
export function actEnvironment(env: EnvSource, { run, home }: RunFolders): Record<string, string> {
  const found = machineEnvironment(env);
  for (const name of ALSO) {
    const value = env[name];
    if (value !== undefined) found[name] = value;
  }
  // Node 24 of this very process first: actions are run with the "node" that is found.
  const path = [dirname(process.execPath), ...(found['PATH'] ?? '').split(delimiter)];
  return {
    ...found,
    PATH: [...new Set(path)].join(delimiter),
    HOME: join(run, 'user'),
    XDG_CONFIG_HOME: join(run, 'user', 'config'),
    // Tools that were found or built once are found again: <cache>/papergate/tools.
    XDG_CACHE_HOME: dirname(dirname(toolCache(env))),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    PAPERGATE_HOME: home,
  };
}

export interface GitHubFacts {
  repository: string;
  runId: string;
  ref: string;
  apiUrl: string;
}

/** What GitHub's own runner would say, and what the stand-ins need to know. */
export function runnerVariables(
  { origin, checkouts, artifacts }: RunFolders,
  packages: string,
  { repository, runId, ref, apiUrl }: GitHubFacts,
): Record<string, string> {
  return {
    GITHUB_REPOSITORY: repository,
    GITHUB_REPOSITORY_OWNER: repository.split('/')[0] ?? '',
    GITHUB_RUN_ID: runId,
    GITHUB_RUN_NUMBER: '1',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_REF: ref,
    GITHUB_API_URL: apiUrl,
    PAPERGATE_ACT_ORIGIN: origin,
    PAPERGATE_ACT_CHECKOUTS: checkouts,
    PAPERGATE_ACT_ARTIFACTS: artifacts,
    PAPERGATE_ACT_PACKAGES: packages,
  };
}
