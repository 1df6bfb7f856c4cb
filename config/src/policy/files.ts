import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, type Dirent } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { EnvSource } from '../env.ts';
import { errorCode } from '../errors.ts';
import type { ScanFile } from './types.ts';

/** Nothing in these is written by hand or delivered as it stands. */
export const SKIPPED_FOLDERS = new Set([
  'node_modules',
  '.git',
  '.papergate',
  'dist',
  'coverage',
  '.turbo',
  '.venv',
  '__pycache__',
]);
const SCANNED_EXTENSIONS = new Set(
  (
    'json json5 jsonc ndjson yaml yml toml ini conf cfg cnf config properties env envrc xml plist hcl tf tfvars tfstate ' +
    'sh bash zsh fish ps1 bat cmd sql txt csv md service socket timer target rules tpl tmpl j2 template example sample ' +
    'local secret secrets key pem crt cert ts mts cts tsx js mjs cjs jsx py rb go rs java kt cs php html css'
  ).split(' '),
);
const SCANNED_NAMES =
  /^(?:\.env.*|\.[a-z]+rc|.*\.env(?:\..*)?|Dockerfile.*|Containerfile.*|Makefile|Procfile|credentials?|secrets?|config|\.netrc|\.pgpass|id_[a-z0-9]+)$/i;

export interface ScanLimits {
  /** Bytes of one file. */
  maxFileBytes: number;
  /** Bytes of all. */
  maxTotalBytes: number;
  maxFiles: number;
}

export const SCAN_LIMITS: ScanLimits = {
  maxFileBytes: 4 * 1024 * 1024,
  maxTotalBytes: 48 * 1024 * 1024,
  maxFiles: 10_000,
};
const MAX_SECRET_BYTES = 64 * 1024;
const MAX_DEPTH = 24;

/**
 * The files under `dir` that are searched for smuggled keys: configuration, compose and `.env` files, manifests,
 * workflows, scripts and sources, with paths relative to `dir`. Links are not followed. What is too large, too much
 * or unreadable comes back with a `problem`, and the policy then blocks in doubt.
 */
export function collectScanFiles(dir: string, limits: Partial<ScanLimits> = {}): ScanFile[] {
  const { maxFileBytes, maxTotalBytes, maxFiles } = { ...SCAN_LIMITS, ...limits };
  const files: ScanFile[] = [];
  let total = 0;
  for (const path of walk(dir, 0)) {
    const shown = relative(dir, path.path).split(sep).join('/');
    if (path.problem !== undefined) {
      files.push({ path: shown, content: '', problem: path.problem });
      continue;
    }
    if (files.length >= maxFiles || total >= maxTotalBytes) {
      const problem =
        files.length >= maxFiles ? `more than ${maxFiles} files` : `more than ${maxTotalBytes} bytes in all`;
      files.push({ path: '.', content: '', problem });
      break;
    }
    const file = { ...readScanFile(path.path, maxFileBytes), path: shown };
    total += file.content.length;
    files.push(file);
  }
  return files;
}

function* walk(dir: string, depth: number): Generator<{ path: string; problem?: string }> {
  let entries: Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    yield { path: dir, problem: `cannot be read (${errorCode(error) ?? 'for an unknown reason'})` };
    return;
  }
  if (depth > MAX_DEPTH) yield { path: dir, problem: `more than ${MAX_DEPTH} folders deep` };
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name) && depth <= MAX_DEPTH) yield* walk(path, depth + 1);
    } else if (entry.isFile() && isScanned(entry.name)) yield { path };
  }
}

function isScanned(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return SCANNED_NAMES.test(name) || (dot >= 0 && SCANNED_EXTENSIONS.has(name.slice(dot + 1).toLowerCase()));
}

/**
 * The content of every file that a `<NAME>_FILE` variable names, under the path as the variable has it, but for
 * those that `known` has already. One that cannot be read is only told of where the name is one of ours.
 */
export function readSecretFiles(env: EnvSource, known: readonly ScanFile[] = []): ScanFile[] {
  const files: ScanFile[] = [];
  for (const [name, path] of Object.entries(env)) {
    if (path === undefined || path === '' || !name.endsWith('_FILE')) continue;
    if ([...known, ...files].some((file) => file.path === path)) continue;
    const ours = OUR_SECRETS.has(name.slice(0, -'_FILE'.length));
    const file = readScanFile(path, ours ? MAX_SECRET_BYTES : SCAN_LIMITS.maxFileBytes);
    if (file.problem === undefined || ours) files.push(file);
  }
  return files;
}

const OUR_SECRETS = new Set(['ALPACA_API_KEY', 'ALPACA_SECRET_KEY', 'DATABASE_URL', 'API_TOKEN', 'ACCESS_TOKENS']);

/** Reads one plain file, bounded; UTF-16 with a byte-order mark is understood. Never throws. */
export function readScanFile(path: string, maxBytes: number): ScanFile {
  let handle: number | undefined;
  try {
    // Not blocking: a named pipe in a configuration folder must not hang the check.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(handle);
    if (!stat.isFile()) return { path, content: '', problem: 'not a plain file' };
    if (stat.size > maxBytes) return { path, content: '', problem: `larger than ${maxBytes} bytes` };
    const buffer = Buffer.alloc(stat.size);
    const bytes = buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, 0));
    return { path, content: toText(bytes) };
  } catch (error) {
    return { path, content: '', problem: `cannot be read (${errorCode(error) ?? 'for an unknown reason'})` };
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function toText(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return bytes.toString('utf8');
}
