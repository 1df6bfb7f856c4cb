import { checkCredentials, POLICY_RULES } from '@papergate/config';

const FILE_RULES = POLICY_RULES.filter(({ id }) => id === 'smuggled-file');

/** Text of a package is minified and long; the full search for disguised keys is for what we wrote ourselves. */
const MAX_FULL_SEARCH = 2 * 1024 * 1024;
const PLAIN_KEY = /(?<![A-Za-z0-9+/_=-])(?:AK|CK)(?=[A-Z0-9]*[0-9])(?:[A-Z0-9]{24}|[A-Z0-9]{18})(?![A-Za-z0-9+/_=-])/;
const TOKENS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+(?:[A-Za-z0-9+/=]{20,}\s+){2}/, 'a private key'],
  [/\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})/, 'a GitHub token'],
  [/\bnpm_[A-Za-z0-9]{36}\b/, 'an npm token'],
  [/\/\/[^\s:]+:_(?:authToken|password|auth)\s*=\s*[^\s$]{8,}/, 'a registry login'],
];

/** Byte strings to be found wherever they stand: as they are, in base64 at every offset, percent-encoded. */
export class Needles {
  readonly #needles: { of: number; bytes: Buffer }[];
  /** Bytes that two pieces of a stream have to overlap. */
  readonly overlap: number;

  constructor(sentinels: readonly string[]) {
    this.#needles = sentinels.flatMap((sentinel, of) => forms(sentinel).map((bytes) => ({ of, bytes })));
    this.overlap = Math.max(0, ...this.#needles.map(({ bytes }) => bytes.length - 1));
  }

  /** Which of the sentinels are in there, by their position in the list. */
  find(bytes: Buffer): number[] {
    return [...new Set(this.#needles.filter((needle) => bytes.includes(needle.bytes)).map(({ of }) => of))];
  }
}

function forms(sentinel: string): Buffer[] {
  const plain = Buffer.from(sentinel);
  if (plain.length < 6) throw new Error('a sentinel has at least six bytes: shorter ones stand everywhere');
  // Of base64 only the middle, which does not depend on what stands before and after.
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), plain])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + plain.length) * 8) / 6));
  });
  const encoded = encodeURIComponent(sentinel);
  const hex = plain.toString('hex');
  return [plain, ...[...base64, encoded, hex].map((text) => Buffer.from(text))];
}

/**
 * What a file holds that must not be in an image. `ours`: not of a package: then also keys in disguise are looked for.
 * Undefined where nothing was found.
 */
export function secretIn(path: string, bytes: Buffer, ours: boolean): string | undefined {
  // Programs are not read as text: random bytes look like anything.
  if (bytes.subarray(0, 8192).includes(0)) return undefined;
  const text = bytes.toString('utf8');
  const token = TOKENS.find(([pattern]) => pattern.test(text))?.[1];
  if (token !== undefined) return token;
  if (!ours || bytes.length > MAX_FULL_SEARCH) return PLAIN_KEY.test(text) ? 'an Alpaca key' : undefined;
  const report = checkCredentials(
    { environment: 'staging', env: {}, files: [{ path: path.split('/').at(-1) ?? path, content: text }] },
    FILE_RULES,
  );
  return report.ok ? undefined : 'an Alpaca key';
}
