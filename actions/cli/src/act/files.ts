import { existsSync, readFileSync } from 'node:fs';
import { messageOf } from '@papergate/config';
import { fileInvalid, fileUnreadable } from './errors.ts';

/**
 * `NAME=value` lines, as the files of variables and secrets have them. A value stands as it is, to the end of its line.
 * @throws UserError ACT_FILE_INVALID, ACT_FILE_UNREADABLE
 */
export function readPairs(path: string, { optional = false } = {}): Record<string, string> {
  if (optional && !existsSync(path)) return {};
  const pairs: Record<string, string> = {};
  read(path)
    .split('\n')
    .forEach((line, index) => {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) return;
      const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(text) ?? [];
      // What stands there may be a secret: it is not repeated.
      if (name === undefined || value === undefined) throw fileInvalid(path, index + 1, 'this is no NAME=value');
      if (name in pairs) throw fileInvalid(path, index + 1, `${name} stands there twice`);
      pairs[name] = value;
    });
  return pairs;
}

/** @throws UserError ACT_FILE_INVALID, ACT_FILE_UNREADABLE */
export function readEvent(path: string): Record<string, unknown> {
  let found: unknown;
  try {
    found = JSON.parse(read(path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw fileUnreadable(path, `it is no JSON: ${error.message}`, error);
  }
  if (typeof found === 'object' && found !== null && !Array.isArray(found)) return { ...found };
  throw fileUnreadable(path, 'an event is a JSON object', undefined);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileUnreadable(path, messageOf(error), error);
  }
}

/** For act's own reader (godotenv): every value in quotes that keep it as it is. */
export function writePairs(pairs: Readonly<Record<string, string>>): string {
  const quoted = (value: string): string =>
    `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '\\$').replaceAll('\n', '\\n')}"`;
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join('');
}
