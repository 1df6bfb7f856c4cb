import type { Deployment } from '../../github/deployments/types.ts';
import { parseTime } from '../../gate/time.ts';
import type { GateConfig } from '../config.ts';
import type { GateContext } from '../types.ts';

/** So many deployments are looked at: what is older only makes a soak look shorter. */
const NEWEST = 100;
/** States of a deployment that has not touched anything yet. */
const UNTOUCHED = new Set(['none', 'queued', 'pending', 'waiting']);

/**
 * Since when staging has run nothing but this release, ms since 1970 by GitHub's clock: the first success of the
 * deployments of this very manifest with none of another one since. Delivering it again changes nothing; a deployment that
 * names no manifest, or another one, begins the count anew, also where it failed half-way.
 * @returns undefined where it was not delivered, or something else came after it
 */
export async function soakBegan(
  context: GateContext,
  config: GateConfig['staging-proof'],
): Promise<number | undefined> {
  const { manifest, github } = context;
  const newest = await github.listDeployments({ environment: config.environment, max: NEWEST });
  return beganOf(newest, manifest.digest);
}

export function beganOf(newestFirst: readonly Deployment[], digest: string): number | undefined {
  const digests = digestsOfRuns(newestFirst);
  let began: number | undefined;
  for (const deployment of newestFirst) {
    const own = deployment.manifestDigest ?? digests.get(deployment.runId ?? 0);
    if (own !== digest) {
      if (isUntouched(deployment)) continue;
      return began;
    }
    const successes = deployment.statuses.filter(({ state }) => state === 'success').map(({ at }) => timeOf(at));
    began = Math.min(began ?? Infinity, ...successes);
    if (began === Infinity) began = undefined;
  }
  return began;
}

/** A job of the same run may have a deployment of its own that names nothing. */
function digestsOfRuns(deployments: readonly Deployment[]): Map<number, string> {
  return new Map(
    deployments.flatMap(({ runId, manifestDigest }) =>
      runId === null || manifestDigest === null ? [] : [[runId, manifestDigest] as const],
    ),
  );
}

const isUntouched = ({ state, statuses }: Deployment): boolean =>
  UNTOUCHED.has(state) && statuses.every((status) => UNTOUCHED.has(status.state));

/** A time of GitHub's; NaN where it is none, which holds no bound. */
export const timeOf = (text: string): number => parseTime(text) ?? Number.NaN;
