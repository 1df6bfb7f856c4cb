import { createHash, randomBytes } from 'node:crypto';
import { UserError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { ROLES, type Role } from './roles.ts';

/** One entry of `ACCESS_TOKENS`: who holds a token, and what it opens. The token itself is nowhere but with its holder. */
export interface AccessToken {
  /** Who it is in the audit: `alice-laptop`. */
  name: string;
  role: Role;
  /** SHA-256 of the token, 64 lower-case hexadecimal digits. */
  sha256: string;
  /** RFC 3339; from then on it opens nothing. */
  expires_at?: string;
  /** Requests a second that a service takes with it; {@link DEFAULT_REQUESTS_PER_SECOND} where it says nothing. */
  requests_per_second?: number;
}

export const DEFAULT_REQUESTS_PER_SECOND = 100;
export const MAX_ACCESS_TOKENS = 500;
const MAX_REQUESTS_PER_SECOND = 100_000;
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const HASH = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;
/** Names that the audit uses for what is no person's token. */
const RESERVED = ['bundle', 'anonymous'];
const KEYS = ['name', 'role', 'sha256', 'expires_at', 'requests_per_second'];
const WHAT = '{"name", "role", "sha256", "expires_at"?, "requests_per_second"?}';
const MAKE = 'make one with "npx papergate token --name NAME --role ROLE"';
/** So that a scanner, a log or a person can tell one from any other text. */
const PREFIX = 'pgt_';

/**
 * SHA-256, hexadecimal. A single round is enough for a token: it is 256 random bits, so there is no dictionary to try
 * and nothing that a salt or a slow hash could make harder; passwords, which people choose, would need both.
 */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** A new token: `pgt_` and 256 random bits, and the entry that lets it in. */
export function makeAccessToken(
  options: Pick<AccessToken, 'name' | 'role'> & Partial<Pick<AccessToken, 'expires_at' | 'requests_per_second'>>,
  random: (bytes: number) => Buffer = randomBytes,
): { token: Secret; entry: AccessToken } {
  const token = `${PREFIX}${random(32).toString('base64url')}`;
  const { name, role, ...rest } = options;
  const entry = { name, role, sha256: hashToken(token), ...rest };
  const problem = problemOf(entry, 'the entry');
  if (problem !== undefined) throw invalid(problem, 'correct the option that is named');
  return { token: new Secret(token), entry };
}

/**
 * Reads `ACCESS_TOKENS`, a JSON array of {@link AccessToken}. Nothing of what it holds is ever repeated in a message: in the
 * place of a hash somebody may have put the token.
 * @throws UserError ACCESS_TOKENS_INVALID
 */
export function parseAccessTokens(given: Secret): AccessToken[] {
  const text = given.reveal().trim();
  // An empty secret is how a workflow passes on one that is not set.
  if (text === '') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid('is no JSON', `write an array of ${WHAT}; [] lets in nobody but the bundle's own token`);
  }
  if (!Array.isArray(parsed)) throw invalid(`is ${kindOf(parsed)}, allowed: an array`, `write an array of ${WHAT}`);
  if (parsed.length > MAX_ACCESS_TOKENS) {
    throw invalid(`has ${parsed.length} entries, allowed: up to ${MAX_ACCESS_TOKENS}`, 'take out those of nobody');
  }
  const names = new Map<string, number>();
  const hashes = new Map<string, number>();
  return parsed.map((entry: unknown, index) => {
    const at = `entry ${index + 1}`;
    const problem = problemOf(entry, at);
    if (problem !== undefined) throw invalid(problem, `correct it, or ${MAKE}`);
    const token = entry as AccessToken;
    const [sameName, sameHash] = [names.get(token.name), hashes.get(token.sha256)];
    if (sameName !== undefined) {
      throw invalid(`${at} has the name of entry ${sameName}, "${token.name}"`, 'give every token a name of its own');
    }
    if (sameHash !== undefined) {
      throw invalid(`${at}, "${token.name}", has the hash of entry ${sameHash}`, `give everybody a token: ${MAKE}`);
    }
    names.set(token.name, index + 1);
    hashes.set(token.sha256, index + 1);
    return token;
  });
}

function problemOf(entry: unknown, at: string): string | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return `${at} is ${kindOf(entry)}, allowed: ${WHAT}`;
  }
  const { name, role, sha256, expires_at: expires, requests_per_second: rate } = entry as Record<string, unknown>;
  if (typeof name !== 'string' || !NAME.test(name)) {
    return `${at} has a name that is ${kindOf(name)}, allowed: 1 to 64 of a–z, 0–9, ".", "_" and "-", with a letter or digit first and last`;
  }
  if (RESERVED.includes(name)) return `${at} has the name "${name}", which is not a person's; allowed: another one`;
  const of = `${at}, "${name}",`;
  const unknown = Object.keys(entry).filter((key) => !KEYS.includes(key));
  // The keys themselves are not shown: one of them may be the token.
  if (unknown.length > 0) return `${of} has ${unknown.length} unknown key(s), allowed: ${KEYS.join(', ')}`;
  if (!ROLES.includes(role as Role)) return `${of} has a role that is ${kindOf(role)}, allowed: ${ROLES.join(', ')}`;
  if (typeof sha256 !== 'string' || !HASH.test(sha256)) {
    return `${of} has a sha256 that is ${kindOf(sha256)}, allowed: the 64 lower-case hexadecimal digits of the token's hash, and never the token itself`;
  }
  if (expires !== undefined && !(typeof expires === 'string' && TIME.test(expires) && !isNaN(Date.parse(expires)))) {
    return `${of} has an expires_at that is ${kindOf(expires)}, allowed: RFC 3339 with a zone, such as "2030-01-31T00:00:00Z"`;
  }
  const isRate = Number.isInteger(rate) && (rate as number) >= 1 && (rate as number) <= MAX_REQUESTS_PER_SECOND;
  if (rate !== undefined && !isRate) {
    return `${of} has a requests_per_second that is ${kindOf(rate)}, allowed: a whole number from 1 to ${MAX_REQUESTS_PER_SECOND}`;
  }
  return undefined;
}

/** What somebody put there, without repeating it. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (typeof value === 'string') return value === '' ? 'empty' : `a text of ${value.length} characters`;
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value} out of place`;
}

function invalid(problem: string, fix: string): UserError {
  const subject = problem.startsWith('entry') || problem.startsWith('the entry') ? ': ' : ' ';
  return new UserError({ code: 'ACCESS_TOKENS_INVALID', message: `ACCESS_TOKENS${subject}${problem}`, fix });
}
