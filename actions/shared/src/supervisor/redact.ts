/**
 * What looks like a secret whatever its name: Alpaca keys, passwords in URLs, bearer tokens, long key-like values.
 * Every repetition has an end: without one, a line of a megabyte takes minutes.
 */
const PATTERNS: [RegExp, string][] = [
  [/\b(PK|AK|CK)[A-Z0-9]{18,24}\b/g, '[redacted]'],
  [/\b(\w{1,40}:\/\/[^\s:/@]{0,1000}:)[^\s@/]+@/g, '$1[redacted]@'],
  [/\b(bearer[ .])[\w.~+/=-]{8,}/gi, '$1[redacted]'],
  [/("?(?:secret|password|token|api_?key|secret_?key)\w{0,40}"?\s{0,20}[=:]\s*"?)[^\s",}]{8,}/gi, '$1[redacted]'],
];

/** Text for people's eyes with the given secrets, and what looks like one, taken out. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, '[redacted]');
  for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
  return clean;
}
