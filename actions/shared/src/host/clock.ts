import { ExternalError } from '@papergate/config';
import type { HostResult } from './types.ts';

/**
 * The answer of `date +%s%N` in ms. A `date` that knows no nanoseconds leaves the letter N, or leaves it out.
 * @throws ExternalError HOST_CLOCK_UNREADABLE
 */
export function millisecondsOf({ code, stdout, stderr }: HostResult, host: string): number {
  const text = stdout.trim();
  const match = /^(\d{9,11})(\d{9}|N)?$/.exec(text);
  if (code === 0 && match?.[1] !== undefined) {
    const nanoseconds = match[2] === undefined || match[2] === 'N' ? 0 : Number(match[2]);
    return Number(match[1]) * 1000 + nanoseconds / 1_000_000;
  }
  throw new ExternalError({
    code: 'HOST_CLOCK_UNREADABLE',
    message: `${host}: "date +%s%N" gave ${text === '' ? stderr.trim() || 'nothing' : `"${text}"`}, which is no time`,
    fix: 'use a host with the usual command-line programs (GNU coreutils or busybox)',
  });
}
