import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError, type Secret } from '@papergate/config';
import type { ActionContext } from '../action/context.ts';

const PREFIX = 'papergate-private-';

/** A folder that only this job's user can read, for keys and logins; gone with the action that made it. */
export class PrivateFolder {
  readonly dir: string;

  constructor({ tempDir }: Pick<ActionContext, 'tempDir'>) {
    this.dir = mkdtempSync(join(tempDir, PREFIX));
  }

  /** Writes a file that only its owner can read; gives its path. */
  write(name: string, text: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Removes what a killed step left, by the path that it saved: nothing else than a folder of ours. */
export function removePrivateFolder(path: string, { tempDir }: Pick<ActionContext, 'tempDir'>): void {
  if (path === '' || !resolve(path).startsWith(join(resolve(tempDir), PREFIX))) return;
  rmSync(path, { recursive: true, force: true });
}

const KEY = /^-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY-----\n[\s\S]+\n-----END (?:[A-Z0-9]+ )?PRIVATE KEY-----$/;

/** The text of a private key as ssh reads it. @throws UserError SSH_KEY_INVALID, without a word of the key */
export function sshKeyText(key: Secret): string {
  const text = key.reveal().replaceAll('\r\n', '\n').trim();
  if (KEY.test(text) && !text.includes('ENCRYPTED')) return `${text}\n`;
  throw new UserError({
    code: 'SSH_KEY_INVALID',
    message: `input ssh-key is ${text.includes('ENCRYPTED') ? 'a key with a passphrase' : 'no private key'}, allowed: a private key without a passphrase, with its BEGIN and END lines`,
    fix: 'put the whole file into the secret, as "ssh-keygen -t ed25519 -N \'\'" writes it',
  });
}
