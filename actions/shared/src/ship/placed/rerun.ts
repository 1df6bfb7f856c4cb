import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ExternalError, UserError } from '@papergate/config';
import { makeRelease, type Manifest } from '../../release/index.ts';
import { runningManifest, type OpenPlace } from '../place/index.ts';
import { bindRerun, readRecord, type Rerun, type RerunOptions } from '../rerun.ts';
import { newRunId, RunStore } from '../run-store.ts';

/** Smokes or loads what runs in a place, and replaces that stage's evidence in the run that delivered it. */
export async function rerunAtPlace(
  stage: 'smoke' | { load: 'full' | 'quick' },
  open: OpenPlace,
  options: RerunOptions,
): Promise<Rerun> {
  const { home, env, stages, onProgress, signal } = options;
  const { place, target } = open;
  if (stage !== 'smoke' && place.environment === 'production') {
    throw new UserError({
      code: 'NOT_IN_PRODUCTION',
      message: `${place.project} is production: the load test sends orders, and here they would be real`,
      fix: 'load-test the same release in staging',
    });
  }
  const manifest = await runningManifest(open);
  if (manifest === undefined) {
    throw new ExternalError({
      code: 'NO_STAGING',
      message: `nothing that is on record runs in ${place.project} on ${place.host.name}`,
      fix: 'deliver a commit: npx papergate ship --target compose',
    });
  }
  const store = new RunStore(home.runs, runOf(home.runs, manifest) ?? newRunId(new Date()));
  const startedAt = new Date();
  if (stage === 'smoke') {
    const result = await target.smoke(manifest, onProgress, signal);
    return bindRerun(stage, result, { store, manifest, startedAt }, options);
  }
  const { repository } = open.options;
  const release = await makeRelease(repository, home.releases, manifest.commit, signal);
  const result = await stages.runLoad({
    releaseDir: release.dir,
    urls: await target.urls(manifest),
    token: await target.token(),
    env,
    onProgress,
    signal,
    profile: stage.load,
    outDir: store.dir,
  });
  return bindRerun(stage, result, { store, manifest, startedAt }, options);
}

/** The last run that delivered this manifest from here. */
function runOf(runs: string, { digest }: Manifest): string | undefined {
  if (!existsSync(runs)) return undefined;
  return readdirSync(runs)
    .filter((name) => /^\d{8}T\d{6}Z-/.test(name))
    .sort()
    .toReversed()
    .find((name) => readRecord(join(runs, basename(name)))?.manifest?.digest === digest);
}
