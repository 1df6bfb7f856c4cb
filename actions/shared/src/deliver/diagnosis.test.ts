import { describe, expect, test } from '@jest/globals';
import { ExternalError } from '@papergate/config';
import { renderDiagnosis } from './diagnosis.ts';
import { simManifest } from './testing/bundle.ts';
import { SimWorld } from './testing/world.ts';

const [one, two] = [simManifest(1), simManifest(2)];
const SENTINEL = ['sentinel', 'of', 'this', 'test', '4711'].join('-');

async function ready(): Promise<SimWorld> {
  const world = new SimWorld();
  await world.delivered(one);
  return world;
}

describe('the diagnosis of a failure', () => {
  test('reads as a person needs it: what, which service, which image, its words, the state, the next command', async () => {
    const world = await ready();
    world.break(two, { kind: 'dies', service: 'risk-manager' });
    const { diagnosis } = await world.delivered(two, { flags: '--target compose --project papergate-staging' });
    if (diagnosis === undefined) throw new Error('no diagnosis');
    expect(renderDiagnosis(diagnosis).split('\n')).toEqual([
      'NOT_READY: risk-manager cannot become ready: exited 1 after 0.1 s',
      '  step     start:risk-manager',
      '  service  risk-manager',
      `  image    registry.sim/ns/risk-manager@${two.images?.['risk-manager']?.digest}`,
      '  it said  exited 1 after 0.1 s',
      expect.stringContaining('  state    rolled back: all 7 services run release'),
      expect.stringMatching(
        /^ {2}next {5}.*try: npx papergate logs risk-manager --target compose --project papergate-staging$/,
      ),
      '  last 2 log lines of risk-manager:',
      expect.stringContaining('    {"level":"info"'),
      '    {"level":"fatal","msg":"risk-manager cannot go on"}',
    ]);
  });

  test('is there within ten seconds although nothing answers, and the undo does not wait longer', async () => {
    const world = await ready();
    world.break(two, { kind: 'dies', service: 'risk-manager' });
    const deployer = world.deployer();
    const moving = world.moving(deployer);
    const never = (): Promise<never> => new Promise(() => {});
    const target = { ...moving.target, logs: never };
    const outcome = await world.time.run(world.deliver(deployer, two, { target }));
    expect(outcome).toMatchObject({ status: 'undone', diagnosis: { logs: [], service: 'risk-manager' } });
    expect(outcome.diagnosis?.tookMs).toBeLessThan(10_000);
  });

  test('keeps every secret of the place out of what is said, written and told', async () => {
    const world = await ready();
    world.disk.files.set('/place/secrets/ALPACA_SECRET_KEY', { text: `${SENTINEL}\n`, at: 0 });
    const url = `postgresql://papergate:${encodeURIComponent(`p@ss ${SENTINEL}`)}@postgres:5432/papergate`;
    world.disk.files.set('/place/secrets/DATABASE_URL', { text: url, at: 0 });
    world.break(two, { kind: 'dies', service: 'risk-manager' });
    const told: unknown[] = [];
    const deployer = world.deployer();
    const { target } = world.moving(deployer);
    const outcome = await world.time.run(
      world.deliver(deployer, two, {
        command: `papergate deploy --token ${SENTINEL}`,
        target: {
          ...target,
          logs: () => Promise.resolve([`cannot log in with ${SENTINEL}`, `tried ${url}`]),
          probe: (manifest, service) =>
            Promise.resolve({
              ready: service !== 'risk-manager' || manifest.digest === one.digest,
              detail: `refused ${SENTINEL}`,
              final: true,
            }),
          prepare: (manifest, fence, onProgress) => {
            onProgress({ message: `pulling with ${SENTINEL}` });
            return target.prepare(manifest, fence, onProgress);
          },
        },
        requireSignature: () =>
          Promise.resolve([{ name: 'signature', status: 'passed', detail: `signed, ${SENTINEL}` }]),
        onEvent: (event) => told.push(event),
      }),
    );
    expect(outcome.status).toBe('undone');
    const kept = [...world.disk.files].filter(([path]) => !path.startsWith('/place/secrets/'));
    for (const text of [JSON.stringify({ ...outcome }), JSON.stringify(told), JSON.stringify(kept)]) {
      expect(text).not.toContain(SENTINEL);
      expect(text).not.toContain(encodeURIComponent(`p@ss ${SENTINEL}`));
    }
    expect(JSON.stringify(outcome.diagnosis)).toContain('[redacted]');
  });

  test('of an error with a secret in its message writes it down without', async () => {
    const world = await ready();
    world.disk.files.set('/place/secrets/API_TOKEN', { text: SENTINEL, at: 0 });
    const outcome = await world.delivered(two, {
      checkpoint: () =>
        Promise.reject(
          new ExternalError({
            code: 'CHECKPOINT_FAILED',
            message: `cannot connect with ${SENTINEL}`,
            fix: `not ${SENTINEL}`,
          }),
        ),
    });
    expect(outcome).toMatchObject({ status: 'failed', diagnosis: { code: 'CHECKPOINT_FAILED', step: 'checkpoint' } });
    const kept = [...world.disk.files].filter(([path]) => !path.startsWith('/place/secrets/'));
    expect(JSON.stringify([outcome, kept])).not.toContain(SENTINEL);
  });
});
