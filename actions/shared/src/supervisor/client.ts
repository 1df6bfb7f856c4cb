import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError, PapergateError, type EnvSource, type ExitCode, type Secret } from '@papergate/config';
import { writeAtomic, type Home } from '../home/index.ts';
import { isRunning } from '../process/facts.ts';
import { waitFor } from '../process/wait.ts';
import { askControl } from './control.ts';
import type { HandoverRequest } from './handover.ts';
import { lastLines, openLog } from './log-file.ts';
import { machineEnvironment } from './machine-env.ts';
import type { DeployPlan, SecretName } from './plan.ts';
import { readProcessRecord } from './processes.ts';
import { supervisorProgram } from './program.ts';
import type { StagingStatus, SupervisorCommand, SupervisorEvent, SupervisorMessage } from './status.ts';

/** A supervisor that this process has started and that ends with it unless it is detached. */
export interface SupervisorHandle {
  pid: number;
  /** The staging is up; rejects with the reason when it does not come up. */
  up: Promise<StagingStatus>;
  /** Settles when the supervisor process has ended, with the reason. */
  ended: Promise<string>;
  stop(reason: string, hurry?: boolean): void;
  /** From now on it goes on without us. */
  detach(): void;
}

export interface StartOptions {
  plan: DeployPlan;
  planPath: string;
  home: Home;
  secrets: ReadonlyMap<SecretName, Secret>;
  env: EnvSource;
  onEvent(event: SupervisorEvent): void;
}

export function startSupervisor({ plan, planPath, home, secrets, env, onEvent }: StartOptions): SupervisorHandle {
  writeAtomic(planPath, `${JSON.stringify(plan, null, 2)}\n`);
  const log = openLog(join(home.logs, 'supervisor.log'));
  const child = spawn(process.execPath, [supervisorProgram(), planPath], {
    cwd: home.dir,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...machineEnvironment(env), ...revealed(secrets) },
  });
  closeSync(log);
  const handle = follow(child, home, onEvent);
  // Both are looked at by the caller when it gets there; until then a rejection must not count as unhandled.
  handle.up.catch(() => {});
  return handle;
}

function revealed(secrets: ReadonlyMap<SecretName, Secret>): Record<string, string> {
  return Object.fromEntries([...secrets].map(([name, secret]) => [name, secret.reveal()]));
}

function follow(child: ChildProcess, home: Home, onEvent: (event: SupervisorEvent) => void): SupervisorHandle {
  let reason = 'it ended by itself';
  const up = new Promise<StagingStatus>((resolve, reject) => {
    child.on('message', (message: SupervisorMessage) => {
      if (message.type === 'event') onEvent(message.event);
      if (message.type === 'up') resolve(message.status);
      if (message.type === 'down') reason = message.reason;
      if (message.type === 'failed') {
        reason = message.error.message;
        reject(failureOf(message.error));
      }
    });
    child.once('error', (error) => reject(supervisorGone(home, error.message)));
    child.once('exit', (code, signal) => reject(supervisorGone(home, signal ?? `exit code ${code ?? 'unknown'}`)));
  });
  const ended = new Promise<string>((resolve) => {
    child.once('exit', () => resolve(reason));
    child.once('error', () => resolve(reason));
  });
  const send = (command: SupervisorCommand): void => {
    if (child.connected) child.send(command, () => {});
  };
  return {
    pid: child.pid ?? 0,
    up,
    ended,
    stop: (why, hurry = false) => send({ type: 'stop', reason: why, hurry }),
    detach: () => {
      send({ type: 'detach' });
      child.disconnect();
      child.unref();
    },
  };
}

function failureOf(error: Extract<SupervisorMessage, { type: 'failed' }>['error']): PapergateError {
  return new PapergateError({
    code: error.code,
    message: error.message,
    exitCode: error.exitCode as ExitCode,
    ...(error.fix === undefined ? {} : { fix: error.fix }),
  });
}

function supervisorGone(home: Home, how: string): ExternalError {
  const log = join(home.logs, 'supervisor.log');
  return new ExternalError({
    code: 'SUPERVISOR_GONE',
    message: `the supervisor ended (${how}); its last words: ${lastLines(log, 3).join(' | ') || '(none)'}`,
    fix: `read ${log}; what it had started is ended by its guard`,
  });
}

/** The staging of a state folder, asked from any process of this user; undefined where none runs. */
export async function askStatus(home: Home): Promise<StagingStatus | undefined> {
  const record = readProcessRecord(home.supervisor);
  if (record === undefined) return undefined;
  const answer = await askControl(record.control, 'GET', '/status');
  return answer?.status === 200 ? (JSON.parse(answer.body) as StagingStatus) : undefined;
}

/** Asks the supervisor to take everything down and waits for its end. False where none answers. */
export async function askStop(home: Home, reason: string, timeoutMs = 120_000): Promise<boolean> {
  const record = readProcessRecord(home.supervisor);
  if (record === undefined) return false;
  const answer = await askControl(record.control, 'POST', `/stop?reason=${encodeURIComponent(reason)}`);
  if (answer?.status !== 202) return false;
  return (await waitFor(() => !isRunning(record.supervisor), { timeoutMs })) === true;
}

/** One step of a hand-over, and the supervisor's answer. @throws ExternalError HANDOVER_REFUSED, NO_STAGING */
export async function askHandover(home: Home, request: HandoverRequest, timeoutMs = 180_000): Promise<void> {
  const record = readProcessRecord(home.supervisor);
  const answer =
    record === undefined
      ? undefined
      : await askControl(record.control, 'POST', '/handover', { timeoutMs, body: request });
  if (answer?.status === 200) return;
  if (answer === undefined) {
    throw new ExternalError({
      code: 'NO_STAGING',
      message: `the supervisor of ${home.dir} does not answer`,
      fix: 'look at "npx papergate status"; ship again where nothing runs',
    });
  }
  throw new ExternalError({
    code: 'HANDOVER_REFUSED',
    message: `the supervisor refused to ${request.act}: ${refusalOf(answer.body)}`,
    fix: 'look at "npx papergate status" for who is at work here',
  });
}

function refusalOf(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body;
  } catch {
    return body;
  }
}
