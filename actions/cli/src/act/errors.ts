import { UserError } from '@papergate/config';

/** The workflow that was named is none of the repository's. */
export const workflowUnknown = (found: string, known: readonly string[]): UserError =>
  new UserError({
    code: 'WORKFLOW_UNKNOWN',
    message: `there is no workflow ${found} in .github/workflows, there are: ${known.join(', ')}`,
    fix: 'name one of these',
  });

/** The workflow is not triggered by that event. */
export const eventUnknown = (workflow: string, found: string, known: readonly string[]): UserError =>
  new UserError({
    code: 'EVENT_UNKNOWN',
    message: `${workflow} is not triggered by ${found}, but by: ${known.join(', ')}`,
    fix: 'name one of these with --event',
  });

/** An action of somebody else that a run on this machine cannot fetch. */
export const noStandIn = (uses: readonly string[]): UserError =>
  new UserError({
    code: 'NO_STAND_IN',
    message: `there is no stand-in for ${uses.join(', ')}; a run on this machine fetches no actions`,
    fix: 'add one to actions/cli/src/act/stand-ins.ts, or do without the action',
  });

/** A file of `NAME=value` lines that is none. */
export const fileInvalid = (path: string, line: number, why: string): UserError =>
  new UserError({
    code: 'ACT_FILE_INVALID',
    message: `${path}, line ${line}: ${why}; allowed are NAME=value, comments with # and empty lines`,
    fix: 'mend the line',
  });

/** Something named does not exist or cannot be read. */
export const fileUnreadable = (path: string, why: string, cause: unknown): UserError =>
  new UserError({
    code: 'ACT_FILE_UNREADABLE',
    message: `${path} cannot be read: ${why}`,
    fix: 'name a file that is there',
    cause,
  });

/** The commit to run is not in the repository. */
export const refUnknown = (ref: string, cause: unknown): UserError =>
  new UserError({
    code: 'REF_UNKNOWN',
    message: `there is no commit ${ref} in this repository`,
    fix: 'name a commit, a branch or a tag that "git log" shows',
    cause,
  });
