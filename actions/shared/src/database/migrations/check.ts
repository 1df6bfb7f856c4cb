import type { Check } from '../../evidence/index.ts';
import { judge } from './judge.ts';
import { Made, type Surroundings } from './made.ts';
import { asList, dottedName, unwrap } from './node.ts';
import { parseMigration, type Statement } from './parse.ts';
import { declarationsOf, numberOf, readMigrations, type Declarations, type Migration } from './read.ts';
import { RULES, type Finding, type RuleCode } from './rules.ts';

export interface CheckMigrationsOptions {
  /** `services/shared/migrations` of the release that is to be deployed. */
  migrationsDir: string;
  /** Schema version of the database: the last migration that was applied; undefined where nothing was delivered yet. */
  current: string | undefined;
  /** Schema versions of all releases that may run on the new schema: what runs now, and what can be gone back to. */
  kept: readonly { commit: string; schemaVersion: string }[];
  /** What the database says was applied, where it was asked; see `appliedMigrations`. */
  applied?: readonly { name: string; sha256: string | undefined }[];
  /** Rows of a table, about; absent: every table counts as large. */
  rowsOf?: (table: string) => number | undefined;
}

/**
 * Checks that the migrations which a deploy would apply only expand the schema, one check a file, and that those
 * which were applied have not been edited since. What is not understood is refused.
 */
export async function checkMigrations(options: CheckMigrationsOptions): Promise<Check[]> {
  const { current, applied } = options;
  const migrations = await readMigrations(options.migrationsDir);
  const known = new Map(applied?.map(({ name, sha256 }) => [name, sha256]));
  const isApplied = ({ name }: Migration): boolean =>
    applied === undefined ? current !== undefined && name <= current : known.has(name);
  const pending = migrations.filter((migration) => !isApplied(migration));
  const checks = [
    unchanged(migrations, known),
    inOrder(pending, applied === undefined ? current : [...known.keys()].toSorted().at(-1)),
  ];

  // With nothing to apply the parser need not be loaded: the larger a process, the longer it takes to fork others.
  if (pending.length > 0) {
    const around: Surroundings = {
      made: new Made(),
      notNullDomains: await notNullDomains(migrations),
      rowsOf: options.rowsOf ?? (() => undefined),
    };
    for (const migration of pending) checks.push(await checkOne(migration, around, options));
  }
  const failed = checks.filter(({ status }) => status === 'failed');
  if (failed.length === 0 && pending.length === 0) {
    return [
      { name: 'migrations', status: 'passed', observed: `none to apply, the schema stays at ${current ?? 'none'}` },
    ];
  }
  return failed.length > 0
    ? checks.filter((check) => check.status === 'failed' || check.name.startsWith('migration '))
    : checks;
}

function unchanged(migrations: readonly Migration[], known: ReadonlyMap<string, string | undefined>): Check {
  const edited = migrations.filter(({ name, sha256 }) => {
    const before = known.get(name);
    return before !== undefined && before !== sha256;
  });
  return {
    name: 'applied migrations',
    status: edited.length === 0 ? 'passed' : 'failed',
    observed:
      edited.length === 0 ? 'as they were applied' : `changed since: ${edited.map(({ file }) => file).join(', ')}`,
    limit: 'not edited after they were applied',
    ...(edited.length === 0
      ? {}
      : {
          detail: `changed since: ${edited.map(({ file }) => file).join(', ')}; put the file back as it was, and write what is to change into a new migration`,
        }),
  };
}

function inOrder(pending: readonly Migration[], last: string | undefined): Check {
  const late = pending.filter(({ name }) => last !== undefined && name < last);
  return {
    name: 'order of migrations',
    status: late.length === 0 ? 'passed' : 'failed',
    observed: late.length === 0 ? 'in order' : late.map(({ file }) => file).join(', '),
    limit: last === undefined ? 'in order' : `after ${last}, which is applied`,
    ...(late.length === 0
      ? {}
      : { detail: 'give it the next number: migrations are applied in the order of their names' }),
  };
}

