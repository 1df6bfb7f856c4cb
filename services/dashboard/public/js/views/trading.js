import { byId, element, emptyRow, setText, showList } from '../dom.js';
import { asPrice, asProfit, asShares, asTime, toneOf } from '../format.js';

const FINAL = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);
const TONES = { filled: 'good', rejected: 'bad', expired: 'warn', canceled: 'warn', unknown: 'bad' };
const SHOWN = 60;

export function showPositions(positions) {
  const held = positions.filter(({ quantity }) => toneOf(quantity) !== '');
  showList(
    byId('positions'),
    held.toSorted((a, b) => a.symbol.localeCompare(b.symbol)),
    ({ symbol }) => symbol,
    (position) => {
      const profit = position.unrealized_pnl;
      return element('tr', {}, [
        element('td', { text: position.symbol }),
        element('td', { class: 'num', text: asShares(position.quantity) }),
        element('td', { class: 'num', text: asPrice(position.avg_entry_price) }),
        element('td', { class: 'num', text: asPrice(position.mark) }),
        element('td', { class: `num ${toneOf(profit)}`, text: asProfit(profit) }),
      ]);
    },
    emptyRow(5, 'No position is held.'),
  );
}

/** Orders by id, the newest first, kept up to date by the live stream. */
export class Orders {
  #orders = new Map();
  #dirty = true;

  /** A list from HTTP: the truth at its time. */
  replace(orders) {
    this.#orders = new Map(orders.map((order) => [order.order_id, order]));
    this.#dirty = true;
  }

  /** One change from the stream; an older one that comes late is left out. */
  update(order) {
    const known = this.#orders.get(order.order_id);
    if (known !== undefined && known.updated_at > order.updated_at) return;
    this.#orders.set(order.order_id, order);
    if (this.#orders.size > SHOWN * 4) this.#orders = new Map(this.newest().map((each) => [each.order_id, each]));
    this.#dirty = true;
  }

  newest() {
    return [...this.#orders.values()].toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, SHOWN);
  }

  show() {
    if (!this.#dirty) return;
    this.#dirty = false;
    const orders = this.newest();
    const open = orders.filter(({ status }) => !FINAL.has(status)).length;
    setText(byId('open-count'), open === 0 ? '– none open' : `– ${open} open`);
    showList(byId('orders'), orders, ({ order_id: id }) => id, orderRow, emptyRow(5, 'No orders yet.'));
  }
}

function orderRow(order) {
  const limit = order.price === null || order.price === undefined ? '' : ` @ ${asPrice(order.price)}`;
  const chip = element('span', {
    class: `chip${TONES[order.status] === undefined ? '' : ` is-${TONES[order.status]}`}`,
    text: order.status.replaceAll('_', ' '),
    ...(order.reject_reason ? { title: order.reject_reason } : {}),
  });
  const what = element('td', { text: `${order.side} ${asShares(order.quantity)} ${order.symbol}` }, [
    element('small', {
      text: `${order.type.replaceAll('_', ' ')}${limit}${order.strategy ? ` · ${order.strategy}` : ''}`,
    }),
  ]);
  return element('tr', {}, [
    element('td', { text: asTime(order.created_at), title: order.client_order_id }),
    what,
    element('td', {}, [chip, order.reject_reason ? element('small', { text: order.reject_code ?? '' }) : undefined]),
    element('td', { class: 'num', text: asShares(order.filled_quantity) }),
    element('td', { class: 'num', text: asPrice(order.avg_fill_price) }),
  ]);
}
