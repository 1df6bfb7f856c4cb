import { refusals } from '../errors.ts';
import type { Micros } from '../clock/new-york.ts';

/** Reads query parameters; refusals name the parameter and what was found. */
export type Query = Readonly<Record<string, string | string[] | undefined>>;

export function text(query: Query, name: string): string | undefined {
  const value = query[name];
  const found = Array.isArray(value) ? value.join(',') : value;
  return found === '' ? undefined : found;
}

export function list(query: Query, name: string): string[] | undefined {
  return text(query, name)
    ?.split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export function choice<T extends string>(query: Query, name: string, allowed: readonly T[], fallback: T): T {
  const value = text(query, name);
  if (value === undefined) return fallback;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw refusals.invalid(`invalid ${name} ${value}: allowed are ${allowed.join(', ')}`);
  return found;
}

export function flag(query: Query, name: string): boolean {
  return choice(query, name, ['true', 'false'], 'false') === 'true';
}

export function count(query: Query, name: string, fallback: number, most: number): number {
  const value = text(query, name);
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw refusals.invalid(`invalid ${name} ${value}: must be > 0`);
  return Math.min(number, most);
}

/** RFC 3339 text or a date, as µs. */
export function instant(query: Query, name: string): Micros | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw refusals.invalid(`invalid ${name} ${value}: must be an RFC 3339 time`);
  // Date.parse keeps milliseconds; the digits after them still tell orders of one burst apart.
  const digits = /\.(\d{1,9})/.exec(value)?.[1]?.padEnd(6, '0').slice(3, 6) ?? '0';
  return ms * 1000 + Number(digits);
}
