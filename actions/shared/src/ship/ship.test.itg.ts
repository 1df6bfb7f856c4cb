import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { PapergateError } from '@papergate/config';
import { Client } from 'pg';
import type { StageName, StageResult } from '../evidence/index.ts';
import { decideGate } from '../gate/index.ts';
import { passingEvidence } from '../gate/testing.ts';
import { homeOf, makeHome, type Home } from '../home/index.ts';
import { acquireLease, leaseHolder } from '../lease/index.ts';
import { openSteps, readJournal } from '../journal/index.ts';
import { canListen } from '../net/free-port.ts';
import { commandOf, startOf } from '../process/facts.ts';
import { startEmbeddedPostgres } from '../postgres/index.ts';
import { waitFor } from '../process/wait.ts';
import { askStatus, askStop } from '../supervisor/client.ts';
import type { DeployPlan } from '../supervisor/plan.ts';
import { readProcessRecord } from '../supervisor/processes.ts';
import { makeTestRepository, type TestRepository } from '../testing/repository.ts';
import { readEvidence } from './run-store.ts';
import { rerunGate, rerunStage } from './rerun.ts';
import { INTERRUPTED, ship } from './ship.ts';
import type { ShipEvent, ShipOptions, ShipOutcome, ShipStages } from './types.ts';

/** What the delivered gate takes for a stage that passed. */
function passed(stage: StageName): StageResult {
  return { status: 'passed', checks: passingEvidence().find((evidence) => evidence.stage === stage)?.checks ?? [] };
}
const FAILED: StageResult = {
  status: 'failed',
  checks: [{ name: 'it works', status: 'failed', detail: 'it does not' }],
};

// Each brings up a whole staging, some of them two; on a busy machine that takes its time.
jest.setTimeout(60_000);

interface Place {
  repository: TestRepository;
  home: Home;
  events: ShipEvent[];
  stop: AbortController;
  hurry: AbortController;
}

const places: Place[] = [];

function place(repository: TestRepository): Place {
  const home = makeHome(homeOf('', mkdtempSync(join(tmpdir(), 'papergate-home-'))));
  const made = { repository, home, events: [], stop: new AbortController(), hurry: new AbortController() };
  places.push(made);
  return made;
}

function stagesOf(change: Partial<ShipStages> = {}): ShipStages {
  return {
    runSmoke: () => Promise.resolve(passed('smoke')),
    runLoad: () => Promise.resolve(passed('load')),
    decideGate,
    writeReport: ({ dir }) => ({
      html: join(dir, 'report.html'),
      json: join(dir, 'report.json'),
      summary: join(dir, 'summary.md'),
    }),
    ...change,
  };
}

function go(at: Place, change: Partial<ShipOptions> = {}, stages: Partial<ShipStages> = {}): Promise<ShipOutcome> {
  const options: ShipOptions = {
    repository: at.repository.dir,
    home: at.home,
    environment: 'development',
    sha: 'HEAD',
    load: 'quick',
    ports: 'free',
    detach: false,
    env: { PATH: process.env['PATH'] },
    signal: at.stop.signal,
    hurry: at.hurry.signal,
    command: 'test ship',
    maxEvidenceAgeMs: 3_600_000,
    ...change,
  };
  return ship(options, stagesOf(stages), (event) => at.events.push(event));
}

const statesOf = ({ run }: ShipOutcome): Record<string, string> =>
  Object.fromEntries(run.stages.map(({ stage, status }) => [stage, status]));

/** Nobody holds the place, nothing that was recorded runs, no port of the run is taken. */
async function expectNothingLeft({ home }: Place, outcome: ShipOutcome): Promise<void> {
  expect(existsSync(home.supervisor)).toBe(false);
  expect(await leaseHolder({ dir: home.lease })).toBeUndefined();
  const started = readJournal(home.journal).filter(({ run }) => run === outcome.run.run_id);
  expect(openSteps(started, outcome.run.run_id)).toEqual([]);
  for (const url of Object.values(outcome.run.urls)) expect(await canListen(Number(new URL(url).port))).toBe(true);
}

