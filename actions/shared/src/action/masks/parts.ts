/** What a log cannot do without, and what tells nothing: never masked, whoever calls it a secret. */
const PLAIN = new Set(['true', 'false', 'null', 'none', 'undefined']);

/** Words that stand everywhere. Who has one for a secret has none; masking it would blot out every log. */
const COMMON = new Set(
  (
    'papergate postgres postgresql root admin user username password token bearer basic github oauth2 x-access-token ' +
    'http https localhost main master latest default development staging production paper live string number alpaca ' +
    'test data type secret secrets placeholder changeme example dummy viewer trader operator'
  ).split(' '),
);
const SHORTEST = 4;
/** Below this a value of a file is a word, unless its name says otherwise. */
const WORD_LENGTH = 8;
const MAX_DEPTH = 5;
const MAX_PARTS = 2000;

/**
 * Everything that would give a secret away: the text itself, each of its lines, every text in it where it is JSON, what
 * it says in base64, user and password of an address, and the spellings in which it may come back (escaped in JSON,
 * encoded for an address, in base64). Nothing shorter than 4 characters, no plain word. Longest first, so that a
 * replacement of one cannot hide another from being found.
 */
export function secretParts(secret: string): string[] {
  const parts = new Set<string>();
  for (const text of [secret, secret.trim()]) if (isMaskable(text)) parts.add(text);
  collect(secret, parts, 0);
  const spelt = Array.from(parts).flatMap(spellings).filter(isMaskable);
  return [...new Set([...parts, ...spelt])].toSorted((a, b) => b.length - a.length);
}

function isMaskable(text: string): boolean {
  const bare = text.trim().toLowerCase();
  return bare.length >= SHORTEST && !PLAIN.has(bare) && !COMMON.has(bare);
}

function collect(text: string, parts: Set<string>, depth: number): void {
  if (depth > MAX_DEPTH || parts.size > MAX_PARTS) return;
  const inner = [...linesOf(text), ...valuesOf(text), ...decoded(text), ...userInfo(text), ...assigned(text)];
  for (const part of inner) {
    if (part === text || !isMaskable(part) || parts.has(part)) continue;
    parts.add(part);
    collect(part, parts, depth + 1);
  }
}

function linesOf(text: string): string[] {
  return /[\r\n]/.test(text) ? text.split(/\r\n|\r|\n/).map((line) => line.trim()) : [text.trim()];
}

/** Texts and long numbers of JSON; names of members are no secrets. */
function valuesOf(text: string): string[] {
  if (!/^\s*[[{"]/.test(text)) return [];
  try {
    return leaves(JSON.parse(text));
  } catch {
    return [];
  }
}

function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return String(value).length >= 6 ? [String(value)] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

/** What base64 says, where that is text. */
function decoded(text: string): string[] {
  const bare = text.replace(/\s+/g, '');
  if (bare.length < 8 || !/^(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}$/.test(bare)) return [];
  const bytes = Buffer.from(bare, bare.includes('-') || bare.includes('_') ? 'base64url' : 'base64');
  const said = bytes.toString('utf8');
  // oxlint-disable-next-line no-control-regex -- that is what tells text from bytes
  return /[\u0000-\u0008\u000e-\u001f\u007f\ufffd]/.test(said) ? [] : [said];
}

/** User and password of every address in the text, as written and as meant. */
function userInfo(text: string): string[] {
  return [...text.matchAll(/\b[a-z][a-z0-9+.-]{0,40}:\/\/([^\s:/@]*)(?::([^\s/@]*))?@/gi)].flatMap(
    ([, user = '', password = '']) => [user, password].flatMap((part) => [part, unescaped(part)]),
  );
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * `NAME=value` and `name: value` lines of a secret that is a whole file: the value, bare. A short one under a name that
 * sounds like no secret (`kind: Config`) is a word.
 */
function assigned(text: string): string[] {
  const [, name = '', value = ''] = /^([A-Za-z_][\w.-]*)\s*[=:]\s*(\S.*)$/.exec(text.trim()) ?? [];
  if (value === '' || value.startsWith('//')) return [];
  const bare = value.replace(/^(["'])(.*)\1$/, '$2');
  return bare.length >= WORD_LENGTH || /pass|secret|token|key|credential|auth/i.test(name) ? [value, bare] : [];
}

function spellings(text: string): string[] {
  return [JSON.stringify(text).slice(1, -1), encoded(text), Buffer.from(text).toString('base64')];
}

function encoded(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return text;
  }
}
