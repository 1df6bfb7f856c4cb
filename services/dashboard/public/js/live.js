/** The live stream of numbers and events. It connects again for ever, and says when it is silent. */

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 8_000;
/** The server sends each second; after so long without anything the connection is dead, whatever it says of itself. */
const SILENT_MS = 5_000;

/**
 * @param {{path: string, topics: string[], onMessage: (message: object) => void, onLink: (open: boolean) => void}} options
 * @returns {() => void} ends it
 */
export function connectLive({ path, topics, onMessage, onLink }) {
  let socket;
  let retryMs = FIRST_RETRY_MS;
  let timer;
  let watchdog;
  let ended = false;

  function heard() {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => socket?.close(), SILENT_MS);
  }

  function open() {
    const current = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`);
    socket = current;
    heard();
    current.addEventListener('open', () => current.send(JSON.stringify({ action: 'subscribe', topics })));
    current.addEventListener('message', (event) => {
      heard();
      retryMs = FIRST_RETRY_MS;
      const parsed = JSON.parse(event.data);
      onLink(true);
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) onMessage(message);
    });
    current.addEventListener('close', () => {
      clearTimeout(watchdog);
      onLink(false);
      if (ended) return;
      timer = setTimeout(open, retryMs);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    });
  }

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    clearTimeout(watchdog);
    socket?.close();
  };
}

/**
 * Runs `work` every `ms`, one at a time, and at once when the page is looked at again.
 * @returns {() => void} ends it
 */
export function poll(work, ms) {
  let timer;
  let running = false;
  let ended = false;
  async function run() {
    if (running || ended) return;
    running = true;
    clearTimeout(timer);
    await work();
    running = false;
    if (!ended) timer = setTimeout(() => void run(), document.hidden ? ms * 5 : ms);
  }
  const onVisible = () => !document.hidden && void run();
  document.addEventListener('visibilitychange', onVisible);
  void run();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisible);
  };
}
