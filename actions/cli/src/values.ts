import { InvalidArgumentError } from 'commander';

/** Readers of flags' values; each refuses with what is allowed. */

export function choice<const T extends string>(allowed: readonly T[]): (value: string) => T {
  return (value) => {
    const found = allowed.find((known) => known === value);
    if (found === undefined) throw new InvalidArgumentError(`allowed: ${allowed.join(', ')}`);
    return found;
  };
}

export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const found = Number(value);
    if (!/^\d+$/.test(value) || found < least || found > most) {
      throw new InvalidArgumentError(`allowed: a whole number from ${least} to ${most}`);
    }
    return found;
  };
}

export function nonEmpty(what: string): (value: string) => string {
  return (value) => {
    if (value.trim() === '') throw new InvalidArgumentError(`allowed: ${what}`);
    return value;
  };
}
