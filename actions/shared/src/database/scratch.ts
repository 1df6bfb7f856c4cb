import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { ExternalError } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { databaseOf, during, quoted } from './connection.ts';
import { maintenanceUrl, scratchPrefix } from './lock.ts';

/** An empty database for the time of `work`, dropped after it; one that a kill left is dropped by who comes next. */
export async function withScratch<T>(
  database: DatabaseAccess,
  work: (name: string) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const name = `${scratchPrefix(databaseOf(database.adminUrl))}${randomBytes(4).toString('hex')}`;
  await during(
    maintenanceUrl(database),
    'making a scratch database',
    ({ client }) => createLike(client, database, name),
    signal,
  );
  try {
    return await work(name);
  } finally {
    await dropDatabase(database, name);
  }
}

export async function dropDatabase(database: DatabaseAccess, name: string): Promise<void> {
  await during(maintenanceUrl(database), `dropping ${name}`, ({ client }) =>
    client.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`),
  );
}

interface DatabaseFacts {
  owner: string;
  encoding: string;
  datcollate: string;
  datctype: string;
  provider: string;
  locale: string | null;
}

/** An empty database with the owner, encoding and sort order of the one that is looked after. */
export async function createLike(client: Client, database: DatabaseAccess, name: string): Promise<void> {
  // Called daticulocale before version 17.
  const { rows } = await client.query<DatabaseFacts>(
    `SELECT pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding, datcollate, datctype,
       datlocprovider::text AS provider, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
     FROM pg_database d WHERE datname = $1`,
    [databaseOf(database.adminUrl)],
  );
  const facts = rows[0];
  if (facts === undefined) {
    throw new ExternalError({
      code: 'DATABASE_MISSING',
      message: `there is no database ${databaseOf(database.adminUrl)} on this server`,
      fix: 'deploy a release, which makes it, or correct the address',
    });
  }
  const text = (value: string): string => client.escapeLiteral(value);
  const locale =
    facts.provider === 'i'
      ? ` LOCALE_PROVIDER icu ICU_LOCALE ${text(facts.locale ?? 'und')}`
      : facts.provider === 'b'
        ? ` LOCALE_PROVIDER builtin BUILTIN_LOCALE ${text(facts.locale ?? 'C')}`
        : ' LOCALE_PROVIDER libc';
  await client.query(
    `CREATE DATABASE ${quoted(name)} OWNER ${quoted(facts.owner)} TEMPLATE template0 ENCODING ${text(facts.encoding)}
     LC_COLLATE ${text(facts.datcollate)} LC_CTYPE ${text(facts.datctype)}${locale}`,
  );
}
