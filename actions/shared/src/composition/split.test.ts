import { describe, expect, test } from '@jest/globals';
import type { ComposeModel } from './model.ts';
import { composeText, splitModel, wavesOf } from './render.ts';
import { soundModel, soundService } from './testing/model.ts';

const healthy = { condition: 'service_healthy' };
const done = { condition: 'service_completed_successfully' };
const manifestDigest = `sha256:0123456789ab${'0'.repeat(52)}`;

function bundle(): ComposeModel {
  const model = soundModel({
    volumes: soundService('volumes', {
      networks: { egress: null, backplane: null, ports: null },
      volumes: [{ type: 'volume', source: 'exchange-state', target: '/x' }],
      secrets: [],
    }),
    postgres: soundService('postgres', {
      depends_on: { volumes: done },
      volumes: [{ type: 'volume', source: 'postgres-data', target: '/d' }],
      secrets: [{ source: 'POSTGRES_PASSWORD' }],
    }),
    prometheus: soundService('prometheus'),
    migrate: soundService('migrate', { depends_on: { postgres: healthy } }),
    smoke: soundService('smoke', { profiles: ['smoke'] }),
    'paper-exchange': soundService('paper-exchange', {
      volumes: [{ type: 'volume', source: 'exchange-state', target: '/x' }],
    }),
    'market-data': soundService('market-data', { depends_on: { 'paper-exchange': healthy } }),
    'signal-bridge': soundService('signal-bridge', { depends_on: { migrate: done, 'market-data': healthy } }),
    'risk-manager': soundService('risk-manager', {
      depends_on: { migrate: done, 'market-data': healthy, postgres: healthy },
    }),
    'execution-engine': soundService('execution-engine', { depends_on: { 'risk-manager': healthy } }),
  });
  Object.assign(model.secrets ?? {}, { POSTGRES_PASSWORD: { name: 'p', file: '/place/secrets/POSTGRES_PASSWORD' } });
  return model;
}
const split = (model = bundle()) => splitModel(model, { environment: 'development', manifestDigest });

describe('a rendered bundle', () => {
  test('falls into what stays and what belongs to the release', () => {
    const { infrastructure, release, order } = split();
    expect(infrastructure.name).toBe('papergate-development');
    expect(Object.keys(infrastructure.services).toSorted()).toEqual(['postgres', 'prometheus', 'volumes']);
    expect(release.name).toBe('papergate-development-0123456789ab');
    expect(order).toEqual(['paper-exchange', 'market-data', 'signal-bridge', 'risk-manager', 'execution-engine']);
    expect(Object.keys(release.services).toSorted()).toEqual([...order, 'migrate', 'smoke'].toSorted());
  });

  test('leaves networks and volumes to the infrastructure; the release finds them by their real names', () => {
    const { infrastructure, release } = split();
    expect(Object.keys(infrastructure.networks ?? {}).toSorted()).toEqual(['backplane', 'egress', 'ports']);
    expect(infrastructure.networks?.['backplane']?.internal).toBe(true);
    expect(release.networks).toEqual({
      backplane: { name: 'papergate-development_backplane', external: true },
      ports: { name: 'papergate-development_ports', external: true },
    });
    expect(release.volumes).toEqual({
      'exchange-state': { name: 'papergate-development_exchange-state', external: true },
    });
    expect(Object.keys(infrastructure.volumes ?? {}).toSorted()).toEqual(['exchange-state', 'postgres-data']);
  });

  test('gives each part only the secrets that it uses', () => {
    const { infrastructure, release } = split();
    expect(Object.keys(release.secrets ?? {})).toEqual(['API_TOKEN']);
    expect(Object.keys(infrastructure.secrets ?? {}).toSorted()).toEqual(['API_TOKEN', 'POSTGRES_PASSWORD']);
  });

  test('keeps dependencies within a part, and none on what runs once', () => {
    const { infrastructure, release } = split();
    expect(release.services['migrate']?.depends_on).toBeUndefined();
    expect(release.services['risk-manager']?.depends_on).toEqual({ 'market-data': healthy });
    expect(infrastructure.services['postgres']?.depends_on).toEqual({ volumes: done });
  });

  test('starts what runs once only by its own profile', () => {
    const { release } = split();
    expect(release.services['migrate']?.profiles).toEqual(['migrate']);
    expect(release.services['smoke']?.profiles).toEqual(['smoke']);
  });

  test('starts in waves: together what needs nothing of each other', () => {
    expect(split().waves).toEqual([
      ['paper-exchange'],
      ['market-data'],
      ['signal-bridge', 'risk-manager'],
      ['execution-engine'],
    ]);
  });

  test('is refused where services wait for each other, or one is unknown', () => {
    const circle = bundle();
    circle.services['market-data'] = soundService('market-data', { depends_on: { 'execution-engine': healthy } });
    expect(() => split(circle)).toThrow(
      /these services wait for each other: market-data, signal-bridge, risk-manager, execution-engine/,
    );
    expect(() => split(soundModel({ surprise: soundService('surprise') }))).toThrow(/no one knows: surprise/);
  });

  test('is text that does not depend on the order in which things came', () => {
    const { release } = split();
    const shuffled: ComposeModel = {
      ...release,
      services: Object.fromEntries(Object.entries(release.services).toReversed()),
    };
    expect(composeText(shuffled)).toBe(composeText(release));
    expect(JSON.parse(composeText(release))).toEqual(release);
  });

  test('ignores what is outside when it orders', () => {
    expect(wavesOf(bundle(), ['risk-manager', 'signal-bridge'])).toEqual([['risk-manager', 'signal-bridge']]);
  });
});
