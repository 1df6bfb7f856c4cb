import type { Checkpoint } from '../../database/types.ts';
import { parseTime } from '../../gate/time.ts';
import type { Rule } from '../types.ts';
import { HOUR, hoursOf, judgement, SKEW, unless } from './judgement.ts';

/** There is a way back for the data too: the newest checkpoint was restored and compared, lately. */
export const rollbackPlan: Rule<'rollback-plan'> = {
  name: 'rollback-plan',
  title: 'the last checkpoint was restored',
  source: 'checkpoints of the database',
  waivable: true,
  codes: {
    CHECKPOINT_MISSING: 'there is no checkpoint',
    CHECKPOINT_BROKEN: 'a checkpoint that is newer than the last good one cannot be read',
    CHECKPOINT_NOT_RESTORED: 'restoring the newest checkpoint failed, or was never tried',
    CHECKPOINT_STALE: 'it was restored too long ago',
  },
  async judge({ files, now }, { max_age_hours }) {
    const wanted = `restored within ${max_age_hours} h`;
    const { checkpoints, broken } = await files.checkpoints();
    const newest = checkpoints.toSorted((a, b) => (a.id < b.id ? 1 : -1))[0];
    if (newest === undefined) {
      return judgement('none', wanted, {
        code: 'CHECKPOINT_MISSING',
        message: 'there is no checkpoint of the database to go back to',
      });
    }
    const worse = broken.filter((id) => id > newest.id);
    const last = lastRestored(newest);
    const age = (await now()) - (parseTime(last.at) ?? Number.NaN);
    return judgement(
      `${newest.id}, ${last.ok && Number.isFinite(age) ? `restored ${hoursOf(age)} ago` : 'not restored'}`,
      wanted,
      unless(
        worse.length === 0,
        'CHECKPOINT_BROKEN',
        `the checkpoints ${worse.join(', ')} are newer and cannot be read`,
      ),
      unless(
        last.ok,
        'CHECKPOINT_NOT_RESTORED',
        `the newest checkpoint, ${newest.id}, was not restored and found equal${last.why === '' ? '' : `: ${last.why}`}`,
      ),
      unless(
        !last.ok || (age <= max_age_hours * HOUR && age >= -SKEW),
        'CHECKPOINT_STALE',
        Number.isFinite(age)
          ? `the newest checkpoint, ${newest.id}, was restored ${hoursOf(age)} ago`
          : `the newest checkpoint, ${newest.id}, was restored at "${last.at}", which is no time`,
      ),
    );
  },
};

/** The last drill; before the first one, the restore that made it a checkpoint. */
function lastRestored({ drills, verified_at }: Checkpoint): { at: string; ok: boolean; why: string } {
  const last = drills.toSorted((a, b) => (a.at < b.at ? -1 : 1)).at(-1);
  if (last === undefined) return { at: verified_at, ok: verified_at !== '', why: '' };
  return { at: last.at, ok: last.ok, why: last.problems.join('; ').slice(0, 300) };
}
