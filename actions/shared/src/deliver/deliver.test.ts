import { beforeEach, describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { readAudit } from './audit.ts';
import type { DeliverEvent } from './events.ts';
import { goodReleases } from './history.ts';
import { recover } from './recover.ts';
import { ORDER, simManifest, WAVES, type Fault } from './testing/bundle.ts';
import { demandSound, SimWorld, stepsOf } from './testing/world.ts';

let world: SimWorld;
const [one, two, three] = [
  simManifest(1),
  simManifest(2, { schema: '0002_more' }),
  simManifest(3, { schema: '0002_more' }),
];
beforeEach(() => {
  world = new SimWorld();
});

describe('a deploy', () => {
  test('takes the steps in the order in which the journal names them, and stops in reverse', async () => {
    await world.delivered(one);
    const events: DeliverEvent[] = [];
    const outcome = await world.delivered(two, { onEvent: (event) => events.push(event) });
    expect(outcome).toMatchObject({ status: 'delivered', exitCode: 0, from: one, to: two, migrations: ['0002_more'] });
    expect(stepsOf(events)).toEqual([
      'verify',
      'infrastructure',
      'prepare',
      'checkpoint',
      'migrate',
      ...[
        'observability-api',
        'dashboard',
        'orchestrator',
        'execution-engine',
        'signal-bridge',
        'risk-manager',
        'market-data',
      ].map((name) => `stop:${name}`),
      ...ORDER.map((name) => `start:${name}`),
      'smoke',
      'commit',
      'prune',
    ]);
    await demandSound(world, two);
  });

  test('has every step on disk before it is taken', async () => {
    await world.delivered(one);
    const deployer = world.deployer();
    const { target } = world.moving(deployer);
    const taken: string[] = [];
    const before = world.disk.text('/place/journal.jsonl')?.length ?? 0;
    const check = (...steps: string[]): void => {
      const now = world.disk.text('/place/journal.jsonl')?.slice(before) ?? '';
      for (const step of steps) {
        taken.push(now.includes(`"step":"${step}","state":"begin"`) ? step : `${step} without its line`);
      }
    };
    const watched: typeof target = {
      ...target,
      verify: (...given) => (check('verify'), target.verify(...given)),
      ensureInfrastructure: (...given) => (check('infrastructure'), target.ensureInfrastructure(...given)),
      prepare: (...given) => (check('prepare'), target.prepare(...given)),
      migrate: (...given) => (check('migrate'), target.migrate(...given)),
      stop: (services, fence) => (check(...services.map((name) => `stop:${name}`)), target.stop(services, fence)),
      start: (manifest, name, fence) => (check(`start:${name}`), target.start(manifest, name, fence)),
      smoke: (...given) => (check('smoke'), target.smoke(...given)),
      prune: (...given) => (check('prune'), target.prune(...given)),
    };
    await world.time.run(world.deliver(deployer, two, { target: watched }));
    expect(taken).toHaveLength(6 + 2 * ORDER.length);
    expect(taken.filter((step) => step.includes('without'))).toEqual([]);
  });

  test('keeps the last five good releases with their manifests and checkpoints, newest first, and removes the rest', async () => {
    const releases = Array.from({ length: 7 }, (_, n) => simManifest(n + 10));
    for (const release of releases) await world.delivered(release);
    const good = await world.time.run(goodReleases(world.place(world.deployer())));
    expect(good.map(({ manifest }) => manifest)).toEqual(releases.slice(2).toReversed());
    expect(good[0]).toMatchObject({ how: 'deploy', checkpoint: 'cp-7', schema_version: '0001_init' });
    expect(new Set([...world.bundle.containers.values()].map(({ manifest }) => manifest.digest)).size).toBe(5);
    await demandSound(world, releases[6]);
  });

  test('of what runs already and is well touches nothing', async () => {
    await world.delivered(one);
    const before = [...world.bundle.containers.values()].map(({ startedAt }) => startedAt);
    const outcome = await world.delivered(one);
    expect(outcome).toMatchObject({ status: 'unchanged', exitCode: 0 });
    expect([...world.bundle.containers.values()].map(({ startedAt }) => startedAt)).toEqual(before);
    await demandSound(world, one);
  });

  test('of what runs already starts it anew where that is wanted, since its secrets have changed', async () => {
    await world.delivered(one);
    const before = world.bundle.running('orchestrator')?.startedAt ?? 0;
    expect(await world.delivered(one, { restart: true })).toMatchObject({ status: 'delivered', from: one, to: one });
    expect(world.bundle.running('orchestrator')?.startedAt).toBeGreaterThan(before);
    await demandSound(world, one);
  });

  test('of what runs already but is ill starts it anew', async () => {
    await world.delivered(one);
    const ill = world.bundle.running('risk-manager');
    if (ill !== undefined) ill.state = 'exited';
    expect(await world.delivered(one)).toMatchObject({ status: 'delivered' });
    await demandSound(world, one);
  });

  test('says how long order intake was away, which is no longer than its services need', async () => {
    await world.delivered(one);
    const { intakeAwayMs = Infinity } = await world.delivered(two);
    expect(intakeAwayMs).toBeLessThan(2_000);
    expect(intakeAwayMs).toBeGreaterThan(900);
  });

  test('names who did it, from where to where, in the audit log', async () => {
    await world.delivered(one);
    const [entry] = await world.time.run(readAudit(world.place(world.deployer())));
    expect(entry).toMatchObject({
      seq: 1,
      actor: { user: 'ada', host: 'here' },
      environment: 'staging',
      project: 'papergate-staging',
      action: 'deploy',
      from: null,
      to: { commit: one.commit, manifest: one.digest },
      outcome: 'delivered',
    });
  });

  test('refuses a manifest that was changed after it was sealed', () => {
    expect(() => world.deliver(world.deployer(), { ...one, commit: 'f'.repeat(40) })).toThrow(UserError);
  });

  test('refuses what is not signed as it must be, before anything else is looked at', async () => {
    await world.delivered(one);
    const deployer = world.deployer();
    const outcome = await world.time.run(
      world.deliver(deployer, two, {
        requireSignature: () =>
          Promise.resolve([{ name: 'signature of orchestrator', status: 'failed', detail: 'no signature' }]),
      }),
    );
    expect(outcome).toMatchObject({
      status: 'failed',
      exitCode: 1,
      diagnosis: { code: 'DEPLOY_REFUSED', step: 'verify' },
    });
    expect(deployer.operations).not.toContain('verify');
    await demandSound(world, one);
  });

  test('asks about its migrations with what can be rolled back to, and ends where the answer is no', async () => {
    await world.delivered(one);
    const outcome = await world.delivered(two, {
      checkMigrations: ({ current, kept, next }) => {
        expect([current, kept.map(({ manifest }) => manifest.digest), next.digest]).toEqual([
          '0001_init',
          [one.digest],
          two.digest,
        ]);
        return Promise.resolve([{ name: '0002_more', status: 'failed', detail: 'drops orders.symbol' }]);
      },
    });
    expect(outcome).toMatchObject({ status: 'failed', exitCode: 1 });
    expect(outcome.diagnosis?.message).toContain('drops orders.symbol');
    await demandSound(world, one);
  });

  test('over a release that only its own folder knows, finds what to go back to', async () => {
    await world.delivered(one);
    world.disk.files.delete('/place/history.json');
    world.disk.files.delete('/place/journal.jsonl');
    world.disk.files.delete('/place/audit.jsonl');
    world.disk.files.delete('/place/audit.head');
    const lost = world.delivered(two);
    await expect(lost).rejects.toMatchObject({ code: 'RELEASE_UNRECORDED', exitCode: 2 });
    world.disk.files.set(`/place/releases/${one.digest.slice(7, 19)}/manifest.json`, {
      text: JSON.stringify(one),
      at: 0,
    });
    world.break(two, { kind: 'smoke' });
    expect(await world.delivered(two)).toMatchObject({ status: 'undone', from: one });
    expect(world.bundle.isExactly(one)).toBe(true);
  });

  test('says where history is damaged instead of going on from a guess', async () => {
    await world.delivered(one);
    world.disk.files.set('/place/history.json', { text: '{"schema":1', at: 0 });
    await expect(world.delivered(two)).rejects.toMatchObject({ code: 'HISTORY_UNREADABLE', exitCode: 2 });
    expect(world.bundle.isExactly(one)).toBe(true);
  });
});

const service = 'execution-engine';
const BROKEN: [
  string,
  Fault,
  string,
  { status: 'failed' | 'undone'; step: string; exitCode: number; service?: string },
][] = [
  [
    'its digests are not there',
    { kind: 'verify' },
    'manifest unknown',
    { status: 'failed', step: 'verify', exitCode: 1 },
  ],
  [
    'the database does not come up',
    { kind: 'infrastructure' },
    'does not come up',
    { status: 'failed', step: 'infrastructure', exitCode: 3 },
  ],
  ['the disk is full', { kind: 'prepare' }, 'no space left', { status: 'failed', step: 'prepare', exitCode: 3 }],
  [
    'the dump breaks off',
    { kind: 'checkpoint' },
    'connection lost',
    { status: 'failed', step: 'checkpoint', exitCode: 3 },
  ],
  [
    'the checkpoint does not restore to the same',
    { kind: 'mismatch' },
    '7 of 8 rows',
    { status: 'failed', step: 'checkpoint', exitCode: 1 },
  ],
  ['its migration is wrong', { kind: 'migrate' }, 'TABEL', { status: 'failed', step: 'migrate', exitCode: 3 }],
  [
    'its migration hangs',
    { kind: 'hangs', step: 'migrate' },
    'not over after 600 s',
    { status: 'failed', step: 'migrate', exitCode: 3 },
  ],
  [
    'its migration hangs and does not listen',
    { kind: 'hangs', step: 'migrate', deaf: true },
    'not over',
    { status: 'failed', step: 'migrate', exitCode: 3 },
  ],
  [
    'a service cannot be started',
    { kind: 'start', service },
    'exec format error',
    { status: 'undone', step: `start:${service}`, exitCode: 3, service },
  ],
  [
    'a service dies at once',
    { kind: 'dies', service },
    'exited 1',
    { status: 'undone', step: `start:${service}`, exitCode: 1, service },
  ],
  [
    'a service never becomes ready',
    { kind: 'never-ready', service },
    '503',
    { status: 'undone', step: `start:${service}`, exitCode: 1, service },
  ],
  [
    'a service cannot be asked',
    { kind: 'probe-throws', service },
    'ECONNREFUSED',
    { status: 'undone', step: `start:${service}`, exitCode: 1, service },
  ],
  [
    'a service dies after it was ready',
    { kind: 'dies-later', service },
    service,
    { status: 'undone', step: 'smoke', exitCode: 1, service },
  ],
  [
    'a service crashes and is restarted',
    { kind: 'restarts', service },
    'started again 2 times',
    { status: 'undone', step: 'smoke', exitCode: 1, service },
  ],
  [
    'a service is not the image that the manifest names',
    { kind: 'wrong-image', service },
    'instead of',
    { status: 'undone', step: 'smoke', exitCode: 1, service },
  ],
  [
    'one of two that start together dies',
    { kind: 'dies', service: 'risk-manager' },
    'risk-manager',
    { status: 'undone', step: 'start:risk-manager', exitCode: 1, service: 'risk-manager' },
  ],
  [
    'the smoke test says no',
    { kind: 'smoke' },
    'orders are filled',
    { status: 'undone', step: 'smoke', exitCode: 1, service: 'orchestrator' },
  ],
  [
    'the smoke test does not run',
    { kind: 'smoke-throws' },
    'did not start',
    { status: 'undone', step: 'smoke', exitCode: 3 },
  ],
  [
    'the smoke test hangs',
    { kind: 'hangs', step: 'smoke' },
    'not over after 900 s',
    { status: 'undone', step: 'smoke', exitCode: 3 },
  ],
];

describe('a release that does not get through', () => {
  test.each(BROKEN)(
    'ends all old where %s',
    async (_what, fault, words, { status, step, exitCode, service: named }) => {
      await world.delivered(one);
      world.break(two, fault);
      const outcome = await world.delivered(two);
      expect(outcome).toMatchObject({ status, exitCode, diagnosis: { step } });
      expect(outcome.diagnosis?.message).toContain(words);
      if (named !== undefined) {
        expect(outcome.diagnosis).toMatchObject({
          service: named,
          image: `registry.sim/ns/${named}@${two.images?.[named]?.digest}`,
        });
        expect(outcome.diagnosis?.next).toContain(`npx papergate logs ${named}`);
      }
      expect(outcome.diagnosis?.rolledBack).toContain(
        status === 'undone' ? 'rolled back' : 'nothing that ran was touched',
      );
      const left = [...world.bundle.containers.values()].filter(({ manifest }) => manifest.digest === two.digest);
      expect(left).toEqual([]);
      await demandSound(world, one);
      // And the place goes on: what is mended gets through.
      expect(await world.delivered(three)).toMatchObject({ status: 'delivered' });
      await demandSound(world, three);
    },
  );

  test.each(BROKEN)('ends with nothing running, as before, where it is the first one and %s', async (_what, fault) => {
    world.break(two, fault);
    const outcome = await world.delivered(two);
    expect(['failed', 'undone']).toContain(outcome.status);
    await demandSound(world, undefined);
    expect(await world.delivered(one)).toMatchObject({ status: 'delivered' });
    await demandSound(world, one);
  });

  test('has less patience than the release that is brought back for it', async () => {
    await world.delivered(one);
    const outcome = await world.delivered(two, { patience: { readyMs: 5 } });
    expect(outcome).toMatchObject({ status: 'undone', diagnosis: { code: 'NOT_READY' } });
    await demandSound(world, one);
  });

  test('is named by the service that died, not by the one beside it that waits for it', async () => {
    await world.delivered(one);
    world.break(
      two,
      { kind: 'dies-later', service: 'risk-manager' },
      { kind: 'never-ready', service: 'signal-bridge' },
    );
    const began = world.time.now;
    const outcome = await world.delivered(two);
    expect(outcome.diagnosis).toMatchObject({ service: 'risk-manager', step: 'start:risk-manager' });
    expect(world.time.now - began).toBeLessThan(60_000);
    await demandSound(world, one);
  });

  test('is named by the service that dies when its group was ready, not by one of a later group that waits for it', async () => {
    await world.delivered(one);
    const [first = '', ...others] = ORDER;
    world.break(two, { kind: 'dies-later', service: first }, { kind: 'never-ready', service: others.at(-1) ?? '' });
    const began = world.time.now;
    const outcome = await world.delivered(two);
    expect(outcome.diagnosis).toMatchObject({ service: first, step: `start:${first}` });
    expect(world.time.now - began).toBeLessThan(60_000);
    await demandSound(world, one);
  });

  test('is named by the first in order of those that are not ready when the time is over', async () => {
    await world.delivered(one);
    const [early = '', late = ''] = WAVES.find((wave) => wave.length > 1) ?? [];
    world.break(two, { kind: 'never-ready', service: late }, { kind: 'never-ready', service: early });
    const outcome = await world.delivered(two, { patience: { readyMs: 20_000 } });
    expect(outcome.diagnosis).toMatchObject({ service: early, step: `start:${early}` });
    await demandSound(world, one);
  });

  test('is found out soon where waiting is of no use, and after the time for all where it may be', async () => {
    await world.delivered(one);
    world.break(two, { kind: 'dies', service });
    const began = world.time.now;
    await world.delivered(two);
    expect(world.time.now - began).toBeLessThan(10_000);
    world.break(three, { kind: 'never-ready', service });
    const later = world.time.now;
    await world.delivered(three, { patience: { readyMs: 20_000 } });
    expect(world.time.now - later).toBeGreaterThan(20_000);
    expect(world.time.now - later).toBeLessThan(30_000);
  });

  test('has the words and the last log lines of the new service in its diagnosis, not those of the old one', async () => {
    await world.delivered(one);
    world.break(two, { kind: 'dies', service });
    const { diagnosis } = await world.delivered(two);
    expect(diagnosis).toMatchObject({ code: 'NOT_READY', probe: 'exited 1 after 0.1 s' });
    expect(diagnosis?.logs).toEqual([
      `{"level":"info","msg":"execution-engine starts","commit":"${two.commit.slice(0, 7)}"}`,
      '{"level":"fatal","msg":"execution-engine cannot go on"}',
    ]);
  });

  test('with a service of the old release that will not stop starts nothing beside it', async () => {
    await world.delivered(one);
    world.break(one, { kind: 'will-not-stop', service });
    const outcome = await world.delivered(two);
    expect(outcome).toMatchObject({
      status: 'undo-failed',
      exitCode: 3,
      diagnosis: { step: `stop:${service}`, code: 'STEP_TOO_LONG' },
    });
    expect(outcome.diagnosis?.rolledBack).toMatch(/^NOT rolled back/);
    expect(outcome.diagnosis?.rolledBack).toContain('execution-engine ready');
    expect(outcome.diagnosis?.next).toContain('npx papergate recover');
    expect(world.bundle.mostWriters).toBe(1);
    // The next call tries again, and gets through once the cause is gone.
    world.break(one);
    const deployer = world.deployer();
    const again = await world.time.run(recover(world.options(deployer), deployer.leaseWorld(world.deployers)));
    expect(again).toMatchObject({ status: 'undone', exitCode: 0, action: 'deploy' });
    await demandSound(world, one);
  });

  test('does not start the order writer while the old one is seen to run again after it was stopped', async () => {
    await world.delivered(one);
    world.break(one, { kind: 'comes-back', service });
    const outcome = await world.delivered(two);
    expect(outcome.diagnosis).toMatchObject({ code: 'STILL_RUNNING', service });
    expect(world.bundle.mostWriters).toBe(1);
    expect(world.bundle.violations).toEqual([]);
  });

  test('refuses to go on over a place that could not be put right, and says so with exit code 3', async () => {
    await world.delivered(one);
    world.break(one, { kind: 'will-not-stop', service });
    await world.delivered(two);
    const next = await world.delivered(three);
    expect(next).toMatchObject({ status: 'undo-failed', exitCode: 3, to: three, recovered: { status: 'undo-failed' } });
    expect(next.diagnosis?.next).toContain('npx papergate stop');
  });

  test('keeps what prune could not remove, and says so', async () => {
    await world.delivered(one);
    world.break(two, { kind: 'prune' });
    const outcome = await world.delivered(two);
    expect(outcome).toMatchObject({ status: 'delivered', warnings: [expect.stringContaining('image is in use')] });
    await demandSound(world, two);
  });
});
