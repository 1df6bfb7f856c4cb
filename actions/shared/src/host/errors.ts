import { ExternalError, UserError, type PapergateError } from '@papergate/config';

/**
 * The errors of hosts.
 *
 * | code | exit | means |
 * | --- | --- | --- |
 * | HOST_ADDRESS_INVALID | 2 | what was given as a host is no `ssh://user@host[:port]` |
 * | HOST_KEY_REFUSED | 2 | the host shows a key that is not known, or another than is known |
 * | SSH_KEY_REFUSED | 2 | the host does not take the key that was offered, or the key cannot be used |
 * | SSH_MISSING | 3 | this machine has no OpenSSH client |
 * | HOST_UNREACHABLE | 3 | no connection, or it was lost |
 * | HOST_DISK_FULL | 3 | a file could not be written for want of space |
 * | HOST_FILE_FAILED | 3 | a file operation failed in any other way |
 *
 * File operations also throw plain errors with the system's own code where callers act on them: ENOENT, EEXIST.
 */
export function sshMissing(cause: unknown): ExternalError {
  return new ExternalError({
    code: 'SSH_MISSING',
    message: 'this machine has no OpenSSH client (ssh is not on the path), which a host behind SSH needs',
    fix: 'install OpenSSH (Debian: apt-get install openssh-client)',
    cause,
  });
}

export function unreachable(host: string, words: string): ExternalError {
  return new ExternalError({
    code: 'HOST_UNREACHABLE',
    message: `${host} cannot be reached: ${words === '' ? 'no answer' : words}`,
    fix: `check name, port and network, and that "ssh" gets there from this machine`,
  });
}

export function keyRefused(host: string, words: string, identity: string | undefined): UserError {
  return new UserError({
    code: 'SSH_KEY_REFUSED',
    message: `${host} does not take ${identity === undefined ? 'any key of this user' : `the key ${identity}`}: ${words}`,
    fix: 'name a key without a passphrase (or one that an agent holds) whose public half is in authorized_keys there',
  });
}

function hostKeyRefused(host: string, changed: boolean): UserError {
  return new UserError({
    code: 'HOST_KEY_REFUSED',
    message: changed
      ? `${host} shows another host key than the one that is known: somebody may be in between, or the host was made anew`
      : `${host} shows a host key that this machine does not know`,
    fix: changed
      ? 'ask the owner of the host for its fingerprint, and replace the line in the known_hosts file only if it matches'
      : 'ask the owner of the host for its fingerprint, compare it with "ssh-keyscan", and add the line to the known_hosts file',
  });
}

const LOST_KEY = /UNPROTECTED PRIVATE KEY|Load key |no such identity|Identity file .* not accessible/;

/**
 * What ssh said when it did not get through, as an error that says what to do.
 * The words are those of OpenSSH 7.4 to 10 (sshconnect.c, sshconnect2.c); they are not translated.
 */
export function connectionError(host: string, stderr: string, identity: string | undefined): PapergateError {
  const lines = stderr
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[@-]+$/.test(line));
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/.test(stderr))
    return hostKeyRefused(host, true);
  if (/Host key verification failed|host key is known for .* strict checking|No matching host key/i.test(stderr)) {
    return hostKeyRefused(host, false);
  }
  if (/Permission denied|Too many authentication failures/.test(stderr) || LOST_KEY.test(stderr)) {
    const words = lines.find((line) => LOST_KEY.test(line)) ?? lines.at(-1) ?? 'permission denied';
    return keyRefused(host, words, identity);
  }
  return unreachable(host, lines.at(-1) ?? '');
}

/** An error as the system's own file calls throw it. */
export function systemError(code: 'ENOENT' | 'EEXIST', what: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

export function fileError(host: string, what: string, words: string, cause?: unknown): ExternalError {
  const full = /ENOSPC|EDQUOT|No space left|quota exceeded/i.test(words);
  return new ExternalError({
    code: full ? 'HOST_DISK_FULL' : 'HOST_FILE_FAILED',
    message: `${host}: cannot ${what}: ${words === '' ? 'no reason given' : words}`,
    fix: full
      ? 'free disk space there ("docker system df", old files), and try again'
      : 'check that the folder exists, belongs to this user and is on a disk that can be written',
    ...(cause === undefined ? {} : { cause }),
  });
}
