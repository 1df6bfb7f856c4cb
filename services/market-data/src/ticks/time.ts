/** µs since 1970 as RFC 3339 UTC text; the sub-millisecond digits only where there are any. */
export function rfc3339(microseconds: number): string {
  const extra = ((microseconds % 1000) + 1000) % 1000;
  const text = new Date((microseconds - extra) / 1000).toISOString();
  return extra === 0 ? text : `${text.slice(0, -1)}${String(extra).padStart(3, '0')}Z`;
}
