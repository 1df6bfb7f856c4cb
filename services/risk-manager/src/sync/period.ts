/** Days in New York as `YYYY-MM-DD`: today, the Monday of its week, and the first of its month. */
export interface Period {
  day: string;
  week: string;
  month: string;
}

const DAY_MS = 86_400_000;

export function periodOf(day: string): Period {
  const at = Date.parse(`${day}T00:00:00Z`);
  const sinceMonday = (new Date(at).getUTCDay() + 6) % 7;
  return {
    day,
    week: new Date(at - sinceMonday * DAY_MS).toISOString().slice(0, 10),
    month: `${day.slice(0, 8)}01`,
  };
}
