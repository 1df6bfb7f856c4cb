/**
 * What an Alpaca key looks like: a two-letter kind, then 18 (older keys) or 24 (since 2025) of A–Z and 0–9.
 * `AK` is live, `PK` paper, `CK` the broker API. Source: the keys that the dashboards of each product issue.
 */
export type KeyKind = 'live' | 'broker' | 'paper';

export const KEY_KIND: Readonly<Record<string, KeyKind>> = { AK: 'live', CK: 'broker', PK: 'paper' };
export const KEY_LENGTHS = [20, 26] as const;
const KEY = /^(?:AK|CK|PK)(?:[A-Z0-9]{18}|[A-Z0-9]{24})$/;

export function kindOfKey(value: string): KeyKind | undefined {
  return KEY.test(value) ? KEY_KIND[value.slice(0, 2)] : undefined;
}

/** AWS access key ids have a live key's very shape: `AKIA` and 16 of base32. */
export function looksLikeAws(key: string): boolean {
  return /^AKIA[A-Z2-7]{16}$/.test(key);
}

/** Alpaca issues 40 or 44 characters today; a little room is left for tomorrow. */
export function isSecretShaped(value: string): boolean {
  return /^[A-Za-z0-9/+]{40,60}$/.test(value);
}

const PLACEHOLDER_WORDS =
  /^(?:x+|\*+|\.+|-+|_+|0+|todo|tbd|tba|fixme|none|null|nil|undefined|nan|n\/a|na|empty|unset|missing|string|value|key|secret|password|api[-_ ]?key|secret[-_ ]?key|test|dummy|fake|sample|demo|example|placeholder|redacted|hidden|true|false)$/i;
const PLACEHOLDER_PARTS =
  /your|change[-_ ]?me|change[-_ ]?this|replace|insert|placeholder|example|put[-_ ]|enter[-_ ]|goes[-_ ]?here|redacted|to[-_ ]?do|fill[-_ ]?(?:me|in)/i;
const UNEXPANDED = /\$\{|\$\(|\{\{|\}\}|<[^>]*>|^\$[A-Za-z_]|^%[A-Za-z_]\w*%$|^\[[^\]]*\]$|\*{3}|\.{3}|…/;
const PLAIN_SEQUENCES = [
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  '12345678901234567890123456',
];

/**
 * Whether a value only stands where a key or secret will be. Words are looked for in values that do not have
 * the shape of the real thing; where the shape is right, only what chance cannot make counts (three different
 * characters or fewer, the alphabet in order, EXAMPLE or PLACEHOLDER or CHANGEME spelt out).
 */
export function isPlaceholder(value: string): boolean {
  if (value.length > 256) return false;
  const body = kindOfKey(value) === undefined ? value : value.slice(2);
  if (kindOfKey(value) !== undefined || isSecretShaped(value)) {
    if (new Set(body).size <= 3) return true;
    if (/EXAMPLE|PLACEHOLDER|CHANGEME|YOURKEY|YOURSECRET|REPLACEME/i.test(body)) return true;
    return PLAIN_SEQUENCES.some((sequence) =>
      body.toUpperCase().startsWith(sequence.slice(0, Math.min(body.length, 18))),
    );
  }
  return (
    PLACEHOLDER_WORDS.test(value) ||
    PLACEHOLDER_PARTS.test(value) ||
    UNEXPANDED.test(value) ||
    /^(?:AK|CK|PK)?(.)\1{2,}$/i.test(value)
  );
}
