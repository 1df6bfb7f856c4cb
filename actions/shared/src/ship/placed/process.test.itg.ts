import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { goodReleases, readHistory, rollback, takeDown, verifyAudit } from '../../deliver/index.ts';
import type { StageName, StageResult } from '../../evidence/index.ts';
import { decideGate } from '../../gate/index.ts';
import { passingEvidence } from '../../gate/testing.ts';
import { homeOf, makeHome, type Home } from '../../home/index.ts';
import { askStatus, askStop } from '../../supervisor/client.ts';
import type { StagingStatus } from '../../supervisor/status.ts';
import { makeTestRepository, type TestRepository } from '../../testing/repository.ts';
import { entryOf } from '../../release/index.ts';
import { openPlace } from '../place/index.ts';
import { INTERRUPTED, ship } from '../ship.ts';
import type { ShipEvent, ShipOptions, ShipOutcome, ShipStages } from '../types.ts';

jest.setTimeout(120_000);

const passed = (stage: StageName): StageResult => ({
  status: 'passed',
  checks: passingEvidence().find((evidence) => evidence.stage === stage)?.checks ?? [],
});
const FAILED: StageResult = { status: 'failed', checks: [{ name: 'it works', status: 'failed' }] };

function stagesOf(change: Partial<ShipStages> = {}): ShipStages {
  return {
    runSmoke: () => Promise.resolve(passed('smoke')),
    runLoad: () => Promise.resolve(passed('load')),
    decideGate,
    writeReport: ({ dir }) => ({ html: join(dir, 'r.html'), json: join(dir, 'r.json'), summary: join(dir, 's.md') }),
    ...change,
  };
}

interface Staging {
  repository: TestRepository;
  home: Home;
  events: ShipEvent[];
}
const stagings: Staging[] = [];

function staging(): Staging {
  const home = makeHome(homeOf('', mkdtempSync(join(tmpdir(), 'papergate-rollover-'))));
  const made = { repository: makeTestRepository(), home, events: [] };
  stagings.push(made);
  return made;
}

afterEach(async () => {
  for (const { home, repository } of stagings.splice(0)) {
    await askStop(home, 'test over');
    rmSync(home.dir, { recursive: true, force: true });
    repository.remove();
  }
});

const ENV = { PATH: process.env['PATH'] };

function go(at: Staging, stages: Partial<ShipStages> = {}, change: Partial<ShipOptions> = {}): Promise<ShipOutcome> {
  const never = new AbortController().signal;
  const options: ShipOptions = {
    repository: at.repository.dir,
    home: at.home,
    environment: 'development',
    sha: 'HEAD',
    load: 'quick',
    ports: 'free',
    detach: true,
    env: ENV,
    signal: never,
    hurry: never,
    command: 'test ship',
    maxEvidenceAgeMs: 3_600_000,
    ...change,
  };
  return ship(options, stagesOf(stages), (event) => at.events.push(event));
}

const openAt = ({ repository, home }: Staging) =>
  openPlace({
    choice: { kind: 'process' },
    repository: repository.dir,
    home,
    env: ENV,
    stages: stagesOf(),
    signal: new AbortController().signal,
  });

async function statusOf({ home }: Staging): Promise<StagingStatus> {
  const status = await askStatus(home);
  if (status === undefined) throw new Error('no staging runs');
  return status;
}

/** What has to stay while releases come and go. */
const lasting = ({ pid, database, services }: StagingStatus): unknown => ({
  pid,
  database,
  urls: services.map(({ url }) => url),
});

function nextCommit(at: Staging, name: string, source?: string): string {
  at.repository.write('services/dashboard/src/note.ts', `export const note = '${name}';`);
  if (source !== undefined) at.repository.write(entryOf('orchestrator'), source);
  return at.repository.commit(name);
}

