import {
  deliver,
  homeOf,
  INSTALLED_STAGES,
  makeHome,
  openPlace,
  type DeliverOptions,
  type DeliverOutcome,
  type Manifest,
  type OpenPlace,
} from '@papergate/delivery';
import { dockerEnvironment } from './docker.ts';
import type { Where } from './deployer.ts';

const never = new AbortController().signal;

/** Opens a kit's place in this process for one act, as a command does in its own. */
export async function atPlace<T>(kit: Where, act: (place: OpenPlace) => Promise<T>, next?: Manifest): Promise<T> {
  const place = await openPlace({
    choice: { kind: 'compose', project: kit.project },
    repository: kit.clone.dir,
    home: makeHome(homeOf('', kit.home)),
    env: dockerEnvironment(),
    stages: INSTALLED_STAGES,
    signal: never,
    ...(next === undefined ? {} : { next: () => Promise.resolve(next) }),
  });
  try {
    return await act(place);
  } finally {
    await place.close();
  }
}

/** `papergate deploy --manifest` without a process of its own; a test asks its kit's deployer. */
export const deployAt = (
  kit: Where,
  next: Manifest,
  more: Pick<Partial<DeliverOptions>, 'patience' | 'smoke'> = {},
): Promise<DeliverOutcome> =>
  atPlace(
    kit,
    (place) => deliver({ ...place.moving('papergate deploy --manifest test', () => {}, never), next, ...more }),
    next,
  );
