import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errorCode, messageOf } from '../errors.ts';
import { ConfigError } from './problems.ts';

/** Larger than any configuration that a person writes; a mistaken path to a log or an image ends here. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Reads a UTF-8 text file; errors name the file and say what to do, whatever the reason: absent, a folder,
 * not allowed, too large, a byte-order mark, another encoding. `what` names it for people: `configuration file`.
 */
export function readTextFile(path: string, what: string): string {
  const bytes = readBytes(path, what);
  const refuse = (problem: string, fix: string) => unreadable(path, `${what} ${problem}`, fix);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw refuse('starts with a byte-order mark', 'save it as UTF-8 without one');
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw refuse('is UTF-16', 'save it as UTF-8');
  }
  if (bytes.includes(0)) throw refuse('is no text: it has NUL bytes in it', 'save it as UTF-8 text');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse(`is not UTF-8 (line ${brokenLine(bytes)})`, 'save it as UTF-8');
  }
}

function readBytes(path: string, what: string): Buffer {
  let handle: number | undefined;
  try {
    // Not blocking: a named pipe would hang the start for ever.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(handle);
    if (stat.isDirectory()) throw unreadable(path, `${what} is a folder`, 'name a file');
    if (!stat.isFile()) throw unreadable(path, `${what} is no plain file`, 'name a plain file');
    if (stat.size > MAX_CONFIG_BYTES) {
      const message = `${what} has ${stat.size} bytes, allowed: up to ${MAX_CONFIG_BYTES}`;
      throw unreadable(path, message, 'check that the path names the right file');
    }
    const buffer = Buffer.alloc(stat.size);
    return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, 0));
  } catch (error) {
    throw error instanceof ConfigError ? error : explainReadError(path, what, error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** What the system says about a file, in words and with a way out. */
export function explainReadError(path: string, what: string, error: unknown): ConfigError {
  const code = errorCode(error);
  const reasons: Record<string, [string, string]> = {
    ENOENT: ['does not exist', 'create it or correct the path'],
    EACCES: ['may not be read by this user', 'give this user the right to read it'],
    EPERM: ['may not be read by this user', 'give this user the right to read it'],
    ENOTDIR: ['does not exist: a part of its path is a file', 'correct the path'],
    ELOOP: ['is a link that leads in a circle', 'correct the link'],
    ENAMETOOLONG: ['has a path that is too long', 'correct the path'],
  };
  const [problem, fix] = reasons[code ?? ''] ?? [`cannot be read: ${messageOf(error)}`, 'check the file and its disk'];
  return unreadable(path, `${what} ${problem}`, fix, error);
}

/** Whether an error says that a file is not there, as opposed to there and broken. */
export function isAbsent(error: unknown): boolean {
  return error instanceof ConfigError && errorCode(error.cause) === 'ENOENT';
}

function unreadable(path: string, message: string, fix: string, cause?: unknown): ConfigError {
  return new ConfigError([{ code: 'CONFIG_UNREADABLE', file: path, key: '', message, fix }], cause);
}

function brokenLine(bytes: Buffer): number {
  let line = 1;
  for (const part of bytes.toString('latin1').split('\n')) {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'latin1'));
    } catch {
      return line;
    }
    line++;
  }
  return line;
}
