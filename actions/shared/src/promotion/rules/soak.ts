import type { Rule } from '../types.ts';
import { HOUR, hoursOf, judgement, unless } from './judgement.ts';
import { soakBegan } from './staging.ts';

/** Some faults only show with time. Counted by GitHub's clock, from deployments that nobody's re-run makes younger. */
export const soak: Rule<'soak'> = {
  name: 'soak',
  title: 'soaked in staging',
  source: 'GitHub deployments',
  waivable: true,
  codes: {
    SOAK_NOT_BEGUN: 'staging does not run this manifest, or something came after it',
    SOAK_TOO_SHORT: 'staging has not run this manifest for long enough',
  },
  async judge(context, { hours }) {
    const wanted = `${hours} h without another manifest`;
    const began = await soakBegan(context);
    if (began === undefined) {
      const message = `staging does not run ${context.manifest.digest}, or something else came after it: the soak begins when it is delivered`;
      return judgement('not begun', wanted, { code: 'SOAK_NOT_BEGUN', message });
    }
    const lasted = (await context.now()) - began;
    return judgement(
      Number.isFinite(lasted) ? hoursOf(lasted) : 'unknown',
      wanted,
      unless(
        lasted >= hours * HOUR,
        'SOAK_TOO_SHORT',
        Number.isFinite(lasted)
          ? `staging has run it for ${hoursOf(lasted)}, since ${new Date(began).toISOString()}; ${hours} h are over at ${new Date(began + hours * HOUR).toISOString()}`
          : 'GitHub’s times of the deployments cannot be read',
      ),
    );
  },
};
