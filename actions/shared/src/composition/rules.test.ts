import { describe, expect, test } from '@jest/globals';
import type { ComposeModel, ComposeService } from './model.ts';
import { breaches, sumOfMemory } from './rules.ts';
import { soundModel, soundService } from './testing/model.ts';

const MIB = 1024 ** 2;
const limits = (memory: number) => ({
  resources: { limits: { cpus: 1, memory: String(memory), pids: 1 }, reservations: { memory: '1' } },
});
const rulesOf = (model: ComposeModel): string[] => breaches(model).map(({ rule }) => rule);

describe('the rules of a bundle', () => {
  test('hold for a sound one', () => {
    expect(breaches(soundModel())).toEqual([]);
    expect(sumOfMemory(soundModel())).toBe(256 * MIB);
  });

  test.each<[string, string, Partial<ComposeService>]>([
    ['an image by tag', 'digest', { image: 'registry.example/papergate/market-data:latest' }],
    ['an image with a short digest', 'digest', { image: 'registry.example/x@sha256:0123' }],
    ['a build', 'no-build', { build: { context: '.' } }],
    ['no limits', 'limits', { deploy: {} }],
    [
      'no limit of memory',
      'limits',
      { deploy: { resources: { limits: { cpus: 1, pids: 1 }, reservations: { memory: '1' } } } },
    ],
    [
      'no limit of processes',
      'limits',
      { deploy: { resources: { limits: { cpus: 1, memory: '1' }, reservations: { memory: '1' } } } },
    ],
    ['no reservation', 'limits', { deploy: { resources: { limits: { cpus: 1, memory: '1', pids: 1 } } } }],
    ['no health check', 'healthcheck', { healthcheck: {} }],
    ['a health check switched off', 'healthcheck', { healthcheck: { disable: true } }],
    [
      'a health check by a shell',
      'healthcheck',
      { healthcheck: { test: ['CMD-SHELL', 'true'], start_period: '1s', start_interval: '1s' } },
    ],
    [
      'a health check without start_interval',
      'healthcheck',
      { healthcheck: { test: ['CMD', 'x'], start_period: '1s' } },
    ],
    [
      'a health check without start_period',
      'healthcheck',
      { healthcheck: { test: ['CMD', 'x'], start_interval: '1s' } },
    ],
    ['logs without end', 'logging', { logging: { driver: 'json-file', options: { 'max-size': '100m' } } }],
    [
      'logs of another driver',
      'logging',
      { logging: { driver: 'syslog', options: { 'max-size': '100m', 'max-file': '10' } } },
    ],
    ['a root file system that can be written', 'read-only', { read_only: false }],
    ['kept capabilities', 'capabilities', { cap_drop: ['NET_RAW'] }],
    ['added capabilities', 'capabilities', { cap_add: ['CHOWN'] }],
    ['new privileges', 'privileges', { security_opt: [] }],
    ['privileged', 'privileges', { privileged: true }],
    ['root', 'user', { user: '0:0' }],
    ['a user by name', 'user', { user: 'papergate' }],
    ['no user', 'user', { user: '' }],
    ['no init', 'init', { init: false }],
    ['a port on all addresses', 'loopback', { ports: [{ target: 5001, published: '5001' }] }],
    ['a port on another address', 'loopback', { ports: [{ host_ip: '0.0.0.0', target: 5001, published: '5001' }] }],
    ['the host’s network', 'namespaces', { network_mode: 'host' }],
    ['the host’s processes', 'namespaces', { pid: 'host' }],
    ['the host’s memory segments', 'namespaces', { ipc: 'host' }],
    ['a writable folder of the host', 'mounts', { volumes: [{ type: 'bind', source: '/etc', target: '/x' }] }],
    [
      'the engine’s socket',
      'mounts',
      { volumes: [{ type: 'bind', source: '/run/docker.sock', target: '/x', read_only: true }] },
    ],
    ['another service’s keys of the bus', 'bus-keys', { secrets: [{ source: 'BUS_KEY_RISK_MANAGER' }] }],
    ['the seed of all keys of the bus', 'bus-keys', { secrets: [{ source: 'BUS_SEED' }] }],
    ['a password in the environment', 'secrets-as-files', { environment: { POSTGRES_PASSWORD: 'x' } }],
    ['a token in the environment', 'secrets-as-files', { environment: { API_TOKEN: 'x' } }],
    ['a key that is passed through', 'secrets-as-files', { environment: { ALPACA_API_KEY: null } }],
    ['a database address', 'secrets-as-files', { environment: { DATABASE_URL: 'postgres://a@b/c' } }],
    ['an address with a password', 'secrets-as-files', { environment: { SOME_PLACE: 'https://user:word@host/' } }],
    ['no stop_grace_period', 'stops', { stop_grace_period: '' }],
    ['restarts for ever', 'restarts', { restart: 'always' }],
    ['name servers that it cannot hear', 'names', { dns: [] }],
    ['no labels', 'labels', { labels: {} }],
    ['another’s label', 'labels', { labels: { 'com.papergate.project': 'p', 'com.papergate.service': 'dashboard' } }],
  ])('refuse %s', (_what, rule, changes) => {
    const found = breaches(soundModel({ 'market-data': soundService('market-data', changes) }));
    expect(found.map((breach) => breach.rule)).toEqual([rule]);
    expect(found[0]?.message).toMatch(/^market-data: [a-z].{10}/);
  });

  test('let nobody on the way out who has no business there', () => {
    const outside = { networks: { backplane: null, egress: null } };
    expect(rulesOf(soundModel({ 'market-data': soundService('market-data', outside) }))).toEqual([]);
    expect(rulesOf(soundModel({ dashboard: soundService('dashboard', outside) }))).toEqual(['outside']);
    expect(rulesOf(soundModel({ postgres: soundService('postgres', outside) }))).toEqual(['outside']);
  });

  test('let a one-off be without health check and patience, and only the known ones be root', () => {
    const run = { restart: 'no', healthcheck: { disable: true }, stop_grace_period: '' };
    expect(rulesOf(soundModel({ migrate: soundService('migrate', run) }))).toEqual([]);
    const root = { ...run, user: '0:0', cap_add: ['CHOWN'] };
    expect(rulesOf(soundModel({ volumes: soundService('volumes', root) }))).toEqual([]);
    expect(rulesOf(soundModel({ migrate: soundService('migrate', root) }))).toEqual(['capabilities', 'user']);
  });

  test('add up what all may take', () => {
    const half = soundService('dashboard', { deploy: limits(4096 * MIB) });
    const model = soundModel({
      dashboard: half,
      'market-data': soundService('market-data', { deploy: limits(4096 * MIB) }),
    });
    expect(rulesOf(model)).toEqual([]);
    model.services['signal-bridge'] = soundService('signal-bridge', { deploy: limits(1) });
    expect(rulesOf(model)).toEqual(['memory']);
  });

  test('want the networks to be what they are for, and secrets to be files', () => {
    const open = soundModel();
    Object.assign(open, {
      networks: { ...open.networks, backplane: { name: 'b' }, ports: { name: 'p', driver_opts: {} } },
    });
    Object.assign(open, { secrets: { API_TOKEN: { name: 't', environment: 'API_TOKEN' } } });
    expect(rulesOf(open)).toEqual(['backplane', 'ports', 'secrets-as-files']);
  });
});
