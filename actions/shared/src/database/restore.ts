import type { Client } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { ExternalError, UserError } from '@papergate/config';
import type { DatabaseAccess } from '../deliver/types.ts';
import { databaseOf, during, quoted, withDatabase } from './connection.ts';
import { some } from './errors.ts';
import { exclusively, maintenanceUrl } from './lock.ts';
import { momentOf } from './moment.ts';
import { withScratch } from './scratch.ts';
import { openDump, readCheckpoint, writeRecord } from './store.ts';
import type { Checkpoint, CheckpointStore, OnStep } from './types.ts';
import { restoreAndCompare } from './verify.ts';

export interface RestoreOptions {
  database: DatabaseAccess;
  store: CheckpointStore;
  id: string;
  /** What this restore is called in the caller's journal: called again with the same, a restore that came to its end is not done twice. */
  operation: string;
  /** The caller has seen {@link planRestore} and said yes. */
  confirmed: boolean;
  now?: () => Date;
  onProgress?: OnStep;
  signal?: AbortSignal | undefined;
  waitMs?: number;
  /** How long connections of services that were just stopped are waited for, ms. */
  inUseMs?: number;
}

export interface RestoreOutcome {
  checkpoint: Checkpoint;
  /** Database that holds what was there before; undefined where it has been removed since. */
  setAside: string | undefined;
  /** False where this operation had done it before. */
  changed: boolean;
}

const WAIT_MS = 600_000;
const IN_USE_MS = 15_000;

/** Stands in the comment of a database, so that whoever comes after a kill knows how far it came. */
const RESTORED = 'papergate: restored ';
const SET_ASIDE = 'papergate: set aside ';

/**
 * Puts a checkpoint in the place of the database. It is restored beside the running one and compared first; then
 * the two change names in one transaction, so that a kill leaves the old one or the new one and never none. The old
 * one is kept as `<name>_before_<id>`. Services have to be stopped.
 *
 * @throws UserError CHECKPOINT_UNKNOWN, RESTORE_NOT_CONFIRMED; CHECKPOINT_CORRUPT, CHECKPOINT_MISMATCH; ExternalError DATABASE_IN_USE
 */
export async function restore(options: RestoreOptions): Promise<RestoreOutcome> {
  const { database, store, id, operation, confirmed, onProgress = () => {}, signal } = options;
  const checkpoint = await readCheckpoint(store, id);
  if (!confirmed) {
    throw new UserError({
      code: 'RESTORE_NOT_CONFIRMED',
      message: `restoring checkpoint ${id} replaces the database, and was not confirmed`,
      fix: 'look at what would be lost, and say --yes',
    });
  }
  const name = databaseOf(database.adminUrl);
  return exclusively(database, { waitMs: options.waitMs ?? WAIT_MS, signal }, async () => {
    const before = await comments(database);
    if (before.get(name)?.startsWith(`${RESTORED}${id} by ${operation} `) === true) {
      return { checkpoint, setAside: setAsideBy(before, operation, name), changed: false };
    }
    const setAside = freeName(name, id, before);
    await withScratch(
      database,
      async (fresh) => {
        const dump = await openDump(store, checkpoint);
        await restoreAndCompare({ database, checkpoint, dump, into: fresh, onProgress, signal });
        const moment = await during(
          withDatabase(database.adminUrl, fresh),
          'reading a restored checkpoint',
          ({ client }) => momentOf(client),
        );
        // Before the swap, so that what comes after it can always be told from what was restored.
        checkpoint.moments.push(moment);
        await writeRecord(store, checkpoint);
        await onProgress('putting it in place');
        await swap({ ...options, name, fresh, setAside });
      },
      signal,
    );
    return { checkpoint, setAside, changed: true };
  });
}

/**
 * Puts back what {@link restore} of this operation set aside, and drops what was restored. Does nothing where it did
 * not come to the swap.
 */
export async function revertRestore(
  options: Omit<RestoreOptions, 'confirmed' | 'store'>,
): Promise<{ changed: boolean }> {
  const { database, operation, signal, id } = options;
  const name = databaseOf(database.adminUrl);
  return exclusively(database, { waitMs: options.waitMs ?? WAIT_MS, signal }, async () => {
    const known = await comments(database);
    const old = setAsideBy(known, operation, name);
    const isRestored = known.get(name)?.startsWith(`${RESTORED}${id} by ${operation} `) === true;
    if (old === undefined || !isRestored) return { changed: false };
    const dropped = `${name.slice(0, 40)}_reverted_${Date.now().toString(36)}`;
    await during(maintenanceUrl(database), 'putting the database back', async ({ client }) => {
      await waitForNobody(client, name, options.inUseMs ?? IN_USE_MS);
      await atomically(client, [
        `ALTER DATABASE ${quoted(name)} RENAME TO ${quoted(dropped)}`,
        `ALTER DATABASE ${quoted(old)} RENAME TO ${quoted(name)}`,
        `COMMENT ON DATABASE ${quoted(name)} IS NULL`,
      ]);
      await client.query(`DROP DATABASE IF EXISTS ${quoted(dropped)} WITH (FORCE)`);
    });
    return { changed: true };
  });
}

interface Swap extends RestoreOptions {
  name: string;
  fresh: string;
  setAside: string;
}

