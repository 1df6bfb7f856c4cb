import { UserError } from '@papergate/config';
import { leasePlace } from '../deliver/lease.ts';
import type { PlaceOptions } from '../deliver/options.ts';
import { pathsOf } from '../deliver/place.ts';
import { recordAct } from '../deliver/take-down.ts';
import { removeBusKeys } from './lay.ts';

/**
 * Takes the keys of a place's bus away; its next deploy makes others, and so all services of it start with them.
 *
 * @returns names of the files that went
 * @throws UserError BUS_KEYS_IN_USE, ExternalError PLACE_TAKEN
 */
export async function rotateBusKeys(options: Pick<PlaceOptions, 'target' | 'actor' | 'command'>): Promise<string[]> {
  const { target, command } = options;
  const { place } = target;
  const lease = await leasePlace(place, command);
  try {
    const running = (await target.observe()).services.filter(({ state }) => state === 'running');
    if (running.length > 0) {
      const names = running.map(({ service }) => service).join(', ');
      throw new UserError({
        code: 'BUS_KEYS_IN_USE',
        message: `${names} run${running.length === 1 ? 's' : ''} in ${place.project} with the keys that are there: one that is restarted meanwhile would come back with others, and nobody would let it in`,
        fix: 'stop the bundle first: npx papergate stop, with the flags of this place',
      });
    }
    await lease.fence.assertHeld();
    const removed = await removeBusKeys(place.host, pathsOf(place).secrets);
    if (removed.length > 0) await recordAct(options, { action: 'bus-keys', outcome: 'removed' });
    return removed;
  } finally {
    await lease.release();
  }
}
