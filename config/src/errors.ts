/**
 * Every error that this workspace throws, with its code.
 *
 * A `UserError` is the caller's mistake: it names the thing, what was found, what is allowed and how to
 * mend it, and is printed without a stack. Everything else is ours or the world's, and keeps its cause chain.
 */

/** Process exit codes, the same for every command, action and service. */
export const EXIT = { ok: 0, blocked: 1, usage: 2, external: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ErrorDetails {
  /** Stable, upper-case, for programs: `CONFIG_UNKNOWN_KEY`. */
  code: string;
  /** One sentence: the thing, what was found, what is allowed. */
  message: string;
  /** One sentence: what to do now. */
  fix?: string;
  exitCode?: ExitCode;
  cause?: unknown;
}

/** Base of all errors with a code. `exitCode` is what a command that dies of it returns. */
export class PapergateError extends Error {
  readonly code: string;
  readonly fix: string | undefined;
  readonly exitCode: ExitCode;

  constructor({ code, message, fix, exitCode = EXIT.external, cause }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.fix = fix;
    this.exitCode = exitCode;
  }
}

/** The caller did it wrong: usage, configuration, credentials. Exit 2, no stack. */
export class UserError extends PapergateError {
  constructor(details: Omit<ErrorDetails, 'exitCode'>) {
    super({ ...details, exitCode: EXIT.usage });
  }
}

/** Something outside broke: a port in use, a dead database, a tool that is missing. Exit 3. */
export class ExternalError extends PapergateError {
  constructor(details: Omit<ErrorDetails, 'exitCode'>) {
    super({ ...details, exitCode: EXIT.external });
  }
}

/**
 * The text a person sees: message and fix; for anything that is not a {@link PapergateError}, the whole
 * cause chain, since then it is a defect and somebody has to find it.
 */
export function describeError(error: unknown): string {
  if (error instanceof PapergateError) {
    const cause = error instanceof UserError || error.cause === undefined ? '' : `\n  cause: ${messageOf(error.cause)}`;
    return `${error.code}: ${error.message}${cause}${error.fix === undefined ? '' : `\n  fix: ${error.fix}`}`;
  }
  if (!(error instanceof Error)) return `UNEXPECTED: ${String(error)}`;
  const chain: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) chain.push(at.stack ?? at.message);
  return `UNEXPECTED: ${chain.join('\ncaused by: ')}`;
}

/** The message of anything that was thrown. `AggregateError` and empty messages (node's ECONNREFUSED) are opened. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  if (error instanceof Error) {
    const own = error.message === '' ? error.name : error.message;
    return error.cause === undefined ? own : `${own}: ${messageOf(error.cause)}`;
  }
  return String(error);
}

/**
 * The system's code of a failure (`ENOENT`, `ECONNREFUSED`), wherever in its chain of causes it stands. It looks at
 * properties, not at classes: an error may come from another realm (a worker, a test's sandbox).
 */
export function errorCode(error: unknown): string | undefined {
  let at = error;
  for (let depth = 0; depth < 10 && typeof at === 'object' && at !== null; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown };
    if (typeof code === 'string') return code;
    at = Array.isArray(errors) ? errors[0] : cause;
  }
  return undefined;
}
