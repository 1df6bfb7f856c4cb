import { PapergateError } from '@papergate/config';
import { currentOf } from '../../github/deployments/index.ts';
import type { Current as CurrentDeployment, Deployment } from '../../github/deployments/types.ts';
import { parseTime } from '../../gate/time.ts';
import type { GateContext } from '../types.ts';

/** So many deployments are looked at: what is older only makes a soak look shorter. */
const NEWEST = 100;
/** States of a deployment that has not touched anything yet. */
const UNTOUCHED = new Set(['none', 'queued', 'pending', 'waiting']);

/**
 * Deployments of staging, newest first, without those of jobs that delivered nothing: GitHub makes one for every job that names
 * the environment, a restore drill's too, and marks what runs there as inactive.
 */
export async function deliveriesOf(context: GateContext): Promise<{ kept: Deployment[]; harmless: Deployment[] }> {
  const { environment, harmless_workflows } = context.config['staging-proof'];
  const deployments = await context.github.listDeployments({ environment, max: NEWEST });
  const kept: Deployment[] = [];
  const harmless: Deployment[] = [];
  for (const deployment of deployments) {
    const { manifestDigest, runId } = deployment;
    const isOurs = manifestDigest !== null || runId === null;
    const isKept = isOurs || !harmless_workflows.includes(await workflowOf(context, runId));
    (isKept ? kept : harmless).push(deployment);
  }
  return { kept, harmless };
}

/** Path of a run's workflow; empty where the run was deleted, which makes it nobody's. */
async function workflowOf({ github }: GateContext, runId: number): Promise<string> {
  try {
    return (await github.run(runId)).path;
  } catch (error) {
    if (error instanceof PapergateError && error.code === 'GITHUB_NOT_FOUND') return '';
    throw error;
  }
}

/** What staging runs by GitHub's record. A deployment that only a harmless job's own has put out of action is active. */
export async function runningIn(context: GateContext): Promise<CurrentDeployment | undefined> {
  const { kept, harmless } = await deliveriesOf(context);
  const current = currentOf(kept);
  if (current === undefined || current.isActive) return current;
  const { deployment } = current;
  const isReplaced = kept.some(({ id, runId }) => id > deployment.id && runId !== deployment.runId);
  const isPutOut =
    deployment.state === 'inactive' &&
    deployment.statuses.some(({ state }) => state === 'success') &&
    harmless.some(({ id, statuses }) => id > deployment.id && statuses.some(({ state }) => state === 'success'));
  return { deployment, isActive: isPutOut && !isReplaced };
}

/**
 * Since when staging has run nothing but this release, ms since 1970 by GitHub's clock: the first success of the
 * deployments of this very manifest with none of another one since. Delivering it again changes nothing; a deployment that
 * names no manifest, or another one, begins the count anew, also where it failed half-way.
 * @returns undefined where it was not delivered, or something else came after it
 */
export async function soakBegan(context: GateContext): Promise<number | undefined> {
  return beganOf((await deliveriesOf(context)).kept, context.manifest.digest);
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
