import {
  openHome,
  placeOf,
  PrivateFolder,
  removePrivateFolder,
  takeDown,
  withOpenPlace,
  withSecrets,
  DeliveryWatch,
  type PostJob,
} from '@papergate/delivery';
import type { INPUTS } from './inputs.ts';

/** Removes keys and logins that a killed step left; takes down what was not to be kept. */
export async function cleanUp(job: PostJob<typeof INPUTS>): Promise<void> {
  const { inputs, context, env, log, signal } = job;
  removePrivateFolder(job.state('folder'), context);
  if (job.state('take-down') !== 'true') return;
  const folder = new PrivateFolder(context);
  try {
    const options = {
      choice: placeOf(inputs, folder),
      repository: inputs['working-directory'],
      home: openHome(job),
      env: withSecrets(env, inputs),
      signal,
    };
    await withOpenPlace(options, async (open) => {
      const { onEvent } = new DeliveryWatch(log);
      await takeDown({
        ...open.acting(`deploy action, run ${context.runId} is over`, onEvent, signal),
        volumes: false,
      });
      log.info(`${open.place.project} was taken down, since keep is false; its data stay`);
    });
  } finally {
    folder.remove();
  }
}
