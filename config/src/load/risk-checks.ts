import { scaled } from '../decimal.ts';
import type { RiskLimits } from '../schema/risk-limits.ts';
import type { ConfigProblem } from './problems.ts';

type Problem = Omit<ConfigProblem, 'code' | 'file'>;
type Blackout = RiskLimits['time_restrictions']['blackout_periods'][number];

/** What no single key can show: limits that contradict each other or that nothing can ever keep. */
export function riskLimitProblems(limits: RiskLimits): Problem[] {
  return [
    ...zeroLimits(limits),
    ...wrongOrder(limits),
    ...withoutEffect(limits),
    ...times(limits),
    ...days(limits),
    ...blackouts(limits),
  ];
}

function zeroLimits({ position_limits: position, loss_limits: loss, order_validation: order }: RiskLimits): Problem[] {
  const limits: [string, string][] = [
    ['position_limits.max_position_quantity', position.max_position_quantity],
    ['position_limits.max_position_value', position.max_position_value],
    ['position_limits.max_gross_exposure', position.max_gross_exposure],
    ['position_limits.max_net_exposure', position.max_net_exposure],
    ['loss_limits.max_daily_loss', loss.max_daily_loss],
    ['loss_limits.max_weekly_loss', loss.max_weekly_loss],
    ['loss_limits.max_monthly_loss', loss.max_monthly_loss],
    ['order_validation.max_order_quantity', order.max_order_quantity],
    ['order_validation.max_order_value', order.max_order_value],
    ['order_validation.max_price', order.max_price],
  ];
  return limits
    .filter(([, value]) => scaled(value) === 0n)
    .map(([key, value]) => ({
      key,
      message: `${key} is "${value}", allowed: more than 0; with 0 no order could ever pass`,
      fix: 'set a limit above 0; to stop trading trip the circuit breaker',
    }));
}

function wrongOrder({ position_limits: position, loss_limits: loss, order_validation: order }: RiskLimits): Problem[] {
  const pairs: [string, string, string, string][] = [
    ['loss_limits.max_daily_loss', loss.max_daily_loss, 'loss_limits.max_weekly_loss', loss.max_weekly_loss],
    ['loss_limits.max_weekly_loss', loss.max_weekly_loss, 'loss_limits.max_monthly_loss', loss.max_monthly_loss],
    [
      'order_validation.max_orders_per_second',
      String(order.max_orders_per_second),
      'order_validation.max_orders_per_minute',
      String(order.max_orders_per_minute),
    ],
    ['order_validation.min_price', order.min_price, 'order_validation.max_price', order.max_price],
    [
      'order_validation.max_order_quantity',
      order.max_order_quantity,
      'position_limits.max_position_quantity',
      position.max_position_quantity,
    ],
    [
      'order_validation.max_order_value',
      order.max_order_value,
      'position_limits.max_position_value',
      position.max_position_value,
    ],
    [
      'position_limits.max_position_value',
      position.max_position_value,
      'position_limits.max_gross_exposure',
      position.max_gross_exposure,
    ],
    [
      'position_limits.max_net_exposure',
      position.max_net_exposure,
      'position_limits.max_gross_exposure',
      position.max_gross_exposure,
    ],
  ];
  return pairs
    .filter(([, low, , high]) => scaled(low) > scaled(high))
    .map(([key, low, bound, high]) => ({
      key,
      message: `${key} is "${low}", allowed: at most ${bound}, which is "${high}"`,
      fix: `lower ${key} or raise ${bound}`,
    }));
}

/** What is switched on and could never act, since what it hangs on is switched off: somebody relies on it. */
function withoutEffect({ circuit_breaker: breaker, stop_loss: stop, time_restrictions: time }: RiskLimits): Problem[] {
  const rows: [dead: boolean, key: string, found: string, needs: string][] = [
    [stop.trailing && !stop.enabled, 'stop_loss.trailing', 'true', 'stop_loss.enabled is true'],
    [breaker.auto_resume && !breaker.enabled, 'circuit_breaker.auto_resume', 'true', 'circuit_breaker.enabled is true'],
    [
      breaker.auto_resume && breaker.cooldown_seconds === 0,
      'circuit_breaker.auto_resume',
      'true',
      'circuit_breaker.cooldown_seconds is more than 0, or it would trip and resume without a pause',
    ],
    [
      !time.regular_hours_only && time.no_new_positions_before_close_minutes > 0,
      'time_restrictions.no_new_positions_before_close_minutes',
      String(time.no_new_positions_before_close_minutes),
      'time_restrictions.regular_hours_only is true',
    ],
  ];
  return rows
    .filter(([dead]) => dead)
    .map(([, key, found, needs]) => ({
      key,
      message: `${key} is ${found}, allowed: only where ${needs}`,
      fix: `change one of the two: as it stands ${key} has no effect that anybody could want`,
    }));
}

