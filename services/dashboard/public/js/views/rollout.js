import { byId, setText } from '../dom.js';
import { asMoment } from '../format.js';

/** Which share of the symbols the release may trade; nothing is said where that is all of them. */
export function showScope(scope) {
  const line = byId('rollout');
  const { effective } = scope;
  line.hidden = effective === 'all';
  setText(line, line.hidden ? '' : textOf(scope));
}

/** For a scope that is not all. */
export function textOf({ stage, effective, reason, set_by: by, set_at: at }) {
  const what =
    effective.length === 0
      ? 'no order flow: nothing but what shrinks a position is traded'
      : `${effective.join(', ')} may be traded; elsewhere only what shrinks a position`;
  const why = stage === 'expired' ? 'nobody renewed it' : reason;
  const who = by === null || stage === 'expired' ? '' : ` (${by}, since ${asMoment(at)} New York)`;
  return `Roll-out, ${stage}: ${what} – ${why}${who}`;
}
