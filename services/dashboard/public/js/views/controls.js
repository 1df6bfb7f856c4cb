import { emergencyStop, reset, trip } from '../api.js';
import { byId, setText } from '../dom.js';

/** Each act asks for its own word: nobody stops or starts trading by a slip of the mouse. */
const ACTS = {
  trip: {
    title: 'Halt trading',
    text: 'No new order will be taken until trading is resumed. Open orders stay open.',
    word: 'HALT',
    button: 'Halt trading',
    tone: 'danger',
    run: trip,
    done: 'Trading is halted.',
  },
  reset: {
    title: 'Resume trading',
    text: 'Orders and the strategies’ signals will be taken again at once.',
    word: 'RESUME',
    button: 'Resume trading',
    tone: 'primary',
    run: reset,
    done: 'Trading is active again.',
  },
  stop: {
    title: 'Emergency stop',
    text: 'Halts trading and cancels every open order. It is done only when the broker confirms that none is open.',
    word: 'STOP',
    button: 'Stop everything',
    tone: 'danger',
    run: (reason) => emergencyStop(reason === '' ? 'emergency stop from the dashboard' : reason),
    reasonOptional: true,
    done: 'Trading is halted and the broker confirms that no order is open.',
  },
};

/**
 * The acts are for operators; for others they stay in sight, with a word why they do nothing. The services refuse in any case.
 * @param {{name: string, role: string, token_required: boolean}} session
 */
export function showWho({ name, role, token_required: hasToken }) {
  const mayAct = role === 'operator';
  byId('acts').disabled = !mayAct;
  setText(
    byId('acts-why'),
    mayAct ? '' : `Halting, resuming and stopping need a token of role operator; yours is ${role}.`,
  );
  byId('acts-why').hidden = mayAct;
  setText(byId('who'), `${name} · ${role}`);
  byId('who').hidden = !hasToken;
}

/** @param {() => void} onDone asks for the state anew */
export function setUpControls(onDone) {
  const dialog = byId('confirm');
  const word = byId('confirm-word');
  const reason = byId('confirm-reason');
  const act = byId('confirm-do');
  const result = byId('confirm-result');
  let current = ACTS.trip;
  let busy = false;

  const check = () => {
    act.disabled =
      busy || word.value.trim() !== current.word || (!current.reasonOptional && reason.value.trim() === '');
  };

  function open(chosen) {
    current = chosen;
    busy = false;
    setText(byId('confirm-title'), chosen.title);
    setText(byId('confirm-text'), chosen.text);
    setText(
      byId('confirm-reason-label'),
      chosen.reasonOptional ? 'Reason, for the record (may be empty)' : 'Reason, for the record',
    );
    reason.required = !chosen.reasonOptional;
    setText(byId('confirm-label'), `Type ${chosen.word} to confirm`);
    setText(act, chosen.button);
    act.className = chosen.tone;
    setText(byId('confirm-cancel'), 'Cancel');
    setText(result, '');
    result.className = 'error';
    word.value = '';
    reason.value = '';
    for (const field of [word, reason]) field.disabled = false;
    act.hidden = false;
    check();
    dialog.showModal();
    (chosen.reasonOptional ? word : reason).focus();
  }

  async function run() {
    busy = true;
    check();
    setText(act, 'Working…');
    setText(result, '');
    try {
      await current.run(reason.value.trim());
      result.className = 'error is-good';
      setText(result, current.done);
      for (const field of [word, reason]) field.disabled = true;
      act.hidden = true;
      setText(byId('confirm-cancel'), 'Close');
      byId('confirm-cancel').focus();
    } catch (error) {
      result.className = 'error';
      setText(result, error.fix ? `${error.message}. ${error.fix}` : error.message);
      setText(act, `${current.button} – try again`);
    }
    busy = false;
    check();
    onDone();
  }

  for (const [name, chosen] of Object.entries(ACTS)) byId(name).addEventListener('click', () => open(chosen));
  for (const field of [word, reason]) field.addEventListener('input', check);
  byId('confirm-cancel').addEventListener('click', () => dialog.close());
  byId('confirm-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (!act.disabled) void run();
  });
}
