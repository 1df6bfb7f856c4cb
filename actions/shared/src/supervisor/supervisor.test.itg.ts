import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { PapergateError, Secret } from '@papergate/config';
import { leaseHolder } from '../lease/index.ts';
import { readJournal } from '../journal/index.ts';
import { isPidTaken, startOf } from '../process/facts.ts';
import { waitFor } from '../process/wait.ts';
import { makeTestStaging, type TestStaging } from '../testing/staging.ts';
import { askStatus, askStop, startSupervisor, type SupervisorHandle } from './client.ts';
import type { DeployPlan, SecretName } from './plan.ts';
import { endOrphans, readProcessRecord } from './processes.ts';
import type { SupervisorEvent } from './status.ts';

jest.setTimeout(60_000);

const SECRET = 'a-secret-that-must-not-be-seen';
const stagings: TestStaging[] = [];
const handles: SupervisorHandle[] = [];

async function staging(faults: Record<string, string>, change: Partial<DeployPlan> = {}): Promise<TestStaging> {
  const made = await makeTestStaging(faults, change);
  stagings.push(made);
  return made;
}

function start(made: TestStaging, events: SupervisorEvent[] = []): SupervisorHandle {
  const secrets = new Map<SecretName, Secret>([['ALPACA_SECRET_KEY', new Secret(SECRET)]]);
  const { plan, planPath, home } = made;
  const handle = startSupervisor({
    plan,
    planPath,
    home,
    secrets,
    env: process.env,
    onEvent: (event) => events.push(event),
  });
  handles.push(handle);
  return handle;
}

/** A start that ends for want of readiness. Where the machine was so busy that a service had not even answered, it gets more time. */
async function unready(faults: Record<string, string>): Promise<{ made: TestStaging; message: string }> {
  for (const readyTimeoutMs of [1_000, 5_000, 25_000]) {
    const made = await staging(faults, { readyTimeoutMs });
    const handle = start(made);
    const { message } = await failure(handle.up);
    await handle.ended;
    if (!message.includes('no answer')) return { made, message };
  }
  throw new Error('no service ever answered');
}

async function failure(promise: Promise<unknown>): Promise<PapergateError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PapergateError) return error;
  throw new Error(`expected a PapergateError, found ${String(error)}`);
}

/** Pids of everything that was ever started. */
const pids = (made: TestStaging): number[] =>
  made
    .history()
    .filter((line) => line.includes(' start '))
    .map((line) => Number(line.split(' ')[2]));
const eventsOf = (made: TestStaging): string[] => made.history().map((line) => line.split(' ').slice(0, 2).join(' '));
const allGone = (made: TestStaging): Promise<true | undefined> =>
  waitFor(() => pids(made).every((pid) => startOf(pid) === undefined), { timeoutMs: 15_000 });

afterEach(async () => {
  for (const handle of handles.splice(0)) {
    handle.stop('test over', true);
    await handle.ended;
  }
  for (const made of stagings.splice(0)) made.remove();
});

