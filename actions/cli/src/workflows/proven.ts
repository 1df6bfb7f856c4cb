import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PapergateError, UserError } from '@papergate/config';
import { checkManifest, imageName, type GitHub, type GitHubDeployment } from '@papergate/delivery';
import { ask, type ApiOptions } from './api.ts';

/** An artifact of a run. */
export interface Kept {
  runId: number;
  artifact: string;
}

/** It delivers what was proven before, and proves less: there is no load in it. */
const ROLLBACK = '.github/workflows/rollback.yml';

type Reader = Pick<GitHub, 'listDeployments' | 'artifacts' | 'run'>;

/**
 * The run by which staging proved a commit: that of its newest good delivery there which was no rollback and whose evidence is
 * still kept. Only a place to look: the gate judges what is found there. The deployment that GitHub makes for a job's
 * `environment:` counts as well as one of ours; it names its manifest, and nothing more.
 * @throws UserError NOT_PROVEN; those of GitHub's client
 */
export async function proven(
  github: Reader,
  { sha, environment }: { sha: string; environment: string },
): Promise<Kept> {
  const deployments = await github.listDeployments({ environment, sha });
  const good = deployments.filter(
    ({ manifestDigest, statuses }) => manifestDigest !== null && statuses.some(({ state }) => state === 'success'),
  );
  const artifact = `evidence-${sha}`;
  const kept = await keptBy(github, good, artifact);
  if (kept !== undefined) return kept;
  throw new UserError({
    code: 'NOT_PROVEN',
    message:
      good.length === 0
        ? `${environment} has no record of a good delivery of ${sha.slice(0, 12)}`
        : `of ${good.length} good deliveries of ${sha.slice(0, 12)} to ${environment} none has left an artifact ${artifact} that is still kept`,
    fix: 'let deploy-staging deliver it',
  });
}

/** The newest of the runs that made these deployments which keeps that artifact. */
async function keptBy(
  github: Reader,
  newestFirst: readonly Pick<GitHubDeployment, 'runId'>[],
  artifact: string,
): Promise<Kept | undefined> {
  for (const runId of new Set(newestFirst.map((one) => one.runId))) {
    if (runId === null) continue;
    if (await isOf(github, runId, artifact)) return { runId, artifact };
  }
  return undefined;
}

async function isOf(github: Reader, runId: number, artifact: string): Promise<boolean> {
  try {
    if ((await github.run(runId)).path === ROLLBACK) return false;
    return (await github.artifacts(runId, artifact)).some(({ isExpired }) => !isExpired);
  } catch (error) {
    // A run that was deleted keeps nothing.
    if (error instanceof PapergateError && error.code === 'GITHUB_NOT_FOUND') return false;
    throw error;
  }
}

/**
 * With what production's release of today passed, to compare with; undefined before the first, and where it is no longer
 * kept. The run that put it to work last may have been a rollback, which compares nothing: then it is the one before.
 */
export async function baseline(
  github: Reader & Pick<GitHub, 'lastGood'>,
  { environment }: { environment: string },
): Promise<Kept | undefined> {
  const running = await github.lastGood({ environment });
  if (running === undefined) return undefined;
  const { sha, manifestDigest } = running;
  const same = (await github.listDeployments({ environment, sha })).filter(
    (one) => one.manifestDigest === manifestDigest,
  );
  return await keptBy(github, same, `gate-${sha}`);
}

/** Images of the release whose evidence lies in a folder, `repository@sha256:…`; none of a release without, or without a folder. */
export function imagesOf(folder: string): string[] {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path)) return [];
  const { images = {} } = checkManifest(JSON.parse(readFileSync(path, 'utf8')), path);
  return Object.values(images).map(imageName);
}

/** The last list of checkpoints that the drill of every night left; undefined where it never succeeded. */
export async function checkpoints(
  options: ApiOptions & { repository: string; branch: string; workflow: string },
): Promise<Kept | undefined> {
  const { repository, workflow, branch } = options;
  const query = `branch=${encodeURIComponent(branch)}&status=success&per_page=1`;
  const path = `/repos/${repository}/actions/workflows/${workflow}/runs?${query}`;
  const { body } = await ask(options, 'GET', path, { expected: [404] });
  const [run] = Array.isArray(body['workflow_runs']) ? (body['workflow_runs'] as { id?: unknown }[]) : [];
  return typeof run?.id === 'number' ? { runId: run.id, artifact: 'checkpoints' } : undefined;
}
