import { tradingHost } from './hosts.ts';
import { findKeys, type KeyHit } from './scan/find.ts';
import type { PolicyInput, ScanFile } from './types.ts';

/** Where a credential comes from and what it is. */
export interface Credential {
  /** `ALPACA_API_KEY`, or `ALPACA_API_KEY_FILE` where the file has it. */
  where: string;
  state: 'given' | 'absent' | 'both' | 'unread';
  /** As it stands there; a file's one trailing newline is dropped. */
  raw: string;
  /** Without surrounding whitespace and quotes: what its owner meant. */
  value: string;
  /** The file that it comes from. */
  path?: string;
}

/** What all rules look at, worked out once. */
export interface PolicyContext {
  input: PolicyInput;
  production: boolean;
  key: Credential;
  secret: Credential;
  baseUrls: { where: string; raw: string }[];
  /** Host of the trading API that this environment may talk to. */
  host: string;
  /** Keys in a text, each text scanned once. */
  scan(text: string): { hits: KeyHit[]; complete: boolean };
  /** A value for a message: withheld where it is long, strange, or shares six characters with a secret. */
  show(text: string): string;
}

export function buildContext(input: PolicyInput): PolicyContext {
  const key = credential(input, 'ALPACA_API_KEY');
  const secret = credential(input, 'ALPACA_SECRET_KEY');
  const scanned = new Map<string, ReturnType<typeof findKeys>>();
  const scan = (text: string) => {
    const known = scanned.get(text) ?? findKeys(text);
    scanned.set(text, known);
    return known;
  };
  const fromEnv = input.env['ALPACA_BASE_URL'];
  const fromSystem = input.system?.alpaca.base_url;
  return {
    input,
    production: input.environment === 'production',
    key,
    secret,
    baseUrls: [
      ...(fromEnv === undefined ? [] : [{ where: 'ALPACA_BASE_URL', raw: fromEnv }]),
      ...(fromSystem === undefined ? [] : [{ where: 'alpaca.base_url', raw: fromSystem }]),
    ],
    host: tradingHost(input.environment),
    scan,
    show: (text) => show(text, [key.value, secret.value], scan),
  };
}

function credential({ env, files = [] }: PolicyInput, name: string): Credential {
  const direct = env[name];
  const path = env[`${name}_FILE`];
  if (direct !== undefined && path !== undefined) return { where: name, state: 'both', raw: '', value: '' };
  if (path === undefined) {
    const raw = direct ?? '';
    return { where: name, state: direct === undefined ? 'absent' : 'given', raw, value: unwrap(raw) };
  }
  const where = `${name}_FILE`;
  const file = files.find((file: ScanFile) => file.path === path);
  if (file === undefined || file.problem !== undefined) return { where, state: 'unread', raw: '', value: '', path };
  const raw = file.content.replace(/\r?\n$/, '');
  return { where, state: 'given', raw, value: unwrap(raw), path };
}

const unwrap = (raw: string): string =>
  raw
    .trim()
    .replace(/^(["'`])(.*)\1$/s, '$2')
    .trim();

function show(text: string, secrets: readonly string[], scan: PolicyContext['scan']): string {
  if (text.length > 80 || /[^\x20-\x7e]/.test(text)) return '(withheld)';
  const shares = secrets.some((secret) => {
    for (let at = 0; at + 6 <= secret.length; at++) {
      if (text.toLowerCase().includes(secret.slice(at, at + 6).toLowerCase())) return true;
    }
    return secret !== '' && text === secret;
  });
  return shares || scan(text).hits.length > 0 ? '(withheld)' : `"${text}"`;
}