async function swap({ database, id, operation, name, fresh, setAside, ...options }: Swap): Promise<void> {
  const at = (options.now?.() ?? new Date()).toISOString();
  await during(maintenanceUrl(database), 'putting a restored checkpoint in place', async ({ client }) => {
    await copySettings(client, name, fresh);
    await waitForNobody(client, name, options.inUseMs ?? IN_USE_MS);
    const says = (text: string): string => client.escapeLiteral(text);
    await atomically(client, [
      `ALTER DATABASE ${quoted(name)} RENAME TO ${quoted(setAside)}`,
      `ALTER DATABASE ${quoted(fresh)} RENAME TO ${quoted(name)}`,
      `COMMENT ON DATABASE ${quoted(setAside)} IS ${says(`${SET_ASIDE}${at} by ${operation} for ${id} of ${name}`)}`,
      `COMMENT ON DATABASE ${quoted(name)} IS ${says(`${RESTORED}${id} by ${operation} at ${at}`)}`,
    ]);
  });
}

async function atomically(client: Client, statements: readonly string[]): Promise<void> {
  await client.query('BEGIN');
  for (const statement of statements) await client.query(statement);
  await client.query('COMMIT');
}

/** Services that were just stopped may still be saying goodbye; any that goes on is named, and nothing is changed. */
async function waitForNobody(client: Client, name: string, patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const { rows } = await client.query<{ application: string }>(
      `SELECT DISTINCT coalesce(nullif(application_name, ''), 'unnamed') AS application FROM pg_stat_activity
       WHERE datname = $1 AND backend_type = 'client backend' ORDER BY 1`,
      [name],
    );
    if (rows.length === 0) return;
    if (performance.now() >= until) {
      throw new ExternalError({
        code: 'DATABASE_IN_USE',
        message: `${name} is still used by ${some(rows.map(({ application }) => application))}; it was not replaced`,
        fix: 'stop the services first (`papergate stop`), or let `papergate rollback SHA --restore-db` do both',
      });
    }
    await delay(100);
  }
}

/** What belongs to a database and is in no dump of it: settings, rights, the limit of connections. */
async function copySettings(client: Client, from: string, to: string): Promise<void> {
  const settings = await client.query<{ role: string | null; setting: string }>(
    `SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END AS role, unnest(s.setconfig) AS setting
     FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = $1`,
    [from],
  );
  for (const { role, setting } of settings.rows) {
    const [key, value] = [setting.slice(0, setting.indexOf('=')), setting.slice(setting.indexOf('=') + 1)];
    const who = role === null ? `DATABASE ${quoted(to)}` : `ROLE ${quoted(role)} IN DATABASE ${quoted(to)}`;
    // A list has to stay a list: quoted as a whole it would be one name.
    const list = /^(search_path|temp_tablespaces|.*_preload_libraries|datestyle)$/i.test(key);
    await client.query(`ALTER ${who} SET ${key} TO ${list ? value : client.escapeLiteral(value)}`);
  }
  const { rows } = await client.query<{ limit: number; rights: string[] | null }>(
    `SELECT datconnlimit AS limit, (SELECT array_agg(format('GRANT %s ON DATABASE %I TO %s%s', g.privilege_type, $2::text,
         CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
         CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)) FROM aclexplode(datacl) g) AS rights
     FROM pg_database WHERE datname = $1`,
    [from, to],
  );
  const facts = rows[0];
  if (facts === undefined) return;
  await client.query(`ALTER DATABASE ${quoted(to)} CONNECTION LIMIT ${facts.limit}`);
  if (facts.rights === null) return;
  await client.query(`REVOKE ALL ON DATABASE ${quoted(to)} FROM PUBLIC`);
  for (const right of facts.rights) await client.query(right);
}

async function comments(database: DatabaseAccess): Promise<Map<string, string>> {
  return during(maintenanceUrl(database), 'listing the databases', async ({ client }) => {
    const { rows } = await client.query<{ name: string; comment: string | null }>(
      "SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment FROM pg_database",
    );
    return new Map(rows.map(({ name, comment }) => [name, comment ?? '']));
  });
}

function setAsideBy(known: ReadonlyMap<string, string>, operation: string, live: string): string | undefined {
  for (const [name, comment] of known) {
    const isOurs = comment.startsWith(SET_ASIDE) && comment.endsWith(` of ${live}`);
    if (isOurs && comment.includes(` by ${operation} for `)) return name;
  }
  return undefined;
}

function freeName(name: string, id: string, known: ReadonlyMap<string, string>): string {
  const suffix = `_before_${id.replaceAll('-', '_')}`;
  for (let count = 1; ; count += 1) {
    const end = count === 1 ? suffix : `${suffix}_${count}`;
    const candidate = `${name.slice(0, 63 - end.length)}${end}`;
    if (!known.has(candidate)) return candidate;
  }
}

export interface SetAside {
  name: string;
  since: Date;
  bytes: number;
}

/** Databases that restores have set aside, oldest first. */
export async function setAsideDatabases(database: DatabaseAccess): Promise<SetAside[]> {
  const live = databaseOf(database.adminUrl);
  return during(maintenanceUrl(database), 'listing the databases', async ({ client }) => {
    const { rows } = await client.query<{ name: string; comment: string; bytes: string }>(
      `SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment, pg_database_size(oid) AS bytes
       FROM pg_database WHERE starts_with(shobj_description(oid, 'pg_database'), $1) AND datname <> $2`,
      [SET_ASIDE, live],
    );
    return rows
      .filter(({ comment }) => comment.endsWith(` of ${live}`))
      .map(({ name, comment, bytes }) => ({
        name,
        since: new Date(comment.slice(SET_ASIDE.length).split(' ')[0] ?? ''),
        bytes: Number(bytes),
      }))
      .toSorted((a, b) => a.since.getTime() - b.since.getTime());
  });
}
