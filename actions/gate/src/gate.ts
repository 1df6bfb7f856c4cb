import { EvidenceStore, removePrivateFolder, type ActionJob, type Outcome, type PostJob } from '@papergate/delivery';
import type { INPUTS, OUTPUTS } from './inputs.ts';
import { judgeProduction } from './production.ts';
import { judgeStaging } from './staging.ts';

export type GateJob = ActionJob<typeof INPUTS, typeof OUTPUTS>;

/** Reads what the stages left and says pass or block. */
export async function gate(job: GateJob): Promise<Outcome> {
  const { inputs, setOutput } = job;
  const store = EvidenceStore.read(inputs.evidence);
  setOutput('evidence', store.dir);
  setOutput('sha', store.manifest.commit);
  setOutput('manifest-digest', store.manifest.digest);
  return inputs.environment === 'staging' ? judgeStaging(job, store) : judgeProduction(job, store);
}

/** Removes the key that a killed step left. */
export function cleanUp({ state, context }: PostJob<typeof INPUTS>): Promise<void> {
  removePrivateFolder(state('folder'), context);
  return Promise.resolve();
}
