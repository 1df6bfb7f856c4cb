import { byId, element, showList } from '../dom.js';
import { asPrice, asShares, asTime } from '../format.js';

const TONES = { trip: 'bad', refusal: 'warn', warning: 'warn', reconciliation: 'bad', reset: 'good' };

export function showSignals(signals) {
  showList(
    byId('signals'),
    signals,
    ({ id }) => id,
    (signal) =>
      element('li', {}, [
        element('time', { text: asTime(signal.created_at), datetime: signal.created_at }),
        element('span', {
          class: 'what',
          text: `${signal.side} ${asShares(signal.quantity)} ${signal.symbol} at ${asPrice(signal.price)}`,
        }),
        element('span', { class: 'why', text: `${signal.strategy}: ${signal.reason}` }),
      ]),
    element('li', { class: 'empty', text: 'No signals yet.' }),
  );
}

export function showRiskEvents(events) {
  showList(
    byId('risk'),
    events,
    ({ id }) => String(id),
    (event) =>
      element('li', {}, [
        element('time', { text: asTime(event.at), datetime: event.at }),
        element('span', { class: 'what' }, [
          element('span', { class: `chip is-${TONES[event.kind] ?? 'warn'}`, text: event.kind }),
          document.createTextNode(` ${event.code}${event.symbol ? ` · ${event.symbol}` : ''}`),
        ]),
        element('span', { class: 'why', text: event.message }),
      ]),
    element('li', { class: 'empty', text: 'No risk events.' }),
  );
}
