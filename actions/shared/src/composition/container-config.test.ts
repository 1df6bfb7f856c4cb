import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  assertCredentials,
  demoPaperCredentials,
  ENVIRONMENTS,
  loadRiskLimits,
  loadSystemConfig,
  SERVICE_NAMES,
  type SystemConfig,
} from '@papergate/config';
import { containerConfig, renderContainerConfig } from './container-config.ts';

const CONFIG = join(import.meta.dirname, '..', '..', '..', '..', 'config');
const system = (environment: (typeof ENVIRONMENTS)[number] = 'development'): SystemConfig =>
  loadSystemConfig(CONFIG, environment);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'papergate-container-config-'));
  folders.push(made);
  return made;
}

describe('the configuration between containers', () => {
  test.each([...ENVIRONMENTS])(
    'reaches every service and the database by name in %s, on the same ports',
    (environment) => {
      const before = system(environment);
      const after = containerConfig(before);
      for (const name of SERVICE_NAMES) expect(after.services[name]).toEqual({ ...before.services[name], host: name });
      expect(after.database).toEqual({ ...before.database, host: 'postgres', port: 5432 });
      expect(after.dry_run_broker_url).toBe('http://paper-exchange:5600');
      expect(before.services.dashboard.host).toBe('127.0.0.1');
    },
  );

  test('takes the addresses of the simulator along in development, and leaves Alpaca’s alone', () => {
    expect(containerConfig(system()).alpaca).toEqual({
      base_url: 'http://paper-exchange:5600',
      trading_stream_url: 'ws://paper-exchange:5600/stream',
      data_stream_url: 'ws://paper-exchange:5600/v2/iex',
      feed: 'iex',
    });
    for (const environment of ['staging', 'production'] as const) {
      expect(containerConfig(system(environment)).alpaca).toEqual(system(environment).alpaca);
    }
  });

  test.each([
    ['http://localhost:5600', 'http://paper-exchange:5600'],
    ['http://[::1]:5600/', 'http://paper-exchange:5600/'],
    ['http://127.9.9.9:5600', 'http://paper-exchange:5600'],
    ['http://127.0.0.1:5601', 'http://127.0.0.1:5601'],
    ['http://127.0.0.1:56000', 'http://127.0.0.1:56000'],
    ['http://127.0.0.1.evil.example:5600', 'http://127.0.0.1.evil.example:5600'],
    ['http://127.0.0.1:5600.evil.example', 'http://127.0.0.1:5600.evil.example'],
    ['http://x@127.0.0.1:5600', 'http://x@127.0.0.1:5600'],
  ])('moves an address only where it is the simulator itself: %s', (address, moved) => {
    const before = system();
    before.dry_run_broker_url = address;
    expect(containerConfig(before).dry_run_broker_url).toBe(moved);
  });

  test('passes the credential policy of its environment as the services apply it', () => {
    const { key, secret } = demoPaperCredentials();
    for (const environment of ['development', 'staging'] as const) {
      const env = {
        ENVIRONMENT: environment,
        DRY_RUN: 'true',
        ALPACA_PAPER: 'true',
        ALPACA_API_KEY: key.reveal(),
        ALPACA_SECRET_KEY: secret.reveal(),
      };
      expect(assertCredentials({ environment, env, system: containerConfig(system(environment)) }).ok).toBe(true);
    }
  });

  test('is rendered as a folder that loads, with this environment’s files alone', () => {
    const { files, system: rendered } = renderContainerConfig({ from: CONFIG, environment: 'staging' });
    expect([...files.keys()].toSorted()).toEqual([
      'alerts.staging.yaml',
      'risk_limits.staging.toml',
      'risk_limits.toml',
      'system.staging.json',
    ]);
    const dir = folder();
    for (const [name, text] of files) writeFileSync(join(dir, name), text);
    expect(loadSystemConfig(dir, 'staging')).toEqual(rendered);
    expect(loadRiskLimits(dir, 'staging')).toEqual(loadRiskLimits(CONFIG, 'staging'));
    expect(files.get('risk_limits.toml')).toBe(readFileSync(join(CONFIG, 'risk_limits.toml'), 'utf8'));
  });

  test('takes nothing else along that lies in the folder', () => {
    const dir = folder();
    for (const name of ['system.development.json', 'risk_limits.toml', 'risk_limits.development.toml'])
      cpSync(join(CONFIG, name), join(dir, name));
    for (const name of ['.env', 'notes.md', 'package.json', 'systematic.json.bak', 'system.development.json~'])
      writeFileSync(join(dir, name), 'not for containers');
    const { files } = renderContainerConfig({ from: dir, environment: 'development' });
    expect([...files.keys()]).toEqual(['risk_limits.development.toml', 'risk_limits.toml', 'system.development.json']);
  });

  test('is refused with the file and the key where the given one is wrong', () => {
    const dir = folder();
    writeFileSync(join(dir, 'system.development.json'), JSON.stringify({ ...system(), symbols: [] }));
    expect(() => renderContainerConfig({ from: dir, environment: 'development' })).toThrow(
      /system\.development\.json: symbols/,
    );
  });
});
