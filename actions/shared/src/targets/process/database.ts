import { ExternalError, Secret } from '@papergate/config';
import type { DatabaseAccess } from '../../deliver/types.ts';
import type { Home } from '../../home/index.ts';
import { urlOf } from '../../postgres/accounts.ts';
import { ADMIN_USER } from '../../postgres/init.ts';
import { keepPasswords } from '../../postgres/passwords.ts';
import type { StagingStatus } from '../../supervisor/status.ts';

/** The staging's database: the embedded one by its kept passwords, or the one that the caller named. */
export function databaseOf({ database }: StagingStatus, home: Home, external: Secret | undefined): DatabaseAccess {
  const close = (): Promise<void> => Promise.resolve();
  if (database.kind === 'external') {
    if (external !== undefined) return { url: external, adminUrl: external, close };
    throw new ExternalError({
      code: 'DATABASE_URL_MISSING',
      message: 'the staging uses a PostgreSQL of its owner’s, and DATABASE_URL is not set here',
      fix: 'set DATABASE_URL (or DATABASE_URL_FILE) to the address that it was shipped with',
    });
  }
  const { name, user, port } = database;
  if (name === null || user === null || port === null) {
    throw new ExternalError({
      code: 'DATABASE_DOWN',
      message: `the staging’s database is ${database.state}`,
      fix: 'look at "npx papergate logs postgres"',
    });
  }
  const passwords = keepPasswords(home.postgres, true);
  return {
    url: new Secret(urlOf(user, passwords.app, port, name)),
    adminUrl: new Secret(urlOf(ADMIN_USER, passwords.admin, port, name)),
    close,
  };
}
