import { Type } from 'typebox';
import type { RiskLimits } from '@papergate/config';
import type { ServiceApp } from '@papergate/service-kit';
import { audited, HttpError, ReasonSchema, textOf, type AuditLog } from '@papergate/service-kit';
import type { Announced } from '../breaker/announcer.ts';
import type { Breaker } from '../breaker/breaker.ts';
import { dailyPnl, markOf, unrealized, valuationPrice, worstQuantity, type Exposure } from '../exposure/exposure.ts';
import { heldExposure, sumOthers } from '../exposure/totals.ts';
import { attosText, nanosText } from '../units.ts';

export interface RouteOptions {
  limits: RiskLimits;
  exposure: Exposure;
  breaker: Breaker;
  /** What execution-engine made of the last change of the state. */
  announced: () => Promise<Announced>;
  /** After a reset: counters that led to the trip begin anew. */
  onReset: () => Promise<void>;
  /** Who trips and resets, and why. */
  audit: Pick<AuditLog, 'record' | 'refused'>;
  now: () => number;
}

const TripBody = Type.Object(
  { reason: ReasonSchema, state: Type.Optional(Type.Enum(['REDUCING', 'HALTED'])) },
  { additionalProperties: false },
);
const ResetBody = Type.Object({ reason: ReasonSchema }, { additionalProperties: false });

/** The limits, what is at stake, and the breaker, as docs/architecture.md lists them. */
export function addRoutes(
  app: ServiceApp,
  { announced, audit, breaker, exposure, limits, now, onReset }: RouteOptions,
): void {
  const onTripSent = audited(audit, ({ body }) => ({
    action: 'breaker.trip',
    subject: textOf(body, 'state') ?? 'HALTED',
    reason: textOf(body, 'reason'),
  }));
  const onResetSent = audited(audit, ({ body }) => ({
    action: 'breaker.reset',
    subject: 'ACTIVE',
    reason: textOf(body, 'reason'),
  }));
  app.get('/api/v1/limits', () => limits);
  app.get('/api/v1/exposure', () => exposureView(exposure, limits, now()));
  app.get('/api/v1/circuit-breaker/status', () => breaker.status());
  app.post('/api/v1/circuit-breaker/trip', { schema: { body: TripBody }, onSend: onTripSent }, async ({ body }) => {
    // In force at once; stored and made known to the engine at the same time.
    const tripping = breaker.trip(body.reason, body.state ?? 'HALTED');
    const [status, engine] = await Promise.all([tripping, announced()]);
    if (engine !== 'under_way') return { ...status, engine };
    throw new HttpError(
      503,
      'ORDERS_UNDER_WAY',
      `trading is ${status.state}, but an order is still on its way to the broker`,
      {
        fix: 'nothing more is sent; ask again, or use the emergency stop, which waits until the broker shows no open order',
      },
    );
  });
  app.post('/api/v1/circuit-breaker/reset', { schema: { body: ResetBody }, onSend: onResetSent }, async ({ body }) => {
    const status = await breaker.reset(body.reason);
    await onReset();
    await announced();
    return status;
  });
}

/** Decimal text throughout; `reserved` and `worst_case` count open orders as filled. */
export function exposureView(exposure: Exposure, limits: RiskLimits, now: number): Record<string, unknown> {
  const held = heldExposure(exposure);
  const worst = sumOthers(exposure, undefined);
  const { equity } = exposure;
  const daily = dailyPnl(exposure);
  let reserved = 0n;
  for (const symbol of exposure.symbols.values()) reserved += (symbol.buys + symbol.sells) * valuationPrice(symbol);
  const shown = [...exposure.symbols.values()].filter(
    (symbol) => symbol.quantity !== 0n || worstQuantity(symbol) !== 0n,
  );
  return {
    as_of: new Date(now).toISOString(),
    equity: equity === undefined ? null : attosText(equity.current),
    gross_exposure: attosText(held.gross),
    net_exposure: attosText(held.net),
    open_positions: held.open,
    open_orders: exposure.reservations.size,
    reserved: attosText(reserved),
    worst_case: { gross_exposure: attosText(worst.gross), open_positions: worst.open },
    positions: shown
      .toSorted((a, b) => (a.symbol < b.symbol ? -1 : 1))
      .map((symbol) => {
        const mark = markOf(symbol);
        return {
          symbol: symbol.symbol,
          quantity: nanosText(symbol.quantity),
          avg_entry_price: nanosText(symbol.averagePrice),
          mark: mark === undefined ? null : nanosText(mark),
          market_value: mark === undefined ? null : attosText(symbol.quantity * mark),
          unrealized_pnl: mark === undefined ? null : attosText(unrealized(symbol)),
          reserved_buys: nanosText(symbol.buys),
          reserved_sells: nanosText(symbol.sells),
        };
      }),
    account:
      exposure.funds.standing === undefined
        ? null
        : {
            buying_power: attosText(exposure.funds.standing.buyingPower),
            claimed: attosText(exposure.funds.claimed),
            shorting: exposure.funds.standing.shorting,
            blocked: exposure.funds.standing.blocked,
          },
    weekly: {
      total_pnl: attosText(exposure.realizedWeek + daily.unrealized),
      max_loss: limits.loss_limits.max_weekly_loss,
    },
    monthly: {
      total_pnl: attosText(exposure.realizedMonth + daily.unrealized),
      max_loss: limits.loss_limits.max_monthly_loss,
    },
    trades_today: exposure.tradesToday,
    consecutive_losses: exposure.lossStreak,
    daily: {
      realized_pnl: attosText(daily.realized),
      unrealized_pnl: attosText(daily.unrealized),
      total_pnl: attosText(daily.total),
      opening_equity: equity === undefined ? null : attosText(equity.opening),
      peak_equity: equity === undefined ? null : attosText(equity.peak),
      max_daily_loss: limits.loss_limits.max_daily_loss,
      max_daily_loss_percent: limits.loss_limits.max_daily_loss_percent,
      max_drawdown_percent: limits.loss_limits.max_drawdown_percent,
    },
  };
}
