/** Numbers, durations and sizes as a reader wants them. */

/** Three significant digits, at most three decimals: 0.63, 12.4, 1 204. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return short.replaceAll(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
}

export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function size(bytes: number): string {
  return `${figure(bytes / 1024 ** 3)} GiB`;
}

/** `2026-01-15 12:00:00 UTC`, or the text itself where it is no time. */
export function time(text: string): string {
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC` : text;
}