afterEach(async () => {
  for (const { home, repository } of places.splice(0)) {
    const record = readProcessRecord(home.supervisor);
    if (record !== undefined) await askStop(home, 'test over');
    rmSync(home.dir, { recursive: true, force: true });
    repository.remove();
  }
});

describe('ship', () => {
  test('takes a commit through every stage, leaves evidence of each, and keeps staging up until it is stopped', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at);
    expect(outcome.run.error).toBeUndefined();
    expect(statesOf(outcome)).toEqual({
      validate: 'passed',
      build: 'passed',
      push: 'skipped',
      deploy: 'passed',
      smoke: 'passed',
      load: 'passed',
      gate: 'passed',
    });
    expect(outcome.exitCode).toBe(0);
    const digest = outcome.run.manifest?.digest;
    expect(readEvidence(outcome.dir).map(({ stage, manifest_digest }) => [stage, manifest_digest === digest])).toEqual(
      ['build', 'deploy', 'gate', 'load', 'push', 'smoke', 'validate'].map((stage) => [stage, true]),
    );
    // What the gate said comes after its stage is over: a list of stages that is left on the screen is then complete.
    const told = at.events.map((event) => (event.type === 'stage' ? `${event.stage} ${event.state}` : event.type));
    expect(told.indexOf('gate')).toBeGreaterThan(told.indexOf('gate passed'));
    expect(await askStatus(at.home)).toMatchObject({ state: 'up', commit: outcome.run.commit });
    expect(outcome.run.machine.postgres).toMatch(/^18/);
    await outcome.staging?.stop('enough');
    await expectNothingLeft(at, outcome);
  });

  test('delivers the commit and not the working tree, and says that they differ', async () => {
    const at = place(makeTestRepository());
    at.repository.write('services/dashboard/src/main.ts', 'this is no program');
    const outcome = await go(at);
    expect(outcome.exitCode).toBe(0);
    expect(at.events).toContainEqual(expect.objectContaining({ type: 'commit', uncommitted_changes: true }));
    await outcome.staging?.stop('enough');
  });

  test('in development every run has a database of its own, and only the last ones are kept', async () => {
    const at = place(makeTestRepository());
    const names: string[] = [];
    for (let run = 0; run < 4; run += 1) {
      const outcome = await go(at);
      const plan = JSON.parse(readFileSync(join(outcome.dir, 'plan.json'), 'utf8')) as DeployPlan;
      if (plan.database.kind === 'embedded') names.push(plan.database.name);
      if (run === 3) expect(await databasesOf(at.home)).toEqual(names.slice(1));
      await outcome.staging?.stop('enough');
    }
    expect(new Set(names).size).toBe(4);
  });

  test('a second run beside a living staging is told who holds the place', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at);
    await expect(go(at)).rejects.toMatchObject({
      code: 'PLACE_TAKEN',
      exitCode: 3,
      message: expect.stringContaining('papergate staging of'),
    });
    await outcome.staging?.stop('enough');
    const again = await go(at);
    expect(again.exitCode).toBe(0);
    await again.staging?.stop('enough');
  });

  test('detached, staging goes on until somebody stops it', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at, { detach: true });
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(outcome.staging).toBeUndefined();
    const detached = async (): Promise<boolean | undefined> => (await askStatus(at.home))?.detached;
    expect(await waitFor(async () => (await detached()) === true, { timeoutMs: 10_000 })).toBe(true);
    expect(await askStatus(at.home)).toMatchObject({ state: 'up' });
    expect(await askStop(at.home, 'enough')).toBe(true);
    await expectNothingLeft(at, outcome);
  });

  test.each([
    ['smoke', { runSmoke: () => Promise.resolve(FAILED) }, { smoke: 'failed', load: 'not reached', gate: 'failed' }],
    ['load', { runLoad: () => Promise.resolve(FAILED) }, { smoke: 'passed', load: 'failed', gate: 'failed' }],
    [
      'the gate',
      { decideGate: () => ({ decision: 'block', reasons: ['load: too slow'] }) },
      { load: 'passed', gate: 'failed' },
    ],
  ] as [string, Partial<ShipStages>, Record<string, string>][])(
    'when %s says no, the gate blocks, the exit code is 1 and staging is taken down',
    async (_what, stages, states) => {
      const at = place(makeTestRepository());
      const outcome = await go(at, {}, stages);
      expect(outcome.exitCode).toBe(1);
      expect(statesOf(outcome)).toMatchObject(states);
      expect(outcome.run.gate).toMatchObject({ decision: 'block' });
      await expectNothingLeft(at, outcome);
    },
  );

  test('without a load stage the gate does not ask for one, and the run says that it was left out', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at, { load: 'none' }, { runLoad: () => Promise.reject(new Error('not wanted')) });
    expect(outcome.exitCode).toBe(0);
    expect(outcome.run.stages.find(({ stage }) => stage === 'load')).toMatchObject({
      status: 'skipped',
      reason: 'left out: --load none',
    });
    await outcome.staging?.stop('enough');
  });

  test('a service that crashes under load fails the load stage, although it came back', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(
      at,
      {},
      {
        runLoad: async ({ urls }) => {
          await fetch(`${urls['dashboard']}/crash`).catch(() => {});
          return passed('load');
        },
      },
    );
    expect(outcome.exitCode).toBe(1);
    expect(outcome.run.gate?.reasons.join()).toContain('no service crashed');
  });

  test('a service that does not come up ends the run with 3, its name and its last words', async () => {
    const at = place(makeTestRepository({ 'risk-manager': 'crash' }));
    const outcome = await go(at);
    expect(outcome.exitCode).toBe(3);
    expect(outcome.run.error?.message).toContain('risk-manager gave up');
    expect(outcome.run.error?.message).toContain('risk-manager cannot go on');
    expect(statesOf(outcome)).toMatchObject({ deploy: 'failed', smoke: 'not reached', gate: 'not reached' });
    await expectNothingLeft(at, outcome);
  });

  test('a source file that cannot be loaded stops the build and is named', async () => {
    const at = place(makeTestRepository({ orchestrator: 'syntax' }));
    const outcome = await go(at);
    expect(outcome.exitCode).toBe(2);
    expect(outcome.run.error).toMatchObject({
      code: 'BROKEN_SOURCE',
      message: expect.stringContaining('services/orchestrator/src/main.ts'),
    });
    expect(statesOf(outcome)).toMatchObject({ build: 'failed', deploy: 'not reached' });
  });

  test('all that is wrong with configuration and credentials is told at once, and nothing is started', async () => {
    const at = place(makeTestRepository());
    at.repository.write('config/system.development.json', '{"environment":"development","ports":1}');
    at.repository.commit();
    const drawn = createHash('sha256').update('a key of nobody').digest('hex').toUpperCase();
    const live = `${['A', 'K'].join('')}${drawn.slice(0, 18)}`;
    const outcome = await go(at, { env: { PATH: process.env['PATH'], DRY_RUN: 'false', SOME_NAME: live } });
    expect(outcome.exitCode).toBe(2);
    expect(outcome.run.error?.message).toMatch(/ports/);
    expect(outcome.run.error?.message).toMatch(/DRY_RUN/);
    expect(outcome.run.error?.message).toMatch(/SOME_NAME/);
    expect(JSON.stringify([outcome.run, at.events])).not.toContain(live);
    await expectNothingLeft(at, outcome);
  });

  test('staging wants a token and real keys, and says so before anything is started', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at, { environment: 'staging' });
    expect(outcome).toMatchObject({ exitCode: 2, run: { error: { code: 'CREDENTIALS_REFUSED' } } });
    expect(outcome.run.error?.message).toContain('ALPACA_API_KEY is not set');
  });

  test('an external database is used as it is; one that does not answer is named without its password', async () => {
    const at = place(makeTestRepository());
    const env = { PATH: process.env['PATH'], DATABASE_URL: 'postgres://somebody:hunter2hunter2@127.0.0.1:1/nothing' };
    const outcome = await go(at, { env });
    expect(outcome).toMatchObject({ exitCode: 3, run: { error: { code: 'DATABASE_UNREACHABLE' } } });
    expect(outcome.run.error?.message).toContain('127.0.0.1:1');
    expect(JSON.stringify([outcome.run, at.events])).not.toContain('hunter2');
  });

  test('an external database that answers is used, and none is started', async () => {
    const at = place(makeTestRepository());
    const folder = join(at.home.dir, 'elsewhere');
    const database = await startEmbeddedPostgres({ dataDir: folder, durable: false });
    try {
      const outcome = await go(at, { env: { PATH: process.env['PATH'], DATABASE_URL: database.url.reveal() } });
      expect(outcome.exitCode).toBe(0);
      expect(await askStatus(at.home)).toMatchObject({ database: { kind: 'external', version: database.version } });
      expect(readProcessRecord(at.home.supervisor)?.processes.map(({ name }) => name)).not.toContain('postgres');
      expect(existsSync(join(at.home.postgres, 'passwords.json'))).toBe(false);
      await outcome.staging?.stop('enough');
    } finally {
      await database.stop();
    }
  });

  test('a PostgreSQL that is killed while staging is up comes back on its port, with what was committed', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at);
    const before = (await askStatus(at.home))?.database;
    const server = readProcessRecord(at.home.supervisor)?.processes.find(({ name }) => name === 'postgres');
    if (server === undefined) throw new Error('no server was recorded');
    const databases = await databasesOf(at.home);
    process.kill(server.pid, 'SIGKILL');
    const isBack = async (): Promise<boolean> => {
      const record = readProcessRecord(at.home.supervisor)?.processes.find(({ name }) => name === 'postgres');
      return record !== undefined && record.pid !== server.pid && (await askStatus(at.home))?.database.state === 'up';
    };
    expect(await waitFor(isBack, { timeoutMs: 30_000 })).toBe(true);
    expect((await askStatus(at.home))?.database).toEqual(before);
    expect(await databasesOf(at.home)).toEqual(databases);
    await outcome.staging?.stop('enough');
    await expectNothingLeft(at, outcome);
  });

  test.each(['validate', 'build', 'deploy', 'smoke', 'load'] as StageName[])(
    'an interrupt in %s stops everything and leaves nothing behind',
    async (stage) => {
      const at = place(makeTestRepository({ orchestrator: 'slow' }));
      const until = (signal: AbortSignal): Promise<StageResult> =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      const stages: Partial<ShipStages> = {
        runSmoke: ({ signal }) => (stage === 'smoke' ? until(signal) : Promise.resolve(passed('smoke'))),
        runLoad: ({ signal }) => until(signal),
      };
      const running = go(at, {}, stages);
      const seen = await eventually(() =>
        at.events.some((event) => event.type === 'stage' && event.stage === stage && event.state === 'started'),
      );
      expect(seen).toBe(true);
      if (stage === 'deploy')
        await eventually(() =>
          at.events.some((event) => event.type === 'progress' && event.message.includes('starting orchestrator')),
        );
      at.stop.abort(new Error('Ctrl-C'));
      const outcome = await running;
      expect(outcome.exitCode).toBe(INTERRUPTED);
      expect(statesOf(outcome)[stage]).toBe('interrupted');
      await expectNothingLeft(at, outcome);
    },
  );

  test('a staging that is stopped from elsewhere while it is loaded ends the run with that reason', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(
      at,
      {},
      {
        runLoad: async ({ signal }) => {
          await askStop(at.home, 'papergate stop');
          await eventually(() => signal.aborted);
          signal.throwIfAborted();
          return passed('load');
        },
      },
    );
    expect(outcome).toMatchObject({
      exitCode: 3,
      run: { error: { code: 'STAGING_STOPPED', message: expect.stringContaining('papergate stop') } },
    });
    await expectNothingLeft(at, outcome);
  });

  test('what a killed supervisor left is found and ended by the next run', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at);
    const record = readProcessRecord(at.home.supervisor);
    // Never with 0 for a missing pid: that is the whole process group, ours.
    if (record === undefined) throw new Error('nothing was recorded');
    process.kill(record.supervisor.pid, 'SIGKILL');
    expect(await outcome.staging?.ended).toBeDefined();
    const again = await go(at);
    expect(again.exitCode).toBe(0);
    for (const { pid } of record.processes) expect(startOf(pid)).toBeUndefined();
    await again.staging?.stop('enough');
  });

  test('ports that others hold are named with their holder before anything is started', async () => {
    const at = place(makeTestRepository());
    const first = await go(at);
    const other = place(makeTestRepository());
    const config = JSON.parse(readFileSync(join(first.dir, 'config', 'system.development.json'), 'utf8')) as unknown;
    other.repository.write('config/system.development.json', JSON.stringify(config));
    other.repository.commit();
    const outcome = await go(other, { ports: 'default' });
    expect(outcome).toMatchObject({ exitCode: 3, run: { error: { code: 'PORT_IN_USE' } } });
    const port = new URL(first.run.urls['dashboard'] ?? '').port;
    expect(outcome.run.error?.message).toMatch(
      new RegExp(`${port} \\(dashboard\\) is held by process \\d+: .*services/dashboard/src/main.ts`),
    );
    await first.staging?.stop('enough');
  });

  test('no secret of a run is in any file that it leaves', async () => {
    const at = place(makeTestRepository());
    const outcome = await go(at);
    const pid = (await askStatus(at.home))?.services[0]?.pid ?? 0;
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const secrets = environ
      .filter((line) => /^(ALPACA_\w*KEY|DATABASE_URL)=/.test(line))
      .map((line) => line.slice(line.indexOf('=') + 1));
    expect(secrets.length).toBeGreaterThan(1);
    const files = readdirSync(at.home.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !relative(at.home.dir, entry.parentPath).startsWith('pg'))
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(20);
    for (const file of files)
      for (const secret of secrets) expect(readFileSync(file, 'utf8').includes(secret)).toBe(false);
    await outcome.staging?.stop('enough');
  });
});

