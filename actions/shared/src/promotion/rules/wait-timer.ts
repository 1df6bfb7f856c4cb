import type { Rule } from '../types.ts';
import { HOUR, hoursOf, judgement, unless } from './judgement.ts';
import { nameOf } from './environment.ts';
import { soakBegan, timeOf } from './staging.ts';

const NEWEST = 100;

/**
 * GitHub's timer really ran: from the first time that this run's job waited for the environment, which a re-run does not
 * begin anew; and not before staging had this very manifest.
 */
export const waitTimer: Rule<'wait-timer'> = {
  name: 'wait-timer',
  title: 'it has waited',
  source: 'GitHub deployments',
  waivable: true,
  codes: {
    WAIT_TIMER_TOO_SHORT: 'the job has not waited for long enough',
    WAIT_TIMER_UNKNOWN: 'no deployment of the run says when it began to wait',
  },
  async judge(context, { hours }) {
    const { moment, github, runId } = context;
    if (moment === 'before-approval') return judgement('begins with the approval', `${hours} h before the roll-out`);
    const environment = nameOf(context);
    // By the run alone: GitHub gives its deployment the commit that the workflow was started at, not the one that is delivered.
    const own = (await github.listDeployments({ environment, max: NEWEST })).filter(
      (deployment) => deployment.runId === runId,
    );
    const asked = Math.min(...own.map(({ at }) => timeOf(at)));
    const soaked = await soakBegan(context);
    const began = Math.max(asked, soaked ?? Infinity);
    const waited = (await context.now()) - began;
    if (!Number.isFinite(waited)) {
      const message = `no deployment of run ${runId} to ${environment} says since when it has waited`;
      return judgement('unknown', `${hours} h`, { code: 'WAIT_TIMER_UNKNOWN', message });
    }
    return judgement(
      hoursOf(waited),
      `${hours} h`,
      unless(
        waited >= hours * HOUR,
        'WAIT_TIMER_TOO_SHORT',
        `the job waits since ${new Date(began).toISOString()}, which is ${hoursOf(waited)}: wanted are ${hours} h`,
      ),
    );
  },
};
