import type { Rule } from '../types.ts';
import { judgement, unless } from './judgement.ts';

/** Nothing that act says of approvals, timers and environments is GitHub's word. */
export const realRun: Rule<'real-run'> = {
  name: 'real-run',
  title: 'a run on GitHub',
  source: 'the job’s environment',
  waivable: false,
  codes: { RUN_UNDER_ACT: 'the workflow runs under act, which never opens production' },
  judge: ({ act }) =>
    Promise.resolve(
      judgement(
        act ? 'act' : 'GitHub',
        'GitHub',
        unless(
          !act,
          'RUN_UNDER_ACT',
          'the workflow runs under act, where nothing is GitHub’s word: it never opens production',
        ),
      ),
    ),
};
