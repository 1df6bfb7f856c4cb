import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ExternalError, type Secret } from '@papergate/config';
import { asUser } from './os-user.ts';
import type { Place } from './place.ts';

export const ADMIN_USER = 'postgres';

/** A cluster that initdb has finished; a folder that it was killed in is not one. */
export function isInitialised(data: string): boolean {
  return existsSync(join(data, 'papergate.initialised'));
}

/** Makes the cluster: UTF-8, C collation (the same order on every machine), scram for every connection. */
export function initCluster(place: Place, admin: Secret, { sync }: { sync: boolean }): void {
  const { data, binaries, user } = place;
  for (const entry of readdirSync(data)) rmSync(join(data, entry), { recursive: true, force: true });

  const passwordFile = join(dirname(data), `.initdb-${process.pid}`);
  try {
    writeFileSync(passwordFile, admin.reveal(), { mode: 0o600, flag: 'wx' });
    if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
    const args = ['--pgdata', data, '--username', ADMIN_USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
    args.push('--encoding', 'UTF8', '--locale', 'C', '--no-instructions', ...(sync ? [] : ['--no-sync']));
    const { status, stdout, stderr, error } = spawnSync(join(binaries.root, 'bin', 'initdb'), args, {
      ...asUser(user),
      cwd: data,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    });
    if (status !== 0) {
      throw new ExternalError({
        code: 'PG_INITDB',
        message: `initdb failed in ${data}: ${`${stdout ?? ''}\n${stderr ?? ''}`.trim().split('\n').slice(-4).join(' | ')}`,
        fix: 'free disk space and check the permissions of the folder, or set DATABASE_URL to a PostgreSQL of your own',
        cause: error,
      });
    }
  } finally {
    rmSync(passwordFile, { force: true });
  }
  writeFileSync(join(data, 'papergate.initialised'), '', { mode: 0o600 });
  if (user !== undefined) chownSync(join(data, 'papergate.initialised'), user.uid, user.gid);
}
