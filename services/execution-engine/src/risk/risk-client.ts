import { messageOf } from '@papergate/config';
import type { Requester, RiskOrder, RiskState, RiskVerdict, TradingState } from '@papergate/service-kit';

const STATES: readonly unknown[] = ['ACTIVE', 'REDUCING', 'HALTED'];

export interface KnownTradingState {
  state: TradingState;
  /** risk-manager itself said so, lately; a state that cannot be learned counts as HALTED. */
  known: boolean;
  reason: string;
  /** risk-manager knows the account's equity, without which percent limits refuse everything. */
  equityKnown: boolean;
}

export interface RiskClient {
  check(order: RiskOrder): Promise<RiskVerdict>;
  /** Gives a reservation back; a lost message is mended by risk-manager's own comparison with the database. */
  release(clientOrderId: string): void;
  current(): KnownTradingState;
  /** risk-manager tells of a change by itself. What it is asked later outweighs it. */
  tell(state: TradingState, reason: string): void;
  /** Asks for the state until closed. */
  start(): void;
  close(): Promise<void>;
}

export interface RiskClientOptions {
  requester: Requester;
  intervalMs: number;
  /** An answer older than this is none. */
  maxAgeMs: number;
  onState?: (state: KnownTradingState) => void;
  now: () => number;
}

/** risk-manager as the engine sees it: verdicts on orders, and the trading state. */
export function createRiskClient(options: RiskClientOptions): RiskClient {
  const { requester, now } = options;
  let last: { state: TradingState; reason: string; equityKnown: boolean; at: number } | undefined;
  let failure = 'risk-manager has not answered yet';
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  /** An answer to a question that was asked before a change was told of may be of before the change. */
  let told = 0;

  function current(): KnownTradingState {
    if (last === undefined || now() - last.at > options.maxAgeMs) {
      return { state: 'HALTED', known: false, reason: failure, equityKnown: false };
    }
    return { state: last.state, known: true, reason: last.reason, equityKnown: last.equityKnown };
  }

  async function ask(): Promise<void> {
    const before = told;
    try {
      const answer = (await requester.request({ type: 'state' })) as Partial<RiskState> & {
        equity?: string | null;
        error?: string;
      };
      if (told !== before) return again();
      if (!STATES.includes(answer.state)) failure = answer.error ?? 'risk-manager answered without a trading state';
      else {
        last = {
          state: answer.state as TradingState,
          reason: answer.reason ?? '',
          equityKnown: typeof answer.equity === 'string',
          at: now(),
        };
      }
    } catch (error) {
      failure = messageOf(error);
      last = undefined;
    }
    options.onState?.(current());
    again();
  }

  function again(): void {
    if (!closed) timer = setTimeout(() => void ask(), options.intervalMs);
  }

  return {
    async check(order) {
      const before = told;
      const answer = (await requester.request({ type: 'check', order })) as RiskVerdict | { error: string };
      if ('error' in answer) throw new Error(answer.error);
      if (last !== undefined && told === before && STATES.includes(answer.state)) last.state = answer.state;
      return answer;
    },
    release(clientOrderId) {
      requester.request({ type: 'release', client_order_id: clientOrderId }).catch(() => undefined);
    },
    current,
    tell(state, reason) {
      told += 1;
      last = { state, reason, equityKnown: last?.equityKnown ?? false, at: now() };
      options.onState?.(current());
    },
    start: () => void ask(),
    async close() {
      closed = true;
      clearTimeout(timer);
      await requester.close();
    },
  };
}
