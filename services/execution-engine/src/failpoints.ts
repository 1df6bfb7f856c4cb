import { setTimeout as delay } from 'node:timers/promises';
import { UserError, type Environment } from '@papergate/config';
import type { EngineSettings } from './settings.ts';

/** The named steps of an order's life at which the chaos command lets the engine die or stand still. */
export const FAILPOINTS = [
  'writer.fenced',
  'intake.received',
  'intake.checked',
  'intake.durable',
  'intake.acknowledged',
  'attempt.recording',
  'attempt.recorded',
  'send.calling',
  'send.answered',
  'stream.received',
  'ledger.applied',
  'ledger.committed',
  'look-up.denied',
  'reconcile.begun',
  'reconcile.compared',
  'cancel.asked',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

/** Called at a step; outside of the chaos command it does nothing. */
export type Failpoint = (name: FailpointName) => Promise<void> | undefined;

export const noFailpoint: Failpoint = () => undefined;

interface Armed {
  name: FailpointName;
  signal: 'SIGKILL' | 'SIGSTOP';
  /** Times that the step is passed before. */
  after: number;
}

/** What a test lays over the engine: where it dies, and shorter times. */
export interface TestTreatment {
  failpoint: Failpoint;
  settings: Partial<EngineSettings>;
  /** Takes another step from now on, as the text of the variable names it. */
  arm(text: string): void;
}

const SYNTAX =
  '{"at": "<step>", "signal": "SIGKILL" or "SIGSTOP", "after": <times it is passed before>, "settings": {…}}';

function refuse(message: string): UserError {
  return new UserError({
    code: 'ENGINE_TREATMENT_INVALID',
    message: `PAPERGATE_ENGINE_TREATMENT ${message}`,
    fix: `leave it out; the chaos command sets it, in development only, to ${SYNTAX}`,
  });
}

/**
 * Reads `PAPERGATE_ENGINE_TREATMENT`. It can end the process at a step of an order's life, so it exists in development
 * only: anywhere else its mere presence is refused.
 *
 * @returns undefined where the variable is not set
 * @throws UserError ENGINE_TREATMENT_INVALID
 */
export function readTreatment(text: string | undefined, environment: Environment): TestTreatment | undefined {
  if (text === undefined) return undefined;
  if (environment !== 'development') throw refuse(`is set in ${environment}, where it is not allowed`);
  const first = parse(text);
  let { armed } = first;
  return {
    failpoint: (passed) => {
      if (passed !== armed?.name) return undefined;
      armed.after -= 1;
      if (armed.after !== -1) return undefined;
      process.kill(process.pid, armed.signal);
      // The signal takes effect before another step is made.
      return delay(20).then(() => undefined);
    },
    settings: first.settings,
    arm: (other) => {
      ({ armed } = parse(other));
    },
  };
}

function parse(text: string): { armed: Armed | undefined; settings: Partial<EngineSettings> } {
  let found: { at?: unknown; signal?: unknown; after?: unknown; settings?: unknown };
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    throw refuse('is no JSON');
  }
  const settings = (found.settings ?? {}) as Partial<EngineSettings>;
  if (found.at === undefined) return { armed: undefined, settings };
  const name = FAILPOINTS.find((known) => known === found.at);
  if (name === undefined) throw refuse(`names the step ${JSON.stringify(found.at)}, allowed: ${FAILPOINTS.join(', ')}`);
  const { signal, after = 0 } = found;
  if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') throw refuse('has no signal that is SIGKILL or SIGSTOP');
  if (typeof after !== 'number' || !Number.isInteger(after) || after < 0)
    throw refuse('has an "after" that is no count');
  return { armed: { name, signal, after }, settings };
}
