import { EXIT, ExternalError, messageOf, PapergateError, UserError } from '@papergate/config';

/** The database does not answer, or broke in the middle. The address in it has no password. */
export function databaseFailed(what: string, database: string, cause: unknown): ExternalError {
  return new ExternalError({
    code: 'DATABASE_FAILED',
    message: `${what} (${database}): ${messageOf(cause)}`,
    fix: 'look at the log of the database server, and try again when it is well; nothing of the running database was changed',
    cause,
  });
}

/** What was restored is not what was dumped: the backup cannot be trusted, whatever is wrong with it. Exit 1: a check said no. */
export function mismatch(id: string, problems: readonly string[]): PapergateError {
  return new PapergateError({
    code: 'CHECKPOINT_MISMATCH',
    message: `checkpoint ${id} does not give back what was dumped: ${some(problems)}`,
    fix: 'do not rely on it; take another (`papergate db checkpoint`), and look for a failing disk or a damaged index if it happens again',
    exitCode: EXIT.blocked,
  });
}

/** The stored file is not the one that was written. */
export function corrupt(id: string, what: string): PapergateError {
  return new PapergateError({
    code: 'CHECKPOINT_CORRUPT',
    message: `checkpoint ${id} is damaged: ${what}`,
    fix: 'use another one (`papergate db list`); nothing of the running database was changed',
    exitCode: EXIT.blocked,
  });
}

export function unknownCheckpoint(id: string, known: readonly string[]): UserError {
  return new UserError({
    code: 'CHECKPOINT_UNKNOWN',
    message: `there is no checkpoint ${id}, found: ${known.length === 0 ? 'none' : some(known)}`,
    fix: 'name one of those, or take one with `papergate db checkpoint`',
  });
}

/** The store could not be written or read: a full disk, a lost host. */
export function storeFailed(what: string, id: string, cause: unknown): ExternalError {
  return new ExternalError({
    code: 'CHECKPOINT_STORE',
    message: `checkpoint ${id} could not be ${what}: ${messageOf(cause)}`,
    fix: 'free disk space where the place keeps its checkpoints, or mend what is named; the running database was not touched',
    cause,
  });
}

const SHOWN = 8;

/** The first few, and how many more there are. */
export function some(texts: readonly string[]): string {
  const more = texts.length - SHOWN;
  return `${texts.slice(0, SHOWN).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
