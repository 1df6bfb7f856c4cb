export const PERIODS = ['today', 'week', 'month', 'all'] as const;
export type Period = (typeof PERIODS)[number];

const NEW_YORK_DAY = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/New_York',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});

/** The trading day of a moment: its date in New York, YYYY-MM-DD. */
export function newYorkDay(ms: number): string {
  return NEW_YORK_DAY.format(ms);
}

/** The first day of a period that ends today: `week` begins on Monday, `month` on the first; null is the beginning of time. */
export function firstDay(period: Period, nowMs: number): string | null {
  const today = newYorkDay(nowMs);
  if (period === 'all') return null;
  if (period === 'today') return today;
  if (period === 'month') return `${today.slice(0, 8)}01`;
  const date = new Date(`${today}T00:00:00Z`);
  const sinceMonday = (date.getUTCDay() + 6) % 7;
  return new Date(date.getTime() - sinceMonday * 86_400_000).toISOString().slice(0, 10);
}
