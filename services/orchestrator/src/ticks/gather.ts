import { HttpError, type PostedTick } from '@papergate/service-kit';
import { UpstreamError, type Upstream, type UpstreamAnswer } from '../upstream/upstream.ts';

interface Waiting {
  ticks: PostedTick[];
  resolve: (accepted: number) => void;
  reject: (error: unknown) => void;
}

export interface TickGatherer {
  /** Resolves to the number of accepted ticks once market-data has them. */
  post(ticks: PostedTick[]): Promise<number>;
  /** Ticks that wait or are under way. */
  readonly held: number;
  /** Sends what waits and resolves when all of it is answered. */
  drain(): Promise<void>;
}

export interface TickGathererOptions {
  marketData: Pick<Upstream, 'call'>;
  /** How long a lone tick waits for company, ms. */
  windowMs?: number;
  /** Ticks in one call to market-data; what it takes is 10 000. */
  maxBatch?: number;
  /** Ticks that may wait; more are refused with 429. */
  maxHeld?: number;
  timeoutMs?: number;
}

/**
 * Many small posts become few calls: whatever arrives while a call is under way goes with the next. One call at
 * a time keeps the order of arrival. A post is answered only after market-data has accepted its ticks.
 */
export function createTickGatherer(options: TickGathererOptions): TickGatherer {
  const { marketData, windowMs = 2, maxBatch = 5_000, maxHeld = 100_000, timeoutMs = 5_000 } = options;
  let queue: Waiting[] = [];
  let held = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;

  function takeBatch(): Waiting[] {
    let count = 0;
    let end = 0;
    while (end < queue.length && (end === 0 || count + queue[end]!.ticks.length <= maxBatch)) {
      count += queue[end]!.ticks.length;
      end += 1;
    }
    const batch = queue.slice(0, end);
    queue = queue.slice(end);
    return batch;
  }

  async function sendAll(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    while (queue.length > 0) await sendBatch(takeBatch());
    sending = undefined;
  }

  async function sendBatch(batch: Waiting[]): Promise<void> {
    const ticks = batch.length === 1 ? batch[0]!.ticks : batch.flatMap((entry) => entry.ticks);
    try {
      const answer = await call(ticks);
      if (answer.status === 400 && batch.length > 1) {
        // Refused as a whole, so nothing was taken: each client gets the verdict on its own ticks.
        for (const entry of batch) await sendBatch([entry]);
        return;
      }
      settle(batch, ticks.length, answer);
    } catch (error) {
      for (const entry of batch) finish(entry, () => entry.reject(error));
    }
  }

  function settle(batch: Waiting[], total: number, answer: UpstreamAnswer): void {
    const { accepted } = (answer.json ?? {}) as { accepted?: unknown };
    if (answer.status === 200 && batch.length === 1 && typeof accepted === 'number') {
      const [entry] = batch as [Waiting];
      finish(entry, () => entry.resolve(accepted));
    } else if (answer.status === 200 && accepted === total) {
      for (const entry of batch) finish(entry, () => entry.resolve(entry.ticks.length));
    } else {
      const error = refusal(answer);
      for (const entry of batch) finish(entry, () => entry.reject(error));
    }
  }

  function finish(entry: Waiting, tell: () => void): void {
    held -= entry.ticks.length;
    tell();
  }

  async function call(ticks: PostedTick[]): Promise<UpstreamAnswer> {
    try {
      return await marketData.call({ method: 'POST', path: '/api/v1/ticks', body: JSON.stringify(ticks), timeoutMs });
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const fate = error.sent ? 'it is not known whether the ticks were taken' : 'the ticks were not taken';
      throw new HttpError(503, error.sent ? 'OUTCOME_UNKNOWN' : 'SERVICE_UNREACHABLE', `${fate}: ${error.message}`, {
        fix: 'GET /api/v1/orchestration/status tells the state of market-data',
        headers: { 'retry-after': '1' },
        cause: error,
      });
    }
  }

  return {
    get held() {
      return held;
    },
    post(ticks) {
      if (held + ticks.length > maxHeld) {
        return Promise.reject(
          new HttpError(429, 'TOO_MANY_TICKS', `${held} ticks wait for market-data already, at most ${maxHeld} may`, {
            fix: 'send slower, or several ticks in one array',
            headers: { 'retry-after': '1' },
          }),
        );
      }
      held += ticks.length;
      return new Promise((resolve, reject) => {
        queue.push({ ticks, resolve, reject });
        if (sending !== undefined) return;
        timer ??= setTimeout(() => {
          sending ??= sendAll();
        }, windowMs);
      });
    },
    async drain() {
      if (queue.length > 0) sending ??= sendAll();
      await sending;
    },
  };
}

/** market-data's own refusal where it gave one, with its status; else 502. */
function refusal(answer: UpstreamAnswer): HttpError {
  const { code, message, fix } = (answer.json ?? {}) as { code?: unknown; message?: unknown; fix?: unknown };
  const headers = answer.retryAfter === undefined ? {} : { 'retry-after': answer.retryAfter };
  if (answer.status >= 400 && typeof code === 'string' && typeof message === 'string') {
    return new HttpError(answer.status, code, message, { headers, ...(typeof fix === 'string' ? { fix } : {}) });
  }
  return new HttpError(
    502,
    'BAD_ANSWER',
    `market-data answered ${answer.status} without saying how many ticks it took`,
    {
      headers,
    },
  );
}
