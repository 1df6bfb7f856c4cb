import { byId, setText } from '../dom.js';
import { asDuration, asMoney, asProfit, asRate, asShares, NONE, toneOf } from '../format.js';

function setProfit(id, value) {
  const target = byId(id);
  setText(target, asProfit(value));
  const tone = toneOf(value);
  target.classList.toggle('up', tone === 'up');
  target.classList.toggle('down', tone === 'down');
}

/** Broker’s account. */
export function showAccount(account) {
  setText(byId('equity'), asMoney(account?.equity));
  setText(byId('cash'), account?.cash === undefined ? '' : `cash ${asMoney(account.cash)}`);
}

/** The books of today. */
export function showPnl(pnl) {
  setProfit('realized', pnl?.realized_pnl);
  setProfit('unrealized', pnl?.unrealized_pnl);
  const trades = pnl === undefined ? '' : `${asShares(pnl.trades)} fills, ${asMoney(pnl.notional)} USD traded`;
  setText(byId('trades'), trades);
}

export function showExposure(exposure) {
  const gross = exposure?.gross_exposure;
  setText(byId('exposure'), gross === undefined ? '' : `gross exposure ${asMoney(gross)}`);
}

/** Numbers of the live stream. */
export function showRates(sample) {
  setText(byId('ticks'), `${asRate(sample.ticks_per_second)}/s`);
  const lag = sample.tick_latency_ms === null ? NONE : asDuration(sample.tick_latency_ms.p50);
  const waiting = sample.storage_held > 5_000 ? `, ${asRate(sample.storage_held)} wait for the database` : '';
  setText(byId('lag'), `delay ${lag}${waiting}`);
  setText(byId('orders-rate'), `${asRate(sample.orders_per_second)}/s`);
  setText(
    byId('fills-rate'),
    `${asRate(sample.fills_per_second)} fills/s, ${asRate(sample.signals_per_second)} signals/s`,
  );
}
