let last = { ms: Number.NaN, text: '' };

/**
 * ms since 1970 as RFC 3339 in UTC, for SQL and JSON. Orders come by the dozen in a millisecond and each is written down
 * several times; the last text is kept, as making one takes as long as the rest of a row.
 *
 * @throws RangeError where it is no time
 */
export function timeText(ms: number): string {
  if (ms !== last.ms) last = { ms, text: new Date(ms).toISOString() };
  return last.text;
}
