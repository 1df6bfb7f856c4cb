const FORMAT = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/New_York',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});
const QUARTER_MS = 15 * 60_000;
let cached: { block: number; day: string } | undefined;

/** The date in New York, `YYYY-MM-DD`: the trading day that a fill counts to. Offsets change on quarters of an hour only. */
export function tradingDay(ms: number): string {
  const block = Math.floor(ms / QUARTER_MS);
  if (cached?.block !== block) cached = { block, day: FORMAT.format(ms) };
  return cached.day;
}
