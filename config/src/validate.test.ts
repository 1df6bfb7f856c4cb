import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigFolder, REAL_CONFIG } from './load/fixtures.ts';
import { GATE, LIVE, SECRET, STAGING_ENV } from './policy/cases/fixtures.ts';
import { ENVIRONMENTS } from './schema/system.ts';
import { validateAll } from './validate.ts';

let folder: ConfigFolder;
beforeEach(() => {
  folder = new ConfigFolder();
});
afterEach(() => folder.remove());

const env = { ...STAGING_ENV };
const validate = (over: Partial<Parameters<typeof validateAll>[0]> = {}) =>
  validateAll({ configDir: folder.dir, environment: 'staging', env, ...over });
const production = {
  environment: 'production' as const,
  env: {
    ...env,
    ENVIRONMENT: 'production',
    DRY_RUN: 'false',
    ALPACA_PAPER: 'false',
    ALPACA_API_KEY: LIVE,
    ALPACA_BASE_URL: 'https://api.alpaca.markets',
  },
};

describe('validating everything', () => {
  test('finds nothing against the configuration as it stands, in any environment', () => {
    for (const environment of ENVIRONMENTS) {
      const over =
        environment === 'production'
          ? { ...production, gate: GATE }
          : { environment, env: { ...env, ENVIRONMENT: environment } };
      for (const configDir of [REAL_CONFIG, folder.dir])
        expect(validate({ ...over, configDir })).toMatchObject({
          ok: true,
          environment,
          problems: [],
          policy: { ok: true, findings: [] },
        });
    }
  });

  test('does without a configuration only where it may, and where there is none of any kind', () => {
    const root = join(folder.dir, 'elsewhere');
    const without = join(root, 'config');
    mkdirSync(root);
    const own = { ...env, ALPACA_BASE_URL: 'https://paper-api.alpaca.markets' };
    const over = { configDir: without, root, mayBeWithoutConfig: true, env: own };
    expect(validate({ configDir: without }).problems).not.toEqual([]);
    expect(validate(over)).toMatchObject({ ok: true, isWithoutConfig: true, problems: [], policy: { ok: true } });
    expect(validate({ ...over, env: { ...own, ALPACA_API_KEY: LIVE } }).ok).toBe(false);
    expect(validate({ ...over, env: { ...own, ALPACA_BASE_URL: undefined } }).ok).toBe(false);
    mkdirSync(without);
    expect(validate(over)).toMatchObject({ ok: true, isWithoutConfig: true });
    // Somebody meant to have one.
    writeFileSync(join(without, 'system.stagign.json'), '{}');
    expect(validate(over)).toMatchObject({ ok: false, isWithoutConfig: false });
    rmSync(without, { recursive: true });
    writeFileSync(without, 'a file');
    expect(validate(over).ok).toBe(false);
  });

  test('returns the configuration that it read, and how much was searched', () => {
    const report = validate();
    expect(report.system?.environment).toBe('staging');
    expect(report.riskLimits?.circuit_breaker.enabled).toBe(true);
    expect(report.scanned.files).toBe(6);
    expect(report.scanned.characters).toBeGreaterThan(3000);
  });

  test('tells problems of all files, of variables and of credentials together', () => {
    folder.edit('system.staging.json', '"feed": "iex"', '"feed": "siq"');
    folder.edit('risk_limits.toml', 'percent = 4.0', 'percent = 400');
    folder.write('extra.env', `KEY=${LIVE}\n`);
    const report = validate({ env: { ...env, DRY_RUN: 'false' } });
    expect(report.ok).toBe(false);
    expect(report.problems.map(({ where }) => where.slice(folder.dir.length + 1))).toEqual([
      'system.staging.json: alpaca.feed',
      'risk_limits.toml: take_profit.percent',
    ]);
    expect(report.policy.findings.map(({ rule, where }) => [rule, where])).toEqual([
      ['dry-run', 'DRY_RUN'],
      ['smuggled-file', 'extra.env:1'],
    ]);
    expect(report.system).toBeUndefined();
  });

  test('still applies the policy where no file can be read', () => {
    folder.remove('system.staging.json');
    folder.remove('risk_limits.toml');
    const report = validate({ env: { ...env, ALPACA_API_KEY: LIVE } });
    expect(report.problems.map(({ code }) => code)).toEqual(['CONFIG_UNREADABLE', 'CONFIG_UNREADABLE']);
    expect(report.policy.findings.map(({ rule }) => rule)).toEqual(['key-live']);
  });

  test('tells a variable of a wrong type, a boolean only once', () => {
    expect(validate({ env: { ...env, LOG_LEVEL: 'loud' } }).problems).toEqual([
      {
        code: 'ENV_INVALID',
        where: 'the environment',
        message: expect.stringContaining('LOG_LEVEL is "loud"'),
        fix: expect.any(String),
      },
    ]);
    const booleans = validate({ env: { ...env, DRY_RUN: 'yes' } });
    expect([booleans.problems.length, booleans.policy.findings.length]).toEqual([0, 1]);
  });

  test('tells a strategy that orders more than the limits let through', () => {
    folder.edit('system.staging.json', '"quantity": "5"', '"quantity": "500.000000001"');
    expect(validate().problems).toEqual([
      {
        code: 'CONFIG_INVALID',
        where: 'strategy "mean-reversion"',
        message: expect.stringContaining('allowed: at most order_validation.max_order_quantity, which is 500'),
        fix: expect.any(String),
      },
    ]);
    folder.edit('system.staging.json', '"500.000000001"', '"500.000000000"');
    expect(validate().ok).toBe(true);
  });

  test('searches the whole repository where it is told its root', () => {
    const root = mkdtempSync(join(tmpdir(), 'papergate-root-'));
    try {
      mkdirSync(join(root, 'compose'));
      writeFileSync(join(root, 'compose', 'compose.yaml'), `services:\n  a:\n    environment:\n      KEY: ${LIVE}\n`);
      expect(validate().ok).toBe(true);
      expect(validate({ root }).policy.findings.map(({ where }) => where)).toEqual(['compose/compose.yaml:4']);
      expect(validate({ root }).scanned.files).toBe(7);
      expect(validate({ root: folder.dir }).scanned.files).toBe(6);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  test('reads credentials from files', () => {
    writeFileSync(folder.path('key.pem'), STAGING_ENV['ALPACA_API_KEY'] ?? '');
    const { ALPACA_API_KEY: _key, ...rest } = env;
    expect(validate({ env: { ...rest, ALPACA_API_KEY_FILE: folder.path('key.pem') } })).toMatchObject({ ok: true });
    const absent = validate({ env: { ...rest, ALPACA_API_KEY_FILE: folder.path('absent') } });
    expect([absent.problems, absent.policy.findings.map(({ rule }) => rule)]).toEqual([[], ['secret-file']]);
  });

  test('lets production through only with the gate', () => {
    expect(validate(production).policy.findings.map(({ rule }) => rule)).toEqual(['gate']);
    expect(validate({ ...production, gate: GATE }).ok).toBe(true);
  });

  test('holds no secret in its report', () => {
    const text = JSON.stringify(validate({ env: { ...env, DATABASE_URL: `postgres://u:${SECRET}@127.0.0.1/x` } }));
    expect(text).not.toContain(SECRET.slice(0, 8));
    expect(text).not.toContain(String(env['ALPACA_API_KEY']).slice(0, 8));
  });
});
