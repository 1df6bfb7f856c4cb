import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ENVIRONMENTS, type Environment } from '@papergate/config';
import { run } from '../process/run.ts';
import { containers } from '../testing/containers/index.ts';
import type { ComposeModel } from './model.ts';
import { MONITORING_IMAGES, servicesOf } from './names.ts';
import { composeModel, composeText, renderRelease } from './render.ts';
import { breaches, sumOfMemory } from './rules.ts';
import { layBundle, type TestBundle } from './testing/bundle.ts';
import { imagedManifest } from './testing/manifest.ts';

const IMAGES = Object.fromEntries(
  MONITORING_IMAGES.map((name) => [name, `registry.example/${name}@sha256:${'1e'.repeat(32)}`]),
);
const COMBINATIONS: [Environment, boolean][] = ENVIRONMENTS.flatMap((environment) => [
  [environment, false],
  [environment, true],
]);

describe.each(COMBINATIONS)('the bundle of %s, monitoring: %s', (environment, monitoring) => {
  let bundle: TestBundle;
  let model: ComposeModel;
  beforeAll(async () => {
    const { env } = containers();
    bundle = await layBundle({
      manifest: imagedManifest(),
      environment,
      env: { ...process.env, ...env },
      ...(monitoring ? { monitoring: IMAGES } : {}),
    });
    model = await composeModel(bundle.render);
  });
  afterAll(() => bundle.close());

  test('is what docker compose config accepts without a word, in order, and keeps every rule', async () => {
    const { code, stderr } = await bundle.compose('--profile', 'smoke', 'config', '--quiet');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(breaches(model)).toEqual([]);
    expect(Object.keys(model.services)).toEqual(
      expect.arrayContaining([...servicesOf(environment), 'postgres', 'migrate', 'smoke']),
    );
    expect(Object.keys(model.services).includes('paper-exchange')).toBe(environment !== 'production');
    expect(Object.keys(model.services).includes('prometheus')).toBe(monitoring);
    expect(sumOfMemory(model)).toBeLessThanOrEqual(8 * 1024 ** 3);
  });

  test('lets on the way out only those that need Alpaca, or send alerts', () => {
    const { services, networks = {} } = model;
    const outside = Object.keys(services).filter((name) => 'egress' in (services[name]?.networks ?? {}));
    const alpaca = { development: [], staging: ['market-data'], production: ['market-data', 'execution-engine'] }[
      environment
    ];
    expect(outside.toSorted()).toEqual([...alpaca, 'volumes', ...(monitoring ? ['alertmanager'] : [])].toSorted());
    // The default route is that of the network whose name comes first.
    expect((networks['egress']?.name ?? '') < (networks['ports']?.name ?? '')).toBe(true);
  });

  test('says with what mode it trades, the same for every service', () => {
    const { services } = model;
    const expected = environment === 'production' ? 'false' : 'true';
    for (const name of servicesOf(environment)) {
      expect(services[name]?.environment).toMatchObject({
        ENVIRONMENT: environment,
        DRY_RUN: expected,
        ALPACA_PAPER: expected,
      });
    }
    // Only production is behind the gate, and only there the smoke test has to keep its hands off.
    const isLive = environment === 'production';
    const gated = servicesOf(environment).filter((name) => services[name]?.environment?.['GATE_EVIDENCE_FILE']);
    expect(gated).toEqual(isLive ? servicesOf(environment) : []);
    expect(services['smoke']?.command?.includes('--production')).toBe(isLive);
  });

  test('gives a service more time to stop than it takes for itself', () => {
    const { services } = model;
    for (const name of servicesOf(environment)) {
      const seconds = Number(/^(\d+)s$/.exec(services[name]?.stop_grace_period ?? '')?.[1]);
      expect(seconds * 1000).toBeGreaterThan(bundle.system.shutdown_timeout_ms);
    }
  });

  test('is rendered alike each time, and both parts are sound by themselves', async () => {
    const first = await renderRelease(bundle.render);
    const second = await renderRelease(bundle.render);
    expect(composeText(second.release)).toBe(composeText(first.release));
    expect(composeText(second.infrastructure)).toBe(composeText(first.infrastructure));
    const env = { ...process.env, ...containers().env };
    for (const model of [first.release, first.infrastructure]) {
      const args = ['compose', '-f', '-', '--profile', '*', 'config', '--quiet'];
      const { code, stderr } = await run('docker', args, { env, input: composeText(model) });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    expect(first.order).toEqual(servicesOf(environment));
    expect(first.waves.flat().toSorted()).toEqual([...first.order].toSorted());
  });
});

describe('the Compose files', () => {
  test.each([
    'PAPERGATE_IMAGE_MARKET_DATA',
    'PAPERGATE_IMAGE_POSTGRES',
    'PAPERGATE_SECRETS',
    'PAPERGATE_CONFIG',
    'PAPERGATE_PROJECT',
  ])('are refused without %s, and say what it is', async (name) => {
    const env = { ...process.env, ...containers().env };
    const bundle = await layBundle({ manifest: imagedManifest(), environment: 'development', env });
    try {
      const { [name]: _gone, ...variables } = bundle.variables;
      const rendering = renderRelease({ ...bundle.render, variables });
      await expect(rendering).rejects.toMatchObject({
        code: 'COMPOSE_INVALID',
        message: expect.stringContaining(name),
      });
    } finally {
      await bundle.close();
    }
  });

  test('need Compose; where it is missing, that is said', async () => {
    const bundle = await layBundle({
      manifest: imagedManifest(),
      environment: 'development',
      env: { PATH: '/nonexistent' },
    });
    try {
      await expect(renderRelease(bundle.render)).rejects.toMatchObject({ code: 'COMPOSE_MISSING' });
    } finally {
      await bundle.close().catch(() => undefined);
    }
  });
});
