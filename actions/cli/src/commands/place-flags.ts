import { Option, type Command } from 'commander';
import { UserError } from '@papergate/config';
import { checkChoice, type PlaceChoice } from '@papergate/delivery';
import { choice, nonEmpty } from '../values.ts';

export const TARGETS = ['process', 'compose', 'kubernetes', 'systemd'] as const;
export const ENVIRONMENTS = ['development', 'staging'] as const;

/** As commander reads them, by the names that users write. */
export interface PlaceFlags {
  target: (typeof TARGETS)[number];
  environment?: (typeof ENVIRONMENTS)[number];
  project?: string;
  host?: string;
  identity?: string;
  knownHosts?: string;
}

/** The flags that say which place is meant; the same ones at every command that has to do with one. */
export function addPlaceFlags(
  command: Command,
  environment = 'whose place; that of the place itself, if not given',
): Command {
  return command
    .addOption(new Option('--target <target>', 'where it runs').argParser(choice(TARGETS)).default('process'))
    .addOption(new Option('--environment <name>', environment).argParser(choice(ENVIRONMENTS)))
    .addOption(
      new Option('--project <name>', 'compose: name of the project; papergate-<environment>, if not given').argParser(
        nonEmpty('a name'),
      ),
    )
    .addOption(
      new Option('--host <address>', 'compose: a Docker Engine behind SSH, ssh://user@host[:port]').argParser(
        nonEmpty('ssh://user@host[:port]'),
      ),
    )
    .addOption(new Option('--identity <file>', 'the SSH key for --host').argParser(nonEmpty('a file')))
    .addOption(
      new Option('--known-hosts <file>', 'the host keys that --host is checked against').argParser(nonEmpty('a file')),
    );
}

/** @throws UserError TARGET_NOT_DELIVERED, and those of {@link checkChoice} */
export function placeChoice({ target, environment, project, host, identity, knownHosts }: PlaceFlags): PlaceChoice {
  if (target !== 'process' && target !== 'compose') {
    throw new UserError({
      code: 'TARGET_NOT_DELIVERED',
      message: `the target "${target}" is not delivered in this version, allowed: process, compose`,
      fix: 'use one of these',
    });
  }
  return checkChoice({
    kind: target,
    ...(environment === undefined ? {} : { environment }),
    ...(project === undefined ? {} : { project }),
    ...(host === undefined ? {} : { host }),
    ...(identity === undefined ? {} : { identity }),
    ...(knownHosts === undefined ? {} : { knownHosts }),
  });
}
