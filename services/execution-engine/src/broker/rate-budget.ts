/**
 * The account's request budget as the broker tells it in `X-RateLimit-Limit`, `-Remaining` and `-Reset`
 * (Alpaca: 200 a minute). A broker that sends no such headers is not held back at all.
 */
export interface RateBudget {
  /**
   * Resolves when a request may go out. Orders leave a reserve of a twentieth for cancels and look-ups, which
   * are `urgent`: an account that is throttled must still be able to get out. Call the result when it is answered.
   */
  acquire(urgent?: boolean): Promise<() => void>;
  observe(headers: Pick<Headers, 'get'>): void;
  /** Nothing goes out before this many ms have passed: the broker answered 429. */
  pause(ms: number): void;
  /** Who still waits is refused with the code `BUDGET_CLOSED`: nothing of theirs was sent. */
  close(): void;
}

/** No header may hold the engine longer than this: the window is a minute. */
const LONGEST_WAIT_MS = 61_000;

interface Waiter {
  urgent: boolean;
  resolve: (release: () => void) => void;
  reject: (error: Error) => void;
}

export function createRateBudget(now: () => number = Date.now): RateBudget {
  let limit: number | undefined;
  let left = Infinity;
  let resetAt = 0;
  let pausedUntil = 0;
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const waiting: Waiter[] = [];

  function release(): void {
    underWay -= 1;
    drain();
  }

  function serve(urgent: boolean, floor: number): void {
    for (let at = 0; at < waiting.length && left > floor;) {
      const waiter = waiting[at];
      if (waiter?.urgent !== urgent) {
        at += 1;
        continue;
      }
      waiting.splice(at, 1);
      left -= 1;
      underWay += 1;
      waiter.resolve(release);
    }
  }

  function drain(): void {
    clearTimeout(timer);
    timer = undefined;
    if (limit !== undefined && now() >= resetAt) left = limit - underWay;
    if (now() >= pausedUntil) {
      // Urgent ones first, and down to nothing; then the others, down to the reserve.
      serve(true, 0);
      serve(false, limit === undefined ? 0 : Math.floor(limit / 20));
    }
    if (waiting.length > 0 && !closed) {
      const wakeAt = Math.max(pausedUntil, left > 0 ? 0 : resetAt);
      timer = setTimeout(drain, Math.min(Math.max(wakeAt - now(), 5), LONGEST_WAIT_MS));
    }
  }

  return {
    acquire(urgent = false) {
      return new Promise((resolve, reject) => {
        if (closed && !urgent) return reject(closedError());
        waiting.push({ urgent, resolve, reject });
        drain();
      });
    },
    observe(headers) {
      const [max, remaining, reset] = ['Limit', 'Remaining', 'Reset'].map((name) => {
        const text = headers.get(`X-RateLimit-${name}`);
        return text === null ? NaN : Number(text);
      }) as [number, number, number];
      if (!Number.isFinite(max) || !Number.isFinite(remaining) || max <= 0) return;
      limit = max;
      // What is under way has been taken from our count, but not yet from the broker's; this answer itself has.
      left = remaining - Math.max(0, underWay - 1);
      resetAt = Number.isFinite(reset) ? Math.min(reset * 1000, now() + LONGEST_WAIT_MS) : now() + 60_000;
      drain();
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + Math.min(Math.max(ms, 50), LONGEST_WAIT_MS));
      drain();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      for (const { reject } of waiting.splice(0)) reject(closedError());
    },
  };
}

function closedError(): Error {
  return Object.assign(new Error('the service is stopping'), { code: 'BUDGET_CLOSED' });
}
