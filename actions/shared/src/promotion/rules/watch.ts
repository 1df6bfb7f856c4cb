import { minutes } from '../prometheus/series.ts';
import type { Range } from '../prometheus/client.ts';
import type { GateContext } from '../types.ts';
import { HOUR } from './judgement.ts';

/** The time that staging had to be without fault: as long as the soak, until now. */
export async function watched(context: GateContext): Promise<Range> {
  const now = await context.now();
  return minutes(now - context.config.soak.hours * HOUR, now);
}

/** Services that go to production: the simulator does not. */
export const servicesOf = ({ manifest }: GateContext): string[] =>
  Object.keys(manifest.services)
    .filter((name) => name !== 'paper-exchange')
    .sort();
