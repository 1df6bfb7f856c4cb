import { describeError, EXIT, ExternalError, messageOf, PapergateError } from '@papergate/config';
import type { Check } from '../evidence/index.ts';

/**
 * What the delivery engine throws, beside what the parts it calls throw themselves:
 *
 * | code | meaning |
 * | --- | --- |
 * | `PLACE_TAKEN` | another deployer holds the lease |
 * | `LEASE_LOST` | another deployer took the lease over while this one was silent; nothing more is changed |
 * | `DEPLOY_REFUSED` | a check before the first stop said no |
 * | `NOT_READY` | a service did not become ready |
 * | `STILL_RUNNING` | a service that was stopped is still there: the new one is not started beside it |
 * | `NOT_AS_WANTED` | what runs is not exactly what the manifest names |
 * | `SMOKE_FAILED` | the smoke test said no |
 * | `STEP_TOO_LONG` | a step took longer than it may |
 * | `INTERRUPTED` | the caller stopped it |
 * | `RELEASE_UNKNOWN` | no good release of this name can be rolled back to |
 * | `RELEASE_UNRECORDED` | something runs that the record of the place does not know |
 * | `HISTORY_UNREADABLE` | `history.json` is damaged |
 */
export class DeliverError extends PapergateError {}

/** A step that failed: which one, of which service, and why. */
export class StepFailed extends Error {
  readonly step: string;
  readonly service: string | undefined;
  /** The probe's own words. */
  readonly probe: string | undefined;

  constructor(step: string, cause: unknown, of: { service?: string | undefined; probe?: string | undefined } = {}) {
    super(`${step}: ${messageOf(cause)}`, { cause });
    this.name = 'StepFailed';
    this.step = step;
    this.service = of.service;
    this.probe = of.probe;
  }
}

export function leaseLost(holder: string | undefined): ExternalError {
  return new ExternalError({
    code: 'LEASE_LOST',
    message: `this deployer was silent for too long and has lost the place${holder === undefined ? '' : ` to ${holder}`}; it changes nothing any more`,
    fix: 'the new holder has undone or finished what was begun: look at "npx papergate status" and "npx papergate audit show"',
  });
}

/** @throws DeliverError DEPLOY_REFUSED where one of the checks failed */
export function demand(checks: readonly Check[], what: string): void {
  const failed = checks.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return;
  throw new DeliverError({
    code: 'DEPLOY_REFUSED',
    exitCode: EXIT.blocked,
    message: `${what}: ${failed.map(({ name, detail, observed }) => `${name}: ${detail ?? String(observed ?? 'failed')}`).join('; ')}`,
    fix: 'mend what is named and deploy again; nothing that ran was touched',
  });
}

/** The error that counts, below the steps that it went through. */
export function rootOf(error: unknown): unknown {
  return error instanceof StepFailed ? rootOf(error.cause) : error;
}

export function codeOf(error: unknown): string {
  const root = rootOf(error);
  return root instanceof PapergateError ? root.code : 'UNEXPECTED';
}

export function exitCodeOf(error: unknown): number {
  const root = rootOf(error);
  return root instanceof PapergateError ? root.exitCode : EXIT.external;
}

/** For people; the whole chain of what is nobody's known mistake. */
export const wordsOf = (error: unknown): string => {
  const root = rootOf(error);
  return root instanceof PapergateError
    ? `${root.message}${root.cause === undefined ? '' : `: ${messageOf(root.cause)}`}`
    : describeError(root);
};
