import { UserError } from '@papergate/config';

export interface SshAddress {
  user: string | undefined;
  host: string;
  port: number | undefined;
  /** As it was meant, in one form: `ssh://user@host:port`. */
  name: string;
}

const allowed = 'ssh://[user@]host[:port], for example ssh://deploy@staging.example.com:22';

/** @throws UserError HOST_ADDRESS_INVALID; nothing of it could pass for an option of ssh */
export function parseSshUrl(text: string): SshAddress {
  const invalid = (found: string): UserError =>
    new UserError({
      code: 'HOST_ADDRESS_INVALID',
      message: `the host is ${found}, allowed: ${allowed}`,
      fix: 'correct the address; a key is named with --identity, a known_hosts file with --known-hosts',
    });
  // The address itself is not repeated where a password may stand in it.
  if (/^ssh:\/\/[^/@]*:[^@]*@/.test(text)) throw invalid('an address with a password in it');
  const match = /^ssh:\/\/(?:([^@/]+)@)?(\[[0-9A-Fa-f:.]+\]|[^@/:[\]]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const [, user, bracketed, digits] = match ?? [];
  if (bracketed === undefined) throw invalid(`"${text}"`);
  const host = bracketed.replaceAll(/[[\]]/g, '');
  const port = digits === undefined ? undefined : Number(digits);
  const fine =
    /^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$|^::[A-Fa-f0-9:.]*$/.test(host) &&
    (user === undefined || /^[A-Za-z0-9_][A-Za-z0-9._-]*\$?$/.test(user)) &&
    (port === undefined || (port >= 1 && port <= 65_535));
  if (!fine) throw invalid(`"${text}"`);
  const name = `ssh://${user === undefined ? '' : `${user}@`}${bracketed}${port === undefined ? '' : `:${port}`}`;
  return { user, host, port, name };
}
