import { messageOf } from '@papergate/config';
import type { ServiceClient, TradingState } from '@papergate/service-kit';
import type { KnownTradingState } from '../system/routes.ts';

const STATES: readonly unknown[] = ['ACTIVE', 'REDUCING', 'HALTED'];

/** The trading state as risk-manager said it last; what cannot be learned counts as HALTED. */
export function createStateCollector(risk: ServiceClient): { poll(): Promise<void>; current(): KnownTradingState } {
  let last: KnownTradingState = {
    state: 'HALTED',
    known: false,
    reason: 'risk-manager has not been asked yet',
    since: null,
  };
  return {
    current: () => last,
    async poll() {
      try {
        const { status, body } = await risk.get('/api/v1/circuit-breaker/status', { timeoutMs: 2_000 });
        const { state, reason, since } = (typeof body === 'object' && body !== null ? body : {}) as Record<
          string,
          unknown
        >;
        last =
          status === 200 && STATES.includes(state)
            ? {
                state: state as TradingState,
                known: true,
                reason: typeof reason === 'string' ? reason : '',
                since: typeof since === 'string' ? since : null,
              }
            : {
                state: 'HALTED',
                known: false,
                reason: `risk-manager answered ${status} without a trading state`,
                since: null,
              };
      } catch (error) {
        last = { state: 'HALTED', known: false, reason: messageOf(error), since: null };
      }
    },
  };
}
