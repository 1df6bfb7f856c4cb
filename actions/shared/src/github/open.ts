import { UserError, type EnvSource, type Secret } from '@papergate/config';
import { SYSTEM_CLOCK } from '../deliver/clock.ts';
import { isLoopback } from '../registry/reference.ts';
import type { ApiClient } from './client.ts';
import { commitsOf } from './commits.ts';
import { deploymentsOf } from './deployments/index.ts';
import { environmentsOf } from './environments.ts';
import { codedGitHubError } from './failure.ts';
import { GITHUB_PATIENCE, type GitHubClock, type GitHubPatience, type GitHubRetry } from './retry.ts';
import { runsOf } from './runs.ts';
import { settingsOf } from './settings.ts';
import type { Fetch } from './transport.ts';
import type { GitHub } from './types.ts';

export interface GitHubOptions {
  /** `GITHUB_API_URL`; https, or http on loopback. */
  apiUrl?: string | undefined;
  token: Secret;
  /** `owner/name` */
  repository: string;
  /** Proxies; none where it is left out. */
  env?: EnvSource | undefined;
  /** In place of the network. */
  fetch?: Fetch | undefined;
  clock?: GitHubClock | undefined;
  random?: (() => number) | undefined;
  patience?: Partial<GitHubPatience> | undefined;
  /** For one request with its answer, ms. */
  timeoutMs?: number | undefined;
  /** Ends what is under way, with the signal's own reason. */
  signal?: AbortSignal | undefined;
  onRetry?: ((event: GitHubRetry) => void) | undefined;
}

/** What the parts of the client work with. */
export interface Api {
  readonly owner: string;
  readonly repo: string;
  readonly clock: GitHubClock;
  /** Runs `act` and gives its failure a code and the words for what was being done. */
  doing<T>(what: string, act: (client: ApiClient) => Promise<T>): Promise<T>;
}

export const GITHUB_API = 'https://api.github.com';
const TIMEOUT_MS = 30_000;

/**
 * A client for one repository. Nothing is sent, and octokit is not loaded, before the first method is called.
 * @throws UserError GITHUB_TOKEN_MISSING, GITHUB_REPOSITORY_INVALID, GITHUB_URL_INVALID
 */
export function openGitHub(options: GitHubOptions): GitHub {
  const { token, env = {}, clock = SYSTEM_CLOCK, random = Math.random, timeoutMs = TIMEOUT_MS, signal } = options;
  const apiUrl = checkedUrl(options.apiUrl ?? GITHUB_API);
  const [owner, repo] = checkedRepository(options.repository);
  if (token.isEmpty) {
    throw new UserError({
      code: 'GITHUB_TOKEN_MISSING',
      message: `there is no token for ${options.repository}; found nothing, wanted is a token that GitHub accepts`,
      fix: 'set GITHUB_TOKEN or GH_TOKEN ("gh auth token" prints one); in a workflow: ${{ github.token }}',
    });
  }
  const patience = { ...GITHUB_PATIENCE, ...options.patience };
  const { fetch, onRetry } = options;
  const deps = { apiUrl, token, owner, repo, env, timeoutMs, clock, random, patience, fetch, signal, onRetry };
  let opened: Promise<ApiClient> | undefined;
  const client = (): Promise<ApiClient> => {
    opened ??= import('./client.ts').then(({ ApiClient }) => new ApiClient(deps));
    return opened;
  };
  const api: Api = {
    owner,
    repo,
    clock,
    async doing(what, act) {
      try {
        return await act(await client());
      } catch (error) {
        throw codedGitHubError(error, `${what} in ${owner}/${repo}`);
      }
    },
  };
  return {
    fullName: `${owner}/${repo}`,
    ...commitsOf(api),
    ...deploymentsOf(api),
    ...environmentsOf(api),
    ...runsOf(api),
    ...settingsOf(api),
    close: async () => {
      if (opened !== undefined) await (await opened).close();
    },
  };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.host));
  if (url !== undefined && isSafe && url.username === '' && url.password === '' && url.search === '') {
    return url.href.replace(/\/$/, '');
  }
  throw new UserError({
    code: 'GITHUB_URL_INVALID',
    message: `GITHUB_API_URL is no address of an API: found "${hidden(text)}", allowed is https:// (http:// on loopback only), without user and query`,
    fix: `use ${GITHUB_API}, or https://<host>/api/v3 of your GitHub Enterprise Server`,
  });
}

/** Without what could be a password in it. */
const hidden = (text: string): string => text.replace(/\/\/[^@/]*@/, '//[redacted]@').slice(0, 200);

/** @throws UserError GITHUB_REPOSITORY_INVALID */
export function checkedRepository(text: string): [owner: string, name: string] {
  const found = /^([A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9_])?)\/([A-Za-z0-9._-]{1,100})$/.exec(text);
  const [, owner, name] = found ?? [];
  if (owner !== undefined && name !== undefined && name !== '.' && name !== '..') return [owner, name];
  throw new UserError({
    code: 'GITHUB_REPOSITORY_INVALID',
    message: `"${text.slice(0, 200)}" is no repository; allowed is owner/name, in letters, digits and . _ -`,
    fix: 'give it as it stands in its address on GitHub: https://github.com/owner/name',
  });
}
