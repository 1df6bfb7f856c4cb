import { ExternalError } from '@papergate/config';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Why container tests cannot run here; `fix` says how they could. */
export function lacking(why: string): ExternalError {
  return new ExternalError({
    code: 'CONTAINERS_MISSING',
    message: `no Docker Engine here: ${why}`,
    fix: 'run a Docker Engine of 25 or later with Compose 2.24 or later and buildx, or be root on Debian 12 or 13',
  });
}
