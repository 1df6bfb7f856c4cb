import { getSession, observability, orchestrator, signIn, signOut } from './api.js';
import { byId, setText, setTone } from './dom.js';
import { asDuration, asTime } from './format.js';
import { connectLive, poll } from './live.js';
import { setUpControls, showWho } from './views/controls.js';
import { showSignals, showRiskEvents } from './views/feeds.js';
import { showAccount, showExposure, showPnl, showRates } from './views/figures.js';
import { Plots } from './views/plots.js';
import { showRelease, showServices, showServicesUnknown } from './views/services.js';
import { showScope } from './views/rollout.js';
import { showBadge, showState } from './views/state.js';
import { Orders, showPositions } from './views/trading.js';

const STALE_MS = 3_500;

/** Reasons why something shown is not of now, by part; shown together in one banner. */
const troubles = new Map();
let lastHeard;

function trouble(part, text) {
  if (text === undefined) troubles.delete(part);
  else troubles.set(part, text);
}

function showTroubles() {
  const silent = lastHeard === undefined ? undefined : performance.now() - lastHeard;
  const stale = silent !== undefined && silent > STALE_MS;
  trouble('live', stale ? `live numbers are stale: the last came ${asDuration(silent)} ago` : undefined);
  document.body.classList.toggle('is-stale', stale);
  const link = byId('link');
  setTone(link, stale ? 'bad' : lastHeard === undefined ? '' : 'good');
  setText(link.lastElementChild, stale ? 'stale' : lastHeard === undefined ? 'connecting' : 'live');
  const banner = byId('stale');
  setText(banner, [...troubles.values()].join(' · '));
  banner.hidden = troubles.size === 0;
  setText(byId('clock'), `${asTime(Date.now())} New York`);
}

/** Runs a question; what it cannot learn is said, and what is on the screen stays marked as old. */
async function ask(part, what, question, show) {
  try {
    show(await question());
    trouble(part, undefined);
    return true;
  } catch (error) {
    if (error.status === 401) location.reload();
    trouble(part, `${what}: ${error.message}`);
    return false;
  }
}

const list = (body, key) => (Array.isArray(body) ? body : (body?.[key] ?? []));

function start() {
  const plots = new Plots();
  const orders = new Orders();
  let signals = [];

  const askStatus = async () => {
    const known = await ask(
      'status',
      'services',
      () => orchestrator('orchestration/status'),
      (status) => {
        showState(status.trading);
        showServices(status.services);
        showRelease(status.release);
        const gone = Object.entries(status.services).filter(([, { ready }]) => !ready);
        trouble('services', gone.length === 0 ? undefined : `not ready: ${gone.map(([name]) => name).join(', ')}`);
      },
    );
    if (known) return;
    showState({ state: 'HALTED', known: false, reason: 'the front door does not answer' });
    showServicesUnknown(troubles.get('status'));
  };

  poll(askStatus, 2_000);
  poll(() => ask('pnl', 'profit and loss', () => observability('trades/pnl?period=today&limit=0'), showPnl), 2_000);
  poll(
    () =>
      ask(
        'positions',
        'positions',
        () => orchestrator('positions'),
        (body) => showPositions(list(body, 'positions')),
      ),
    2_000,
  );
  poll(() => ask('scope', 'roll-out', () => observability('risk/scope'), showScope), 3_000);
  poll(() => ask('exposure', 'exposure', () => observability('risk/exposure'), showExposure), 3_000);
  poll(
    () =>
      ask(
        'account',
        'account',
        () => orchestrator('account'),
        (body) => showAccount(body.account ?? body),
      ),
    3_000,
  );
  poll(async () => {
    await ask(
      'orders',
      'orders',
      () => orchestrator('orders?status=all&limit=60'),
      (body) => orders.replace(list(body, 'orders')),
    );
    orders.show();
  }, 5_000);
  poll(
    () =>
      ask(
        'signals',
        'signals',
        () => observability('signals?limit=30'),
        (body) => {
          signals = body.signals;
          showSignals(signals);
        },
      ),
    5_000,
  );
  poll(
    () =>
      ask(
        'risk',
        'risk events',
        () => observability('risk/events?limit=30'),
        (body) => showRiskEvents(body.events),
      ),
    3_000,
  );
  void ask(
    'history',
    'history',
    () => observability('metrics/history?seconds=600'),
    (body) => plots.replace(body.samples),
  );

  connectLive({
    path: '/ws/metrics',
    topics: ['order', 'signal'],
    onLink: () => undefined,
    onMessage: (message) => {
      if (message.type === 'metrics') {
        lastHeard = performance.now();
        showRates(message);
        plots.add(message);
        if (message.trading) showState(message.trading);
      } else if (message.type === 'order') orders.update(message.data);
    },
  });
  setInterval(() => orders.show(), 250);
  setUpControls(() => void askStatus());
}

function showSignIn() {
  byId('sign-in').hidden = false;
  byId('token').focus();
  byId('sign-in-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void (async () => {
      try {
        await signIn(byId('token').value);
        location.reload();
      } catch (error) {
        setText(byId('sign-in-error'), error.message);
        byId('token').select();
      }
    })();
  });
}

async function open() {
  try {
    const session = await getSession();
    showBadge(session);
    if (!session.signed_in) {
      byId('link').hidden = true;
      return showSignIn();
    }
    showWho(session);
    byId('main').hidden = false;
    byId('sign-out').hidden = !session.token_required;
    byId('sign-out').addEventListener('click', () => void signOut().finally(() => location.reload()));
    start();
    setInterval(showTroubles, 500);
    return undefined;
  } catch (error) {
    trouble('page', error.message);
    showTroubles();
    setTimeout(() => void open(), 2_000);
    return undefined;
  }
}

void open();
