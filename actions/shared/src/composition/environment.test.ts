import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadSystemConfig, SERVICE_NAMES } from '@papergate/config';
import {
  chooseFreePorts,
  defaultPorts,
  environmentOf,
  monitoringImages,
  type EnvironmentOptions,
} from './environment.ts';
import { imagedManifest } from './testing/manifest.ts';
import { sealManifest } from '../release/manifest.ts';

const CONFIG = join(import.meta.dirname, '..', '..', '..', '..', 'config');
const image = (name: string): string => `registry.example/${name}@sha256:${'1e'.repeat(32)}`;
const IMAGES = Object.fromEntries(
  ['prometheus', 'alertmanager', 'grafana', 'loki', 'alloy'].map((name) => [name, image(name)]),
);
const options = (changes: Partial<EnvironmentOptions> = {}): EnvironmentOptions => ({
  manifest: imagedManifest(),
  environment: 'staging',
  system: loadSystemConfig(CONFIG, 'staging'),
  project: 'papergate-staging',
  ports: 'default',
  secretsDir: '/place/secrets',
  configDir: '/place/config',
  infrastructureDir: '/place/infrastructure',
  ...changes,
});

describe('the variables of the Compose files', () => {
  test('name every image by digest, and the ports of the configuration', () => {
    const variables = environmentOf(options());
    const digest = 'sha256:'.concat('0f'.repeat(32));
    expect(variables).toMatchObject({
      PAPERGATE_PROJECT: 'papergate-staging',
      PAPERGATE_IMAGE_OBSERVABILITY_API: `registry.example/papergate/observability-api@${digest}`,
      PAPERGATE_IMAGE_POSTGRES: `registry.example/papergate/postgres@${digest}`,
      PAPERGATE_HTTP_ORCHESTRATOR: '9001',
      PAPERGATE_PORT_ORCHESTRATOR: '9001',
      PAPERGATE_PORT_POSTGRES: '5433',
      PAPERGATE_GENERATION: '0',
    });
    for (const value of Object.values(variables)) expect(value).not.toBe('');
  });

  test('take other ports on the host where some are given, and leave those in the containers', () => {
    const variables = environmentOf(options({ ports: { orchestrator: 20_001, postgres: 20_002 } }));
    expect(variables).toMatchObject({
      PAPERGATE_PORT_ORCHESTRATOR: '20001',
      PAPERGATE_HTTP_ORCHESTRATOR: '9001',
      PAPERGATE_PORT_POSTGRES: '20002',
      PAPERGATE_PORT_DASHBOARD: '3000',
    });
  });

  test('leave the simulator out of production', () => {
    const system = loadSystemConfig(CONFIG, 'production');
    const names = Object.keys(environmentOf(options({ environment: 'production', system })));
    expect(names.filter((name) => name.includes('EXCHANGE'))).toEqual([]);
    expect(names).toContain('PAPERGATE_IMAGE_MARKET_DATA');
  });

  test('free ports are for everything that is published, all different', async () => {
    const system = loadSystemConfig(CONFIG, 'development');
    const ports = await chooseFreePorts('development', system);
    expect(Object.keys(ports)).toEqual(Object.keys(defaultPorts('development', system)));
    expect(new Set(Object.values(ports)).size).toBe(Object.keys(ports).length);
    expect(Object.keys(ports)).toEqual(expect.arrayContaining([...SERVICE_NAMES, 'postgres', 'grafana']));
  });

  test('name the image that a manifest lacks', () => {
    const { schema: _schema, digest: _digest, images: _images, ...content } = imagedManifest();
    const manifest = sealManifest(content);
    expect(() => environmentOf(options({ manifest }))).toThrow(
      /names no image for postgres; a compose target runs images by digest/,
    );
    const partial = sealManifest({
      ...content,
      images: { postgres: { repository: 'r', digest: `sha256:${'0'.repeat(64)}` } },
    });
    expect(() => environmentOf(options({ manifest: partial }))).toThrow(/names no image for paper-exchange/);
  });

  test('have the monitoring’s images by digest only, each missing one named', () => {
    const variables = environmentOf(options({ monitoring: { images: IMAGES, configDigest: 'abc' } }));
    expect(variables).toMatchObject({
      PAPERGATE_IMAGE_ALLOY: image('alloy'),
      PAPERGATE_MONITORING_CONFIG: 'abc',
      PAPERGATE_PORT_PROMETHEUS: '9091',
    });
    for (const wrong of [undefined, 'grafana/grafana:12.0.0', `grafana@sha256:${'0'.repeat(63)}`, 'x'.repeat(500)]) {
      const images = { ...IMAGES, ...(wrong === undefined ? {} : { grafana: wrong }) };
      if (wrong === undefined) delete (images as Record<string, string>)['grafana'];
      expect(() => environmentOf(options({ monitoring: { images, configDigest: 'abc' } }))).toThrow(
        /^PAPERGATE_IMAGE_GRAFANA is .{1,220}; the monitoring/,
      );
    }
  });

  test('the monitoring’s images are read from the caller’s environment', () => {
    expect(monitoringImages({ PAPERGATE_IMAGE_LOKI: image('loki'), PAPERGATE_IMAGE_ALLOY: '', PATH: '/bin' })).toEqual({
      loki: image('loki'),
    });
  });

  test('hold no secret', () => {
    const text = JSON.stringify(environmentOf(options()));
    expect(text).not.toMatch(/PASSWORD|TOKEN|postgres:\/\//);
  });
});