function days({ time_restrictions: time }: RiskLimits): Problem[] {
  const problems: Problem[] = [];
  const named = [
    ...time.closed_days.map((day, i) => [`time_restrictions.closed_days.${i}`, day] as const),
    ...time.early_closes.map(({ day }, i) => [`time_restrictions.early_closes.${i}.day`, day] as const),
  ];
  for (const [key, day] of named) {
    if (isDay(day)) continue;
    problems.push({ key, message: `${key} is "${day}", allowed: a day that exists, as YYYY-MM-DD`, fix: 'correct it' });
  }
  for (const [i, { day, close }] of time.early_closes.entries()) {
    if (close > time.open && close < time.close) continue;
    const key = `time_restrictions.early_closes.${i}.close`;
    problems.push({
      key,
      message: `${key} is "${close}" on ${day}, allowed: after open, which is "${time.open}", and before close, which is "${time.close}"`,
      fix: 'correct it; a day without trading belongs to closed_days',
    });
  }
  return problems;
}

/** Date rolls 31 April over to 1 May; a day that does not come back as it went in does not exist. */
function isDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

function times({ time_restrictions: time }: RiskLimits): Problem[] {
  const problems: Problem[] = [];
  if (!isTimeZone(time.time_zone)) {
    problems.push({
      key: 'time_restrictions.time_zone',
      message: `time_restrictions.time_zone is ${JSON.stringify(time.time_zone)}, allowed: a name of the IANA time zone database`,
      fix: 'use a name such as America/New_York',
    });
  }
  if (time.open >= time.close) {
    problems.push({
      key: 'time_restrictions.open',
      message: `time_restrictions.open is "${time.open}", allowed: before close, which is "${time.close}"`,
      fix: 'let the day open before it closes',
    });
  } else if (time.no_new_positions_before_close_minutes >= minutes(time.close) - minutes(time.open)) {
    const key = 'time_restrictions.no_new_positions_before_close_minutes';
    problems.push({
      key,
      message: `${key} is ${time.no_new_positions_before_close_minutes}, allowed: less than the ${minutes(time.close) - minutes(time.open)} minutes from open to close`,
      fix: 'shorten it: no position could ever be opened',
    });
  }
  return problems;
}

function minutes(time: string): number {
  const [hour = '0', minute = '0'] = time.split(':');
  return Number(hour) * 60 + Number(minute);
}

/** Offsets (`+05:00`) are refused with the unknown names: they know no summer time. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function blackouts({ time_restrictions: { blackout_periods: periods } }: RiskLimits): Problem[] {
  return periods.flatMap((period, i) => blackoutProblem(period, `time_restrictions.blackout_periods.${i}`));
}

function blackoutProblem({ name, from, to }: Blackout, key: string): Problem[] {
  const forms = [readTime(from), readTime(to)] as const;
  const what = `${key} ("${name}")`;
  const allowed = 'HH:MM, or a time with date and offset such as 2026-07-03T13:00:00-04:00';
  for (const [i, form] of forms.entries()) {
    if (form !== undefined) continue;
    const end = i === 0 ? 'from' : 'to';
    return [
      {
        key: `${key}.${end}`,
        message: `${what}: ${end} is ${JSON.stringify(i === 0 ? from : to)}, allowed: ${allowed}`,
        fix: 'correct it',
      },
    ];
  }
  const [start, end] = forms;
  if (start === undefined || end === undefined) return [];
  if (start.daily !== end.daily) {
    return [
      {
        key,
        message: `${what}: from "${from}" and to "${to}" are of two kinds, allowed: both HH:MM or both with date`,
        fix: 'write both alike',
      },
    ];
  }
  if (start.at >= end.at) {
    const fix = start.daily ? 'end it later; one over midnight is written as two' : 'end it later';
    return [{ key, message: `${what}: from "${from}" is not before to "${to}"`, fix }];
  }
  return [];
}

/** A time of day in minutes, or a moment in ms since 1970; undefined for anything else. */
function readTime(text: string): { daily: boolean; at: number } | undefined {
  if (/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/.test(text)) return { daily: true, at: minutes(text) };
  const rfc3339 =
    /^(\d{4}-\d{2}-\d{2})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/.exec(text);
  if (rfc3339 === null) return undefined;
  if (!isDay(rfc3339[1] ?? '')) return undefined;
  return { daily: false, at: Date.parse(text) };
}
