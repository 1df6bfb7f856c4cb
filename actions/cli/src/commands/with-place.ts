import { openPlace, type OpenOptions, type OpenPlace } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { placeChoice, type PlaceFlags } from './place-flags.ts';

/** Opens the place that the flags mean for one act, and lets go of it however that ends. */
export async function withPlace<T>(
  flags: PlaceFlags,
  context: CommandContext,
  act: (place: OpenPlace) => Promise<T>,
  more: Partial<Pick<OpenOptions, 'next' | 'settings'>> = {},
): Promise<T> {
  const { repository, home, env, stages, interrupts } = context;
  const open = await openPlace({
    choice: placeChoice(flags),
    repository,
    home: home(),
    env,
    stages,
    signal: interrupts.stop,
    ...more,
  });
  try {
    return await act(open);
  } finally {
    await open.close();
  }
}