async function checkOne(migration: Migration, around: Surroundings, { kept }: CheckMigrationsOptions): Promise<Check> {
  const { file, name } = migration;
  const failed = (observed: string, detail: string): Check => ({
    name: `migration ${name}`,
    status: 'failed',
    observed,
    limit: 'expand-only',
    detail,
  });
  if (!/^\d{4,}_[a-z0-9_-]+$/.test(name)) {
    return failed('a name out of order', `${file}: name it with four digits and words: 0002_add-notes.sql`);
  }
  const declared = declarationsOf(migration);
  if (declared.unknown.length > 0) {
    return failed(
      'a declaration that is not known',
      `${file}: ${declared.unknown[0]}; known are "-- papergate: contract, needs >= 0007" and "-- papergate: no transaction"`,
    );
  }
  const statements = await parseMigration(migration.text);
  if (!Array.isArray(statements)) {
    return failed(
      'no SQL',
      `${file}:${statements.line}: ${statements.error}; write it so that PostgreSQL 18 can read it`,
    );
  }
  const structural = misplaced(statements, declared);
  const found = statements.flatMap((statement) =>
    judge(statement.kind, statement.tree, around).map((each) => ({
      ...each,
      line: statement.line,
      statement: statement.text,
    })),
  );
  const findings = [...structural, ...found];
  const hard = findings.filter(({ code }) => NEVER.has(code));
  if (hard.length > 0) return failed(codesOf(hard), explain(file, hard));
  if (findings.length === 0) {
    return { name: `migration ${name}`, status: 'passed', observed: `${statements.length} statements, expand-only` };
  }
  return declared.needs === undefined
    ? failed(codesOf(findings), explain(file, findings))
    : checkContract(migration, declared.needs, findings, kept);
}

/** A contract migration may take away what no release that may still run needs. */
function checkContract(
  { file, name }: Migration,
  needs: string,
  findings: readonly Finding[],
  kept: CheckMigrationsOptions['kept'],
): Check {
  const older = kept.filter(({ schemaVersion }) => numberOf(schemaVersion) < Number(needs));
  const check = { name: `migration ${name}`, limit: `every kept release has schema ${needs} or later` };
  if (older.length === 0) {
    return { ...check, status: 'passed', observed: `contract: ${codesOf(findings)}` };
  }
  const names = older.map(({ commit, schemaVersion }) => `${commit.slice(0, 12)} (${schemaVersion})`);
  const detail = `${file} may break what can still be rolled back to: ${names.join(', ')}; deploy it once those have left the history`;
  return { ...check, status: 'failed', observed: `contract: ${codesOf(findings)}`, detail };
}

/** No declaration makes these right. */
const NEVER: ReadonlySet<RuleCode> = new Set(['TRANSACTION_CONTROL', 'INDEX_NOT_ALONE', 'NO_TRANSACTION']);

/** Statements that need a transaction and stand outside of one, or the other way round. */
function misplaced(statements: readonly Statement[], { withoutTransaction }: Declarations): Finding[] {
  const isConcurrent = ({ kind, tree }: Statement): boolean => kind === 'IndexStmt' && tree['concurrent'] === true;
  const at = ({ line, text }: Statement): Pick<Finding, 'line' | 'statement'> => ({ line, statement: text });
  if (withoutTransaction) {
    return statements
      .filter((statement) => !isConcurrent(statement) || statements.length > 1)
      .map((statement) => ({ code: 'NO_TRANSACTION', what: 'the statement', ...at(statement) }));
  }
  return statements
    .filter(isConcurrent)
    .map((statement) => ({ code: 'INDEX_NOT_ALONE', what: 'CREATE INDEX CONCURRENTLY', ...at(statement) }));
}

async function notNullDomains(migrations: readonly Migration[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const { text } of migrations) {
    const statements = await parseMigration(text);
    if (!Array.isArray(statements)) continue;
    for (const { kind, tree } of statements) {
      if (kind !== 'CreateDomainStmt') continue;
      const constraints = asList(tree['constraints']).map((each) => unwrap(each).tree['contype']);
      if (constraints.includes('CONSTR_NOTNULL')) names.add(dottedName(tree['domainname']));
    }
  }
  return names;
}

const codesOf = (findings: readonly Finding[]): string => [...new Set(findings.map(({ code }) => code))].join(', ');

function explain(file: string, findings: readonly Finding[]): string {
  return findings
    .map(({ code, what, line, statement }) => {
      const { why, instead } = RULES[code];
      return `${file}:${line}: ${code}: ${what}: ${why}; ${instead} [${statement}]`;
    })
    .join('\n');
}
