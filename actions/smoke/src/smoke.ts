import {
  keptTimed,
  lookAtRunning,
  removePrivateFolder,
  type ActionJob,
  type Outcome,
  type PostJob,
  type ShipStages,
} from '@papergate/delivery';
import type { INPUTS, OUTPUTS } from './inputs.ts';

export type SmokeJob = ActionJob<typeof INPUTS, typeof OUTPUTS> & { stages?: ShipStages };

/** Looks at what runs from outside, with the smoke test of its own release. */
export function smoke(job: SmokeJob): Promise<Outcome> {
  const { inputs, log, signal } = job;
  return lookAtRunning(job, async ({ open, manifest, store }) => {
    const facts = { environment: inputs.environment, target: inputs.target };
    const onProgress = ({ message }: { message: string }): void => log.info(message);
    const run = await log.group(`smoke test of ${manifest.commit.slice(0, 12)}`, () =>
      keptTimed({ stage: 'smoke', store: () => store, facts }, () => open.target.smoke(manifest, onProgress, signal)),
    );
    return { title: 'Smoke test', run, facts: {}, reasonCode: 'SMOKE_FAILED' };
  });
}

/** Removes the key that a killed step left. */
export function cleanUp({ state, context }: PostJob<typeof INPUTS>): Promise<void> {
  removePrivateFolder(state('folder'), context);
  return Promise.resolve();
}
