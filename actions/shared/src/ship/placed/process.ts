import { askStatus } from '../../supervisor/client.ts';
import { refuseForeign } from '../../targets/process/index.ts';
import { skipped } from '../parts.ts';
import { openPlace } from '../place/open.ts';
import { buildRelease } from '../stages/build.ts';
import type { ShipOptions, ShipStages } from '../types.ts';
import type { PlaceKind, StageCall } from './kind.ts';

/** A staging of processes that is up and detached: it is moved from its release to the next one. */
export function processKind(options: ShipOptions, stages: ShipStages, runId: string): PlaceKind {
  const { repository, home, env, environment, signal } = options;
  const progress =
    ({ onProgress }: StageCall): ((message: string) => void) =>
    (message) =>
      onProgress(message);
  return {
    async open() {
      const status = await askStatus(home);
      if (status !== undefined) refuseForeign(status, { environment });
      return openPlace({ choice: { kind: 'process', environment }, repository, home, env, stages, signal, runId });
    },
    build: (release, call) => buildRelease(repository, release, { signal: call.signal, onProgress: progress(call) }),
    push: (release) =>
      Promise.resolve({
        result: skipped('not needed: the process target runs the release where it was built'),
        manifest: release.manifest,
      }),
  };
}
