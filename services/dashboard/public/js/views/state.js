import { byId, setText, setTone } from '../dom.js';
import { asMoment } from '../format.js';

const TONES = { ACTIVE: 'good', REDUCING: 'warn', HALTED: 'bad' };
const MEANING = {
  ACTIVE: 'orders are taken',
  REDUCING: 'only orders that shrink a position are taken',
  HALTED: 'only cancels are taken',
};

/** The state of the whole bundle, big. What cannot be learned counts as HALTED, and is said to be unknown. */
export function showState(trading) {
  const state = TONES[trading?.state] === undefined ? 'HALTED' : trading.state;
  const known = trading?.known === true && state === trading.state;
  const card = byId('state');
  setTone(card, TONES[state]);
  setText(byId('state-word'), known ? state : `${state} (unknown)`);
  const reason = trading?.reason ? `: ${trading.reason}` : '';
  const since = trading?.since ? ` – since ${asMoment(trading.since)} New York` : '';
  const text = known
    ? `${MEANING[state]}${reason}${since}`
    : `the trading state cannot be learned, so it counts as HALTED${reason}`;
  setText(byId('state-reason'), text);
  document.title = `${known ? state : 'HALTED?'} · Papergate`;
  byId('trip').disabled = known && state === 'HALTED';
  byId('reset').disabled = known && state === 'ACTIVE';
}

/** `development · dry-run · paper`: nobody may ever wonder which bundle this is. */
export function showBadge(session) {
  const badge = byId('badge');
  const account = session.trading_mode === 'live' ? 'live' : session.alpaca_paper ? 'paper' : 'live account';
  const words = [session.environment, session.trading_mode, ...(session.trading_mode === account ? [] : [account])];
  setText(badge, words.join(' · '));
  badge.classList.toggle('live', session.trading_mode === 'live' || session.environment === 'production');
}