describe('one stage again', () => {
  test('smoke and gate on a staging that is up replace the evidence and can turn the verdict', async () => {
    const at = place(makeTestRepository());
    await go(at, { detach: true });
    const options = { home: at.home, env: {}, onProgress: () => {}, signal: at.stop.signal };
    const failed = await rerunStage('smoke', {
      ...options,
      stages: stagesOf({ runSmoke: () => Promise.resolve(FAILED) }),
    });
    expect(failed.result.status).toBe('failed');
    // The gate's word on the old evidence does not outlive it.
    expect(readEvidence(failed.runDir).find(({ stage }) => stage === 'gate')?.status).toBe('failed');
    const required: StageName[] = ['validate', 'build', 'deploy', 'smoke', 'load'];
    const blocked = await rerunGate(undefined, required, 3_600_000, { home: at.home, stages: stagesOf() });
    expect(blocked.decision.decision).toBe('block');
    await rerunStage('smoke', { ...options, stages: stagesOf() });
    const passed = await rerunGate(undefined, required, 3_600_000, { home: at.home, stages: stagesOf() });
    expect(passed.decision).toEqual({ decision: 'pass', reasons: [] });
    await askStop(at.home, 'enough');
    const none = rerunStage('smoke', { ...options, stages: stagesOf() });
    await expect(none).rejects.toBeInstanceOf(PapergateError);
    await expect(none).rejects.toMatchObject({ code: 'NO_STAGING', exitCode: 3 });
  });
});

test('a held lease keeps a ship from touching anything', async () => {
  const at = place(makeTestRepository());
  const lease = await acquireLease({ dir: at.home.lease, command: 'somebody else' });
  await expect(go(at)).rejects.toMatchObject({ code: 'PLACE_TAKEN' });
  expect(readdirSync(at.home.releases)).toEqual([]);
  await lease.release();
});

async function databasesOf({ postgres, supervisor }: Home): Promise<string[]> {
  const { admin } = JSON.parse(readFileSync(join(postgres, 'passwords.json'), 'utf8')) as { admin: string };
  const server = readProcessRecord(supervisor)?.processes.find(({ name }) => name === 'postgres');
  const port = Number(/port=(\d+)/.exec(commandOf(server?.pid ?? -1) ?? '')?.[1]);
  const client = new Client({ user: 'postgres', password: admin, host: '127.0.0.1', port, database: 'postgres' });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    "SELECT datname FROM pg_database WHERE datname ~ '^papergate' ORDER BY 1",
  );
  await client.end();
  return rows.map(({ datname }) => datname);
}

async function eventually(condition: () => boolean): Promise<boolean> {
  const until = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}
