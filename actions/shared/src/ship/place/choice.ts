import { UserError, type Environment } from '@papergate/config';
import type { TargetKind } from '../../deliver/types.ts';
import { parseSshUrl } from '../../host/index.ts';

/** Which place somebody means: the answer to where a bundle runs. */
export interface PlaceChoice {
  kind: TargetKind;
  /** That of the place, where it is left out and the place knows. */
  environment?: Environment;
  /** Compose project; `papergate-<environment>` where it is left out. */
  project?: string;
  /** `ssh://user@host[:port]`; this machine where it is left out. */
  host?: string;
  /** SSH key, and the file of known hosts. */
  identity?: string;
  knownHosts?: string;
}

/** The names that the flags of {@link PlaceChoice} have, for messages. */
const ONLY_COMPOSE = [
  ['project', '--project'],
  ['host', '--host'],
] as const;

/** Project names as Compose takes them, short enough for what is put behind them. */
const PROJECT = /^[a-z0-9][a-z0-9_-]{0,47}$/;
/** The name of the place of the process target, which is none of Compose's. */
export const PROCESS_PROJECT = 'process';

/** @throws UserError FLAG_NOT_FOR_TARGET, PROJECT_INVALID, HOST_ADDRESS_INVALID, FLAG_WITHOUT_HOST */
export function checkChoice(choice: PlaceChoice): PlaceChoice {
  if (choice.kind === 'process') {
    const stray = ONLY_COMPOSE.find(([key]) => choice[key] !== undefined);
    if (stray !== undefined) {
      throw new UserError({
        code: 'FLAG_NOT_FOR_TARGET',
        message: `${stray[1]} ${String(choice[stray[0]])} is for a Docker Engine, and the target is process`,
        fix: `add --target compose, or leave ${stray[1]} out`,
      });
    }
  }
  if (choice.project !== undefined) checkProject(choice.project);
  if (choice.host !== undefined) checkHost(choice.host);
  for (const [key, flag] of [
    ['identity', '--identity'],
    ['knownHosts', '--known-hosts'],
  ] as const) {
    if (choice[key] === undefined || choice.host !== undefined) continue;
    throw new UserError({
      code: 'FLAG_WITHOUT_HOST',
      message: `${flag} ${choice[key]} is for a machine behind SSH, and there is no --host`,
      fix: `add --host ssh://user@host, or leave ${flag} out`,
    });
  }
  return choice;
}

function checkProject(project: string): void {
  if (PROJECT.test(project) && project !== PROCESS_PROJECT) return;
  throw new UserError({
    code: 'PROJECT_INVALID',
    message: `--project is "${project}", allowed: up to 48 of a-z, 0-9, "-" and "_", beginning with a letter or digit, and not "${PROCESS_PROJECT}"`,
    fix: 'give another name, or leave it out: papergate-<environment>',
  });
}

function checkHost(host: string): void {
  try {
    parseSshUrl(host);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { code, message, fix } = error;
    throw new UserError({ code, message: `--host: ${message}`, ...(fix === undefined ? {} : { fix }) });
  }
}

/** Whose Compose project this is, where nobody said. */
export const projectOf = (choice: PlaceChoice): string =>
  choice.kind === 'process' ? PROCESS_PROJECT : (choice.project ?? `papergate-${choice.environment ?? 'development'}`);
