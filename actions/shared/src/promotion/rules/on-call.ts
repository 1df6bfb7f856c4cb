import { parseTime } from '../../gate/time.ts';
import type { OnCall, Rule } from '../types.ts';
import { HOUR, judgement } from './judgement.ts';

/** Somebody watches while it goes out, and for a while after. */
export const onCall: Rule<'on-call'> = {
  name: 'on-call',
  title: 'somebody is on call',
  source: 'input on-call',
  waivable: true,
  codes: {
    ON_CALL_NOBODY: 'nobody is named for now and the next hours',
    ON_CALL_INVALID: 'a time or name in the plan is none',
  },
  async judge({ files, now }, { cover_hours }) {
    const wanted = `from now for ${cover_hours} h`;
    const plan = await files.onCall();
    const wrong = plan.find((turn) => !isTurn(turn));
    if (wrong !== undefined) {
      const message = `the plan names "${wrong.who}" from "${wrong.from}" until "${wrong.until}"; wanted are a name and two times of RFC 3339 UTC, the first one earlier`;
      return judgement('unreadable', wanted, { code: 'ON_CALL_INVALID', message });
    }
    const from = await now();
    const turns = coverOf(plan, from, from + cover_hours * HOUR);
    if (turns.length > 0) return judgement(turns.map(({ who }) => who).join(', then '), wanted);
    const message = `nobody is on call from ${new Date(from).toISOString()} until ${new Date(from + cover_hours * HOUR).toISOString()} without a gap`;
    return judgement('nobody', wanted, { code: 'ON_CALL_NOBODY', message });
  },
};

function isTurn({ who, from, until }: OnCall): boolean {
  const [start, end] = [parseTime(from), parseTime(until)];
  return who.trim() !== '' && start !== undefined && end !== undefined && start < end;
}

/** Turns that follow on each other without a gap from one time to the other; none where they do not reach. */
function coverOf(plan: readonly OnCall[], from: number, until: number): OnCall[] {
  const turns: OnCall[] = [];
  for (let at = from; at < until || turns.length === 0;) {
    const longest = plan
      .filter((turn) => Date.parse(turn.from) <= at && Date.parse(turn.until) > at)
      .toSorted((a, b) => Date.parse(b.until) - Date.parse(a.until))[0];
    if (longest === undefined) return [];
    turns.push(longest);
    at = Date.parse(longest.until);
  }
  return turns;
}
