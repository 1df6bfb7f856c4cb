/**
 * Why a statement of a migration is refused. A deploy lets the release before go on while the schema already is the
 * new one, and may have to go back to it: whatever that release reads and writes has to work on the new schema too,
 * and nothing may hold up its writes for longer than a moment.
 */
export const RULES = {
  DROPPED: {
    why: 'takes away what an older release may use',
    instead:
      'stop using it in one release, and take it away in a contract migration once that release is the oldest kept',
  },
  RENAMED: {
    why: 'takes away the name by which an older release knows it',
    instead: 'add the new one beside it, write both, and take the old one away later in a contract migration',
  },
  TYPE_CHANGED: {
    why: 'changes what an older release reads and writes, and rewrites the table while nobody can use it',
    instead: 'add a column of the new type, fill it in steps, and let the new release read it',
  },
  NOT_NULL: {
    why: 'refuses rows that an older release writes without it',
    instead: 'let it be NULL, or add it with a constant DEFAULT; make it NOT NULL later in a contract migration',
  },
  CONSTRAINT_ADDED: {
    why: 'may refuse what an older release writes, also where it is NOT VALID',
    instead: 'check it in the new release, and add the constraint later in a contract migration',
  },
  FOREIGN_KEY: {
    why: 'lets an older release no longer delete rows that the new one refers to',
    instead: 'say ON DELETE CASCADE or ON DELETE SET NULL, or leave the reference out',
  },
  UNIQUE_ON_EXISTING: {
    why: 'may refuse what an older release writes',
    instead: 'make it unique later in a contract migration, once the oldest kept release writes it so',
  },
  DEFAULT_CHANGED: {
    why: 'changes what an older release stores where it leaves the column out',
    instead: 'write the value in the new release, or add a new column with the new default',
  },
  INDEX_LOCKS: {
    why: 'holds up all writes to the table until it is built',
    instead: 'use CREATE INDEX CONCURRENTLY, alone in a migration that begins with `-- papergate: no transaction`',
  },
  INDEX_NOT_ALONE: {
    why: 'cannot run inside a transaction, nor beside other statements',
    instead: 'put it alone into a migration that begins with `-- papergate: no transaction`',
  },
  NO_TRANSACTION: {
    why: 'is in a migration without a transaction, which a failure leaves half done',
    instead: 'only CREATE INDEX CONCURRENTLY may stand in such a migration, one a file',
  },
  REWRITES_TABLE: {
    why: 'writes every row of the table anew while nobody can use it',
    instead: 'add the column without it or with a constant DEFAULT, and fill it in steps from the new release',
  },
  DATA_CHANGED: {
    why: 'changes rows that an older release works with, and locks them',
    instead: 'let the new release do it in small steps, or do it in a contract migration',
  },
  TRIGGER_ON_EXISTING: {
    why: 'changes what the writes of an older release do',
    instead: 'do it in the new release',
  },
  REPLACED: {
    why: 'changes what an older release gets when it uses it',
    instead: 'make another one under a new name',
  },
  RIGHTS_REVOKED: {
    why: 'takes away rights that an older release may need',
    instead: 'revoke them later in a contract migration',
  },
  TRANSACTION_CONTROL: {
    why: 'ends the transaction that the migration runs in, so that a failure would leave half of it',
    instead: 'leave it out: every migration has a transaction of its own',
  },
  CODE_RUN: {
    why: 'runs code that cannot be checked',
    instead: 'write the statements themselves into the migration',
  },
  NOT_KNOWN: {
    why: 'is none of the statements that are known to be safe',
    instead: 'use another way, or do it in a contract migration',
  },
} as const;
export type RuleCode = keyof typeof RULES;

export interface Finding {
  code: RuleCode;
  /** The thing that it is about: `orders.price`. */
  what: string;
  /** First line of the statement in the file, from 1. */
  line: number;
  /** The statement's beginning. */
  statement: string;
}
