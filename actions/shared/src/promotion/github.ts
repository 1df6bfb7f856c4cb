import type { EnvSource, Secret } from '@papergate/config';
import { ExternalError, messageOf } from '@papergate/config';
import type { GitHub } from '../github/types.ts';
import { openTransport, type Fetch } from '../github/transport.ts';

/** What the production gate asks of GitHub. */
export type PromotionGitHub = Pick<
  GitHub,
  | 'commit'
  | 'mergedPulls'
  | 'commitsBetween'
  | 'listDeployments'
  | 'lastGood'
  | 'environment'
  | 'approvals'
  | 'run'
  | 'attestations'
  | 'artifacts'
>;

export interface GitHubTimeOptions {
  apiUrl: string;
  token: Secret;
  env: EnvSource;
  signal?: AbortSignal | undefined;
  /** In place of the network. */
  fetch?: Fetch | undefined;
}

const TIMEOUT_MS = 20_000;

/**
 * GitHub's own time, ms since 1970, from the Date of an answer: whoever runs the gate may have set his clock.
 * @throws ExternalError GITHUB_TIME_UNKNOWN
 */
export async function gitHubTime({ apiUrl, token, env, signal, fetch }: GitHubTimeOptions): Promise<number> {
  const transport = openTransport({ env, timeoutMs: TIMEOUT_MS, signal, fetch });
  try {
    // It costs no request of the limit.
    const answer = await transport.fetch(`${apiUrl.replace(/\/+$/, '')}/rate_limit`, {
      method: 'GET',
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token.reveal()}`,
        'user-agent': 'papergate',
      },
    });
    const time = Date.parse(answer.headers.get('date') ?? '');
    if (Number.isFinite(time)) return time;
    throw new Error(`its answer ${answer.status} has no date`);
  } catch (error) {
    signal?.throwIfAborted();
    throw new ExternalError({
      code: 'GITHUB_TIME_UNKNOWN',
      message: `GitHub did not tell the time: ${messageOf(error)}`,
      fix: 'check GITHUB_API_URL and the network between; ages and waiting times are counted by GitHub’s clock alone',
      cause: error,
    });
  } finally {
    await transport.close();
  }
}
