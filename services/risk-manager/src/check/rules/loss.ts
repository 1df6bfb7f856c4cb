import type { Exposure } from '../../exposure/exposure.ts';
import type { CompiledLimits } from '../../limits/compile.ts';
import { percentText, reachesPercent, usd, type Attos } from '../../units.ts';
import type { Refusal } from '../order.ts';
import type { Rule } from './types.ts';

type LossLimits = CompiledLimits['loss'];

/** A limit of losses: the breaker trips on it, and what does not shrink a position is refused. Reached is too much. */
export interface LossLimit {
  name: string;
  hit(exposure: Exposure, limits: LossLimits, open: Attos): Refusal | undefined;
}

export const LOSS_LIMITS: readonly LossLimit[] = [
  {
    name: 'daily-loss',
    hit({ realizedToday, equity }, limits, open) {
      const lost = -(realizedToday + open);
      if (lost >= limits.daily) return tooMuch('RISK_DAILY_LOSS', 'today’s loss', lost, limits.daily);
      if (equity === undefined || lost <= 0n || !reachesPercent(lost, equity.opening, limits.dailyPercent)) {
        return undefined;
      }
      const message = `today’s loss is ${usd(lost)}, allowed: less than ${percentText(limits.dailyPercent)} % of ${usd(equity.opening)}`;
      return { code: 'RISK_DAILY_LOSS', message };
    },
  },
  {
    name: 'weekly-loss',
    hit({ realizedWeek }, limits, open) {
      const lost = -(realizedWeek + open);
      return lost >= limits.weekly
        ? tooMuch('RISK_WEEKLY_LOSS', 'the loss since Monday', lost, limits.weekly)
        : undefined;
    },
  },
  {
    name: 'monthly-loss',
    hit({ realizedMonth }, limits, open) {
      const lost = -(realizedMonth + open);
      return lost >= limits.monthly
        ? tooMuch('RISK_MONTHLY_LOSS', 'the loss of this month', lost, limits.monthly)
        : undefined;
    },
  },
  {
    name: 'drawdown',
    hit({ equity }, limits) {
      if (equity === undefined) return undefined;
      const down = equity.peak - equity.current;
      if (down <= 0n || !reachesPercent(down, equity.peak, limits.drawdownPercent)) return undefined;
      const message = `the account is ${usd(down)} below its peak of ${usd(equity.peak)}, allowed: less than ${percentText(limits.drawdownPercent)} %`;
      return { code: 'RISK_DRAWDOWN', message };
    },
  },
  {
    name: 'consecutive-losses',
    hit({ lossStreak }, limits) {
      if (lossStreak < limits.consecutive) return undefined;
      const message = `${lossStreak} positions in a row were closed at a loss, allowed: fewer than ${limits.consecutive}`;
      return { code: 'RISK_CONSECUTIVE_LOSSES', message };
    },
  },
];

function tooMuch(code: string, what: string, lost: Attos, limit: Attos): Refusal {
  return { code, message: `${what} is ${usd(lost)}, allowed: less than ${usd(limit)}` };
}

export const LOSS_RULES: readonly Rule[] = LOSS_LIMITS.map(({ name, hit }) => ({
  name,
  refuse: ({ shrinks, exposure, limits }) => (shrinks ? undefined : hit(exposure, limits.loss, exposure.totals().pnl)),
}));

/** The first limit of losses that is hit. */
export function lossCause(exposure: Exposure, limits: LossLimits): Refusal | undefined {
  const open = exposure.totals().pnl;
  for (const limit of LOSS_LIMITS) {
    const refusal = limit.hit(exposure, limits, open);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
