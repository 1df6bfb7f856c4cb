// The supervisor: owns the database and the services of one staging, in a session of its own.
//   node actions/shared/src/supervisor/main.ts PLAN.json
// The command that starts it holds an IPC channel; when that closes before {"type":"detach"} came over it,
// however the command died, everything is taken down.
import { readFileSync } from 'node:fs';
import { describeError, EXIT, messageOf, PapergateError, Secret } from '@papergate/config';
import { Guard } from '../guard/index.ts';
import { homeOf } from '../home/index.ts';
import { Journal } from '../journal/index.ts';
import { acquireLease } from '../lease/index.ts';
import { identify } from '../process/facts.ts';
import { controlPath, serveControl } from './control.ts';
import { SECRET_NAMES, type DeployPlan } from './plan.ts';
import { ProcessRecord } from './processes.ts';
import { redact } from './redact.ts';
import { EventLog } from './event-log.ts';
import type { SupervisorCommand, SupervisorMessage } from './status.ts';
import { Supervisor } from './supervisor.ts';
import { Handover } from './handover.ts';
import { machineEnvironment } from './machine-env.ts';

const planPath = process.argv[2] ?? '';
const plan = JSON.parse(readFileSync(planPath, 'utf8')) as DeployPlan;
const secrets = new Map(
  SECRET_NAMES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, new Secret(value)] as const];
  }),
);

function send(message: SupervisorMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

async function main(): Promise<number> {
  const home = homeOf('', plan.home);
  const self = identify(process.pid);
  if (self === undefined) throw new Error('this process cannot see itself');
  const lease = await acquireLease({
    dir: home.lease,
    command: `papergate staging of ${plan.commit.slice(0, 12)}`,
    ...(plan.leaseGeneration === undefined ? {} : { handedOver: plan.leaseGeneration }),
    onLost: () => stop('somebody else took this place', false),
  });
  const guard = new Guard({ patienceMs: plan.stopPatienceMs });
  const control = controlPath(home.dir);
  const record = new ProcessRecord(home.supervisor, { supervisor: self, run_id: plan.runId, control });
  const events = new EventLog();
  const supervisor = new Supervisor({
    plan,
    home,
    journal: new Journal(home.journal, plan.runId),
    guard,
    record,
    secrets,
    machineEnv: machineEnvironment(process.env),
    onEvent: (event) => {
      events.add(event);
      process.stdout.write(`${JSON.stringify(event)}\n`);
      send({ type: 'event', event });
    },
  });

  const hurry = new AbortController();
  let whyDown: ((reason: string) => void) | undefined;
  const asked = new Promise<string>((resolve) => (whyDown = resolve));
  function stop(reason: string, hurried: boolean): void {
    if (hurried) hurry.abort();
    whyDown?.(reason);
    void supervisor.down(reason, hurry.signal);
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal, false));
  process.on('message', (command: SupervisorCommand) => {
    if (command.type === 'stop') stop(command.reason, command.hurry);
    if (command.type === 'detach') supervisor.detached = true;
  });
  process.on('disconnect', () => {
    if (!supervisor.detached) stop('the command that started it is gone', false);
  });
  // It may have died before we listened.
  if (process.channel !== undefined && !process.connected) stop('the command that started it is gone', false);

  const handover = new Handover(supervisor);
  const server = await serveControl(control, {
    status: () => supervisor.status(),
    stop,
    handOver: (request) => handover.take(request),
    follow: (onEvent) => events.follow(onEvent),
  });
  let code: number = EXIT.ok;
  try {
    await supervisor.up();
    send({ type: 'up', status: supervisor.status() });
    const reason = await asked;
    await supervisor.down(reason, hurry.signal);
    send({ type: 'down', reason });
  } catch (error) {
    code = error instanceof PapergateError ? error.exitCode : EXIT.external;
    send({ type: 'failed', error: errorOf(error) });
  } finally {
    await guard.close();
    await server.close();
    record.remove();
    await lease.release();
  }
  return code;
}

function errorOf(error: unknown): Extract<SupervisorMessage, { type: 'failed' }>['error'] {
  const values = [...secrets.values()].map((secret) => secret.reveal());
  if (!(error instanceof PapergateError)) {
    return { code: 'UNEXPECTED', message: redact(describeError(error), values), exitCode: EXIT.external };
  }
  const cause = error.cause === undefined ? '' : `: ${messageOf(error.cause)}`;
  return {
    code: error.code,
    message: redact(`${error.message}${cause}`, values),
    fix: error.fix,
    exitCode: error.exitCode,
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${redact(describeError(error))}\n`);
  send({ type: 'failed', error: errorOf(error) });
  process.exitCode = error instanceof PapergateError ? error.exitCode : EXIT.external;
}
if (process.connected) process.disconnect();
