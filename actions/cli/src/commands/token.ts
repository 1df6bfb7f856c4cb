import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import {
  ExternalError,
  makeAccessToken,
  messageOf,
  parseAccessTokens,
  readSecret,
  ROLES,
  Secret,
  type AccessToken,
  type Role,
} from '@papergate/config';
import type { CommandContext } from '../context.ts';
import { choice, nonEmpty, wholeNumber } from '../values.ts';

interface Flags {
  name: string;
  role: Role;
  days?: number;
  requestsPerSecond?: number;
  into?: string;
  json?: boolean;
}

const DAY_MS = 86_400_000;

/** Makes a token for a person or a program. It is shown this once; what the bundle is given is its hash. */
export function addToken(program: Command, { output }: CommandContext): void {
  program
    .command('token')
    .description('makes an access token: shows it once, and the entry of ACCESS_TOKENS that lets it in')
    .requiredOption('--name <name>', 'who will use it, such as alice-laptop', nonEmpty('a name'))
    .requiredOption('--role <role>', `${ROLES.join(', ')}: each may do what the ones before it may`, choice(ROLES))
    .option('--days <n>', 'it ends after so many days (default: never)', wholeNumber(1, 3650))
    .option('--requests-per-second <n>', 'what a service takes with it (default: 100)', wholeNumber(1, 100_000))
    .option('--into <file>', 'also add the entry to this file, which is made where it is missing', nonEmpty('a file'))
    .option('--json', 'machine-readable: {token, entry}')
    .action((flags: Flags) => {
      const { token, entry } = makeAccessToken({
        name: flags.name,
        role: flags.role,
        ...(flags.days === undefined ? {} : { expires_at: new Date(Date.now() + flags.days * DAY_MS).toISOString() }),
        ...(flags.requestsPerSecond === undefined ? {} : { requests_per_second: flags.requestsPerSecond }),
      });
      if (flags.into !== undefined) addEntry(resolve(flags.into), entry);
      if (flags.json === true) output.out(JSON.stringify({ token: token.reveal(), entry }, null, 2));
      else {
        output.err(`The token of ${entry.name}, shown this once; hand it over by a way that nobody else reads:`);
        output.out(token.reveal());
        output.err(
          flags.into === undefined
            ? `Its entry, for the list in ACCESS_TOKENS (or in the file that ACCESS_TOKENS_FILE names):\n${JSON.stringify(entry)}`
            : `Its entry is in ${flags.into}; it opens something once that list is delivered (docs/operations.md, Who may do what).`,
        );
      }
    });
}

/** One entry a line, so that a difference shows who came and who went. */
function addEntry(path: string, entry: AccessToken): void {
  const known = existsSync(path) ? parseAccessTokens(readSecret({ LIST_FILE: path }, 'LIST') ?? new Secret('')) : [];
  const text = `[\n${[...known, entry].map((one) => `  ${JSON.stringify(one)}`).join(',\n')}\n]\n`;
  parseAccessTokens(new Secret(text));
  try {
    // Whole or not at all: the list that is there lets people in.
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new ExternalError({
      code: 'ACCESS_TOKENS_UNWRITABLE',
      message: `the list of tokens cannot be written to ${path}: ${messageOf(cause)}`,
      fix: 'name another file; the token that was made is worth nothing, make another one',
      cause,
    });
  }
}
