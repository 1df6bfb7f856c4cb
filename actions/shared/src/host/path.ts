import { posix } from 'node:path';

/**
 * The path as it is used on a host: absolute, without `..` and NUL.
 * @throws TypeError a defect of the caller: no path of a person comes here unchecked
 */
export function hostPath(path: string): string {
  if (!path.startsWith('/') || path.includes('\0') || path.split('/').includes('..')) {
    throw new TypeError(`"${path.replaceAll('\0', '\\0')}" is no absolute path without ".."`);
  }
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

/** @throws TypeError where one of them is more than a line */
export function wholeLines(lines: readonly string[]): void {
  if (lines.some((line) => line.includes('\n'))) throw new TypeError('a line holds a line break');
}
