import { messageOf } from '@papergate/config';
import type { RiskRequest, RiskState, RiskVerdict, RiskVerdicts } from '@papergate/service-kit';
import type { BreakerRules } from '../breaker/rules.ts';
import type { Recorder } from '../events/recorder.ts';
import type { Exposure } from '../exposure/exposure.ts';
import type { Instruments } from '../instruments.ts';
import type { CompiledLimits } from '../limits/compile.ts';
import type { OrderScope } from '../scope/scope.ts';
import type { Symbols } from '../scope/store.ts';
import { attosText } from '../units.ts';
import { evaluate, readRiskOrder, type CheckedOrder, type Verdict } from './evaluate.ts';
import type { Traffic } from './traffic.ts';

export interface HandlerOptions {
  exposure: Exposure;
  limits: CompiledLimits;
  traffic: Traffic;
  scope: Pick<OrderScope, 'refusal'>;
  /** What may be traded, for the sender, which has orders that were checked before it changed; null: nobody knows. */
  symbols?: () => Symbols | null;
  rules: Pick<BreakerRules, 'rejected'>;
  recorder: Pick<Recorder, 'record'>;
  instruments: Pick<Instruments, 'checks' | 'refusals' | 'checkSeconds'>;
  since: () => string;
  now: () => number;
}

/** Refusals that say nothing about the sender: counting them would let a halt feed itself. */
const NO_REJECT = new Set(['RISK_HALTED', 'RISK_REDUCING_ONLY', 'OUTSIDE_ROLLOUT']);

/** Orders in one `checks` at most. They are judged in one turn of the event loop, so this bounds how long others wait. */
const CHECKS_AT_ONCE = 256;

export type StateAnswer = RiskState & { equity: string | null };

/**
 * Answers what comes over the bus. Check and reservation happen in one turn of the event loop, so that orders
 * that come at the same moment cannot pass a limit together.
 */
export function createHandler(
  options: HandlerOptions,
): (request: unknown) => RiskVerdict | RiskVerdicts | StateAnswer | { ok: true } {
  const { exposure } = options;
  return (request) => {
    const body = request as Partial<RiskRequest> | null;
    switch (body?.type) {
      case 'check':
        return check(options, (body as Extract<RiskRequest, { type: 'check' }>).order);
      case 'checks':
        return checkAll(options, (body as Extract<RiskRequest, { type: 'checks' }>).orders);
      case 'release':
        withdraw(options, (body as Extract<RiskRequest, { type: 'release' }>).client_order_id);
        return { ok: true };
      case 'state':
        return {
          state: exposure.state ?? 'HALTED',
          ...(options.symbols === undefined ? {} : { symbols: options.symbols() }),
          reason: exposure.stateReason,
          since: options.since(),
          // Without both, orders that open a position are refused: what waits for the one should wait for the other.
          equity:
            exposure.equity === undefined || exposure.funds.standing === undefined
              ? null
              : attosText(exposure.equity.current),
          checks: CHECKS_AT_ONCE,
        };
      default:
        throw new Error(`type is ${JSON.stringify(body?.type)}, allowed: "check", "checks", "release", "state"`);
    }
  };
}

/** The order never became one. */
function withdraw({ exposure, traffic }: HandlerOptions, clientOrderId: string): void {
  exposure.release(clientOrderId);
  exposure.funds.drop(clientOrderId);
  traffic.forget(clientOrderId);
}

/** One after the other, each seeing what those before it have reserved; one that cannot be read is answered by itself. */
function checkAll(options: HandlerOptions, orders: unknown): RiskVerdicts {
  if (!Array.isArray(orders) || orders.length > CHECKS_AT_ONCE)
    throw new Error(`orders is no list of at most ${CHECKS_AT_ONCE}`);
  return {
    verdicts: (orders as Parameters<typeof readRiskOrder>[0][]).map((order) => {
      try {
        return check(options, order);
      } catch (error) {
        return { error: messageOf(error) };
      }
    }),
  };
}

function check(options: HandlerOptions, request: Parameters<typeof readRiskOrder>[0]): RiskVerdict {
  const { exposure, instruments, limits, now, scope, traffic } = options;
  const startedAt = performance.now();
  const state = exposure.state ?? 'HALTED';
  const at = now();
  let order: CheckedOrder;
  try {
    order = readRiskOrder(request);
  } catch (error) {
    throw new Error(`the order cannot be read: ${messageOf(error)}`, { cause: error });
  }
  // The same order asked for again: the answer to the first question was lost.
  withdraw(options, order.clientOrderId);
  const judged = evaluate(order, exposure, limits, traffic, at);
  const outside = judged.allowed ? scope.refusal(order, exposure, at) : undefined;
  const verdict: Verdict = outside === undefined ? judged : { allowed: false, ...outside };
  instruments.checks.inc({ verdict: verdict.allowed ? 'allowed' : 'refused' });
  instruments.checkSeconds.observe((performance.now() - startedAt) / 1000);
  if (!verdict.allowed) return refuse(options, order, verdict, state, at);
  traffic.add(order, at);
  const { clientOrderId, symbol, side, quantity, price: limit } = order;
  exposure.funds.claim(clientOrderId, verdict.cost);
  exposure.reserve({ clientOrderId, symbol, side, quantity, remaining: quantity, limit, at }, verdict.price);
  return { allowed: true, state };
}

function refuse(
  { instruments, recorder, rules }: HandlerOptions,
  order: CheckedOrder,
  { code, message }: Extract<Verdict, { allowed: false }>,
  state: RiskVerdict['state'],
  at: number,
): RiskVerdict {
  instruments.refusals.inc({ code });
  if (!NO_REJECT.has(code)) rules.rejected(at);
  recorder.record({
    kind: 'refusal',
    code,
    symbol: order.symbol,
    clientOrderId: order.clientOrderId,
    message,
    detail: { side: order.side, type: order.type },
  });
  return { allowed: false, state, code, message };
}