describe('ship over a detached staging', () => {
  test('moves it to the next commit with its database, its ports and its supervisor, and back again', async () => {
    const at = staging();
    const first = await go(at);
    expect(first.run.error).toBeUndefined();
    const before = await statusOf(at);

    const second = nextCommit(at, 'second');
    const outcome = await go(at);
    expect(outcome.run.error).toBeUndefined();
    expect(outcome.exitCode).toBe(0);
    const after = await statusOf(at);
    expect(lasting(after)).toEqual(lasting(before));
    expect(after).toMatchObject({ commit: second, run_id: outcome.run.run_id, state: 'up' });
    expect(new Set(after.services.map((service) => service.manifest_digest))).toEqual(
      new Set([outcome.run.manifest?.digest]),
    );
    expect(outcome.run.stages.map(({ stage, status }) => [stage, status])).toEqual([
      ['validate', 'passed'],
      ['build', 'passed'],
      ['push', 'skipped'],
      ['deploy', 'passed'],
      ['smoke', 'passed'],
      ['load', 'passed'],
      ['gate', 'passed'],
    ]);

    const open = await openAt(at);
    const commits = async (): Promise<string[]> =>
      (await goodReleases(open.place)).map(({ manifest }) => manifest.commit);
    expect(await commits()).toEqual([second, first.run.commit]);
    const back = await rollback({
      ...open.moving('test rollback', () => {}, new AbortController().signal),
      sha: first.run.commit.slice(0, 7),
    });
    expect(back).toMatchObject({ status: 'delivered', action: 'rollback' });
    expect(await statusOf(at)).toMatchObject({ commit: first.run.commit, pid: before.pid });
    expect(await commits()).toEqual([first.run.commit, second]);
    expect(await verifyAudit(open.place)).toMatchObject({ ok: true, entries: 3 });
    await open.close();
  });

  test('a release that does not come up is undone: the old one runs on, all of it, ready', async () => {
    const at = staging();
    const first = await go(at);
    nextCommit(at, 'broken', `console.error('the orchestrator cannot go on'); process.exit(2);`);
    const outcome = await go(at);
    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.run.error?.message).toContain('orchestrator');
    const diagnosis = at.events.find((event) => event.type === 'diagnosis');
    expect(diagnosis).toMatchObject({ diagnosis: { service: 'orchestrator' } });
    expect(JSON.stringify(diagnosis)).toContain('the orchestrator cannot go on');
    const after = await statusOf(at);
    expect(after.services.map(({ state }) => state)).toEqual(after.services.map(() => 'ready'));
    expect(after.commit).toBe(first.run.commit);
  });

  test('one that the gate blocks goes back to the release before, and is no good release', async () => {
    const at = staging();
    const first = await go(at);
    nextCommit(at, 'slow');
    const outcome = await go(at, { runLoad: () => Promise.resolve(FAILED) });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.run.gate?.decision).toBe('block');
    expect(await statusOf(at)).toMatchObject({ commit: first.run.commit });
    const open = await openAt(at);
    const { releases, current } = await readHistory(open.place);
    expect(releases.map(({ manifest }) => manifest.commit)).toEqual([first.run.commit]);
    expect(current).toBe(first.run.manifest?.digest);
    await open.close();
  });

  test('one that is interrupted before it was judged goes back as well', async () => {
    const at = staging();
    const first = await go(at);
    nextCommit(at, 'impatient');
    const stop = new AbortController();
    const runLoad = (): Promise<StageResult> => {
      stop.abort(new Error('Ctrl-C'));
      return Promise.resolve(passed('load'));
    };
    const outcome = await go(at, { runLoad }, { signal: stop.signal });
    expect(outcome.exitCode).toBe(INTERRUPTED);
    expect(await statusOf(at)).toMatchObject({ commit: first.run.commit });
  });

  test('what was stopped is brought back by a rollback, in a staging of its own', async () => {
    const at = staging();
    const first = await go(at);
    const open = await openAt(at);
    const never = new AbortController().signal;
    await takeDown({ ...open.acting('test stop', () => {}, never), volumes: false });
    expect(await askStatus(at.home)).toBeUndefined();
    const back = await rollback({ ...open.moving('test rollback', () => {}, never), sha: first.run.commit });
    expect(back).toMatchObject({ status: 'delivered' });
    expect(await statusOf(at)).toMatchObject({ commit: first.run.commit, detached: true, state: 'up' });
    await open.close();
  });

  test('a smoke test that fails is undone, and its evidence says so', async () => {
    const at = staging();
    const first = await go(at);
    nextCommit(at, 'wrong');
    const outcome = await go(at, { runSmoke: () => Promise.resolve(FAILED) });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.run.stages.find(({ stage }) => stage === 'smoke')).toMatchObject({ status: 'failed' });
    expect(await statusOf(at)).toMatchObject({ commit: first.run.commit });
  });

  test('one that is attached to a command is refused by name', async () => {
    const at = staging();
    const outcome = await go(at, {}, { detach: false });
    await expect(go(at)).rejects.toMatchObject({ code: 'PLACE_TAKEN' });
    await outcome.staging?.stop('enough');
  });

  test('a staging that was killed leaves a record that the next ship closes, and begins afresh', async () => {
    const at = staging();
    await go(at);
    process.kill((await statusOf(at)).pid, 'SIGKILL');
    nextCommit(at, 'after');
    const outcome = await go(at);
    expect(outcome.exitCode).toBe(0);
    const status = await statusOf(at);
    expect(status.home_run_id).toBe(outcome.run.run_id);
    expect(existsSync(join(at.home.dir, 'places', 'process', 'history.json'))).toBe(true);
  });
});
