import { HttpError, type TradingState } from '@papergate/service-kit';
import { whyOf, type Upstream } from '../upstream/upstream.ts';

export interface KnownState {
  /** What counts: `HALTED` while nobody can say. */
  state: TradingState;
  /** Whether risk-manager itself said so, lately. */
  known: boolean;
  reason: string;
  since: string | null;
  /** When risk-manager last answered, RFC 3339; null before the first time. */
  as_of: string | null;
}

export interface StateWatch {
  refresh(): Promise<KnownState>;
  current(): KnownState;
  /** Passes while the state is known; asks once more where it is not; then 503. */
  requireKnown(): Promise<void>;
}

const STATES: readonly unknown[] = ['ACTIVE', 'REDUCING', 'HALTED'];

export interface StateWatchOptions {
  risk: Pick<Upstream, 'call'>;
  /** An answer older than this is none. */
  maxAgeMs?: number;
  timeoutMs?: number;
  now?: () => number;
}

/**
 * What risk-manager, the one authority, says of the trading state. It is only used to *refuse*: a state that
 * cannot be learned counts as HALTED. Whether a given order may go is asked per order by the order writer.
 */
export function watchTradingState(options: StateWatchOptions): StateWatch {
  const { risk, maxAgeMs = 5_000, timeoutMs = 1_000, now = Date.now } = options;
  let last: { state: TradingState; reason: string; since: string | null; at: number } | undefined;
  let failure = 'risk-manager has not been asked yet';
  let asking: Promise<KnownState> | undefined;

  function current(): KnownState {
    const asOf = last === undefined ? null : new Date(last.at).toISOString();
    if (last === undefined || now() - last.at > maxAgeMs) {
      return { state: 'HALTED', known: false, reason: failure, since: null, as_of: asOf };
    }
    return { state: last.state, known: true, reason: last.reason, since: last.since, as_of: asOf };
  }

  async function ask(): Promise<KnownState> {
    try {
      const { status, json } = await risk.call({ method: 'GET', path: '/api/v1/circuit-breaker/status', timeoutMs });
      const { state, reason, since } = (json ?? {}) as { state?: unknown; reason?: unknown; since?: unknown };
      if (status !== 200 || !STATES.includes(state)) {
        failure = `risk-manager answered ${status} without a trading state`;
      } else {
        last = {
          state: state as TradingState,
          reason: typeof reason === 'string' ? reason : '',
          since: typeof since === 'string' ? since : null,
          at: now(),
        };
      }
    } catch (error) {
      failure = whyOf(error);
    }
    return current();
  }

  const refresh = (): Promise<KnownState> => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    refresh,
    current,
    async requireKnown() {
      if (current().known) return;
      const found = await refresh();
      if (found.known) return;
      throw new HttpError(
        503,
        'TRADING_HALTED',
        `the trading state cannot be learned, so it counts as HALTED: ${found.reason}`,
        {
          fix: 'bring risk-manager back; GET /api/v1/orchestration/status tells its state',
          headers: { 'retry-after': '1' },
        },
      );
    },
  };
}