describe('supervisor', () => {
  test('starts services in order, each after the one before is ready, and stops them in reverse', async () => {
    const made = await staging({ alpha: '', beta: '', gamma: '' });
    for (const service of made.plan.services) if (service.name === 'alpha') service.node = ['--max-semi-space-size=4'];
    const handle = start(made);
    const status = await handle.up;
    const commandOf = (pid: number | null): string => readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8');
    const limited = status.services.filter(({ pid }) => commandOf(pid).includes('\0--max-semi-space-size=4\0'));
    expect(limited.map(({ name }) => name)).toEqual(['alpha']);
    expect(status.services.map(({ name, state }) => [name, state])).toEqual([
      ['alpha', 'ready'],
      ['beta', 'ready'],
      ['gamma', 'ready'],
    ]);
    handle.stop('enough');
    expect(await handle.ended).toBe('enough');
    expect(eventsOf(made)).toEqual([
      'alpha start',
      'beta start',
      'gamma start',
      'gamma sigterm',
      'gamma stopped',
      'beta sigterm',
      'beta stopped',
      'alpha sigterm',
      'alpha stopped',
    ]);
    expect(existsSync(made.home.supervisor)).toBe(false);
    expect(await leaseHolder({ dir: made.home.lease })).toBeUndefined();
  });

  test('writes every step into the journal, begun and done', async () => {
    const made = await staging({ alpha: '' });
    const handle = start(made);
    await handle.up;
    handle.stop('enough');
    await handle.ended;
    expect(readJournal(made.home.journal).map(({ step, state }) => `${step} ${state}`)).toEqual([
      'database begin',
      'database done',
      'start alpha begin',
      'start alpha done',
      'stop alpha begin',
      'stop alpha done',
    ]);
  });

  test('gives a service its own secrets and none of the environment of the caller', async () => {
    process.env['SOMETHING_PRIVATE'] = 'x';
    const made = await staging({ alpha: '' });
    const handle = start(made);
    await handle.up;
    delete process.env['SOMETHING_PRIVATE'];
    const log = readFileSync(join(made.home.logs, 'alpha.log'), 'utf8');
    expect(log).toContain('ALPACA_SECRET_KEY');
    expect(log).not.toContain('SOMETHING_PRIVATE');
    for (const file of [made.home.supervisor, made.planPath, made.home.journal]) {
      expect(readFileSync(file, 'utf8')).not.toContain(SECRET);
    }
  });

  test('answers status and stop to another process over its socket', async () => {
    const made = await staging({ alpha: '' });
    const handle = start(made);
    await handle.up;
    expect(await askStatus(made.home)).toMatchObject({ state: 'up', commit: made.plan.commit, detached: false });
    expect(await askStop(made.home, 'by another terminal')).toBe(true);
    expect(await handle.ended).toBe('by another terminal');
    expect(await askStatus(made.home)).toBeUndefined();
    expect(await allGone(made)).toBe(true);
  });

  test('restarts a service that crashes, and says so', async () => {
    const made = await staging({ alpha: '', beta: '' });
    const events: SupervisorEvent[] = [];
    const handle = start(made, events);
    const { services } = await handle.up;
    await fetch(`${services[0]?.url}/crash`).catch(() => {});
    const back = await waitFor(
      async () => {
        const alpha = (await askStatus(made.home))?.services[0];
        return alpha?.state === 'ready' && alpha.restarts === 1 ? alpha : undefined;
      },
      { timeoutMs: 10_000 },
    );
    expect(back).toBeDefined();
    expect(back?.pid).not.toBe(services[0]?.pid);
    expect(events.map(({ message }) => message)).toContain('restarted');
  });

  test('lets a service through that crashes once while it starts', async () => {
    const made = await staging({ alpha: 'crash-once' });
    const { services } = await start(made).up;
    expect(services[0]).toMatchObject({ state: 'ready', restarts: 1 });
  });

  test('gives up a service that crashes again and again, shows its last words without secrets, and stops the rest', async () => {
    const made = await staging({ alpha: '', beta: 'crash' });
    const error = await failure(start(made).up);
    expect(error.code).toBe('SERVICE_NOT_READY');
    expect(error.exitCode).toBe(3);
    expect(error.message).toContain('beta gave up: crashed 4 times');
    expect(error.message).toContain('beta breaks');
    expect(error.message).not.toContain(SECRET);
    expect(eventsOf(made).filter((line) => line === 'beta start')).toHaveLength(4);
    expect(eventsOf(made)).toContain('alpha stopped');
    expect(await allGone(made)).toBe(true);
  });

  test('does not restart a service that refuses its configuration', async () => {
    const made = await staging({ alpha: 'refuse' });
    const error = await failure(start(made).up);
    expect(error.message).toContain('alpha gave up: refused to start (exit code 2)');
    expect(error.message).toContain('does not like its configuration');
    expect(pids(made)).toHaveLength(1);
  });

  test('names the service that is never ready and what it waits for, and leaves nothing behind', async () => {
    const { made, message } = await unready({ alpha: '', beta: 'never-ready' });
    expect(message).toContain('beta is not ready in time: not ready (503): upstream: waits for ever');
    expect(await allGone(made)).toBe(true);
  });

  test('does not take an answer of another release for its own', async () => {
    const { message } = await unready({ alpha: 'foreign' });
    expect(message).toContain('is answered by release another');
  });

  test('kills a service that does not stop within its patience', async () => {
    const made = await staging({ alpha: '', beta: 'stubborn' }, { stopPatienceMs: 300 });
    const events: SupervisorEvent[] = [];
    const handle = start(made, events);
    await handle.up;
    handle.stop('enough');
    await handle.ended;
    expect(events).toContainEqual(expect.objectContaining({ kind: 'warning', service: 'beta' }));
    expect(eventsOf(made).slice(-3)).toEqual(['beta sigterm', 'alpha sigterm', 'alpha stopped']);
    expect(await allGone(made)).toBe(true);
  });

  test('a second, hurried stop does not wait for the patience', async () => {
    const made = await staging({ alpha: 'stubborn' }, { stopPatienceMs: 60_000 });
    const handle = start(made);
    await handle.up;
    handle.stop('enough');
    await waitFor(() => eventsOf(made).includes('alpha sigterm'), { timeoutMs: 5_000 });
    handle.stop('enough!', true);
    await handle.ended;
    expect(await allGone(made)).toBe(true);
  });

  test('a stop while it comes up takes down what is up and starts nothing more', async () => {
    const made = await staging({ alpha: '', beta: 'never-ready', gamma: '' });
    const handle = start(made);
    await waitFor(() => eventsOf(made).includes('beta start'), { timeoutMs: 5_000 });
    handle.stop('changed my mind');
    expect((await failure(handle.up)).message).toContain('changed my mind');
    await handle.ended;
    expect(eventsOf(made)).not.toContain('gamma start');
    expect(await allGone(made)).toBe(true);
  });

  test('takes everything down when the command that started it is killed outright', async () => {
    const made = await staging({ alpha: '', beta: '' });
    writeFileSync(made.planPath, JSON.stringify(made.plan));
    const parent = await startInParent(made);
    const record = readProcessRecord(made.home.supervisor);
    parent.kill('SIGKILL');
    expect(await waitFor(() => startOf(record?.supervisor.pid ?? 0) === undefined, { timeoutMs: 15_000 })).toBe(true);
    expect(eventsOf(made).slice(-4)).toEqual(['beta sigterm', 'beta stopped', 'alpha sigterm', 'alpha stopped']);
    expect(existsSync(made.home.supervisor)).toBe(false);
  });

  test('a supervisor that is killed outright takes its services with it', async () => {
    const made = await staging({ alpha: '', beta: '' });
    const handle = start(made);
    await handle.up;
    process.kill(handle.pid, 'SIGKILL');
    await handle.ended;
    expect(await allGone(made)).toBe(true);
    expect(await endOrphans(made.home.supervisor)).toEqual([]);
  });

  test('a stubborn orphan of a killed supervisor is ended by the guard', async () => {
    const made = await staging({ alpha: 'stubborn' }, { stopPatienceMs: 300 });
    const handle = start(made);
    await handle.up;
    process.kill(handle.pid, 'SIGKILL');
    expect(await allGone(made)).toBe(true);
  });

  test('a later run ends orphans by their record, and touches no stranger with the same number', async () => {
    const made = await staging({});
    const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const exited = once(orphan, 'exit');
    const pid = orphan.pid ?? 0;
    const stranger = { name: 'stranger', pid: process.pid, started: 'another start', signal: 'SIGKILL' };
    const found = { name: 'orphan', pid, started: startOf(pid), signal: 'SIGTERM' };
    const record = {
      supervisor: { pid: 1, started: 'long ago' },
      run_id: 'x',
      control: 'none',
      processes: [stranger, found],
    };
    writeFileSync(made.home.supervisor, JSON.stringify(record));
    expect(await endOrphans(made.home.supervisor)).toEqual(['orphan']);
    await exited;
    expect(isPidTaken(process.pid)).toBe(true);
    expect(existsSync(made.home.supervisor)).toBe(false);
  });

  test('a port in use is told with the last words of the service that wanted it', async () => {
    const made = await staging(
      { alpha: '' },
      { restart: { firstPauseMs: 10, longestPauseMs: 10, limit: 1, windowMs: 60_000 } },
    );
    const holder = createServer((_req, res) => res.writeHead(404).end());
    await new Promise<void>((resolve) => {
      holder.listen(Number(new URL(made.plan.services[0]?.url ?? '').port), '127.0.0.1', resolve);
    });
    try {
      expect((await failure(start(made).up)).message).toContain('EADDRINUSE');
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });
});

/** Starts the staging from a process of its own, which can be killed. */
async function startInParent(made: TestStaging) {
  const script = `
    import { startSupervisor } from ${JSON.stringify(fileURLToPath(new URL('client.ts', import.meta.url)))};
    import { readFileSync } from 'node:fs';
    const plan = JSON.parse(readFileSync(${JSON.stringify(made.planPath)}, 'utf8'));
    const handle = startSupervisor({ plan, planPath: ${JSON.stringify(made.planPath)}, home: ${JSON.stringify(made.home)},
      secrets: new Map(), env: process.env, onEvent: () => {} });
    await handle.up;
    console.log('up');
    await handle.ended;`;
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(parent.stdout, 'data'),
    once(parent, 'exit').then(() => Promise.reject(new Error('the parent ended'))),
  ]);
  return parent;
}
