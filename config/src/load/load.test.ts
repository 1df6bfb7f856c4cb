import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeError } from '../errors.ts';
import { LIVE } from '../policy/cases/fixtures.ts';
import { ENVIRONMENTS } from '../schema/system.ts';
import { BAD_RISK_LIMITS } from './bad-inputs/risk-limits.ts';
import { OVER, SYSTEM } from './bad-inputs/row.ts';
import { BAD_SYSTEM_FILES } from './bad-inputs/system.ts';
import { ConfigFolder, REAL_CONFIG } from './fixtures.ts';
import { checkRiskLimitsOfRelease, ConfigError, loadRiskLimits, loadSystemConfig, readTextFile } from './index.ts';
import { explainReadError } from './read.ts';

let folder: ConfigFolder;
beforeEach(() => {
  folder = new ConfigFolder();
});
afterEach(() => folder.remove());

function refusal(load: () => unknown): ConfigError {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function expectRefusal(error: ConfigError, code: string, texts: readonly string[]): void {
  expect(error.code).toBe(code);
  expect(error.exitCode).toBe(2);
  const text = describeError(error);
  for (const part of texts) expect(text).toContain(part);
  expect(text).toContain(folder.dir);
  expect(text).not.toMatch(/schema is false|additional properties|must match|\n\s+at |undefined|\[object/);
  for (const { message, fix, file } of error.problems) {
    expect(file.startsWith(folder.dir)).toBe(true);
    for (const line of [message, fix]) expect(line).toMatch(/^[^\n]{3,300}$/);
  }
}

describe('the system configuration', () => {
  test('of every environment is good as it stands', () => {
    for (const environment of ENVIRONMENTS) {
      for (const dir of [REAL_CONFIG, folder.dir])
        expect(loadSystemConfig(dir, environment).environment).toBe(environment);
    }
  });

  test.each(BAD_SYSTEM_FILES)('is refused for %s', (_what, edit, code, ...texts) => {
    edit(folder);
    expectRefusal(
      refusal(() => loadSystemConfig(folder.dir, 'staging')),
      code,
      texts,
    );
  });

  test('tells all its problems at once, each on a line, and a misspelt key once', () => {
    folder.edit(SYSTEM, '"http_port": 5001', '"http_prot": 5001');
    folder.edit(SYSTEM, '"bus_port": 5556', '"bus_port": 0');
    folder.edit(SYSTEM, '"iex"', '"isx"');
    for (let i = 0; i < 12; i++) folder.edit(SYSTEM, '"symbols":', `"unknown_${i}": 0,\n"symbols":`);
    const error = refusal(() => loadSystemConfig(folder.dir, 'staging'));
    expect(error.problems).toHaveLength(15);
    expect(error.problems.map(({ key }) => key)).toEqual(
      expect.arrayContaining([
        'services.market-data.http_prot',
        'services.signal-bridge.bus_port',
        'alpaca.feed',
        'unknown_11',
      ]),
    );
  });

  test('may have two services on one port of two hosts', () => {
    folder.edit(SYSTEM, /"host": "127.0.0.1",\s*"http_port": 5001/, '"host": "market-data", "http_port": 5002');
    expect(loadSystemConfig(folder.dir, 'staging').services['market-data'].http_port).toBe(5002);
  });

  test('does not repeat a credential that stands in the wrong place', () => {
    folder.edit(SYSTEM, '"level": "info"', `"level": "${LIVE}"`);
    folder.edit(SYSTEM, '"ws', '"postgres://user:hunter2@');
    const text = describeError(refusal(() => loadSystemConfig(folder.dir, 'staging')));
    expect(text).not.toContain(LIVE);
    expect(text).not.toContain('hunter2');
    expect(text).toContain('(withheld');
  });
});

describe('the risk limits', () => {
  test('of every environment are good as they stand', () => {
    for (const environment of ENVIRONMENTS) {
      for (const dir of [REAL_CONFIG, folder.dir]) expect(loadRiskLimits(dir, environment)).toBeDefined();
    }
  });

  test('are the base with the override laid over it key by key', () => {
    const staging = loadRiskLimits(folder.dir, 'staging');
    expect(staging.position_limits.max_position_quantity).toBe('1000000');
    expect(staging.position_limits.max_open_positions).toBe(20);
    expect(staging.time_restrictions.blackout_periods).toEqual([]);
    expect(loadRiskLimits(folder.dir, 'production').time_restrictions.blackout_periods).toHaveLength(1);
  });

  test('need no override', () => {
    folder.remove(OVER);
    expect(loadRiskLimits(folder.dir, 'staging')).toEqual(loadRiskLimits(folder.dir, 'production'));
  });

  test('of an older release may lack a key that is new, and nothing else', () => {
    const edit = (from: RegExp, to: string): void => {
      const path = join(folder.dir, 'risk_limits.toml');
      writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
    };
    edit(/^max_weekly_loss = .*\n/m, '');
    expect(refusal(() => loadRiskLimits(folder.dir, 'production')).problems).toMatchObject([
      { key: 'loss_limits.max_weekly_loss', missing: true },
    ]);
    expect(() => checkRiskLimitsOfRelease(folder.dir, 'production')).not.toThrow();
    edit(/^max_open_positions = 20/m, 'max_open_positions = "a lot"');
    const refused = refusal(() => checkRiskLimitsOfRelease(folder.dir, 'production'));
    expect(refused.problems.map(({ key }) => key)).toEqual(['position_limits.max_open_positions']);
  });

  test.each(BAD_RISK_LIMITS)('are refused for %s', (_what, edit, code, ...texts) => {
    edit(folder);
    expectRefusal(
      refusal(() => loadRiskLimits(folder.dir, 'staging')),
      code,
      texts,
    );
  });
});

describe('a file that cannot be read', () => {
  test('says what the system said, in words', () => {
    const rows = [
      ['EACCES', 'may not be read by this user'],
      ['EPERM', 'may not be read by this user'],
      ['ENOENT', 'does not exist'],
      ['ENOTDIR', 'does not exist: a part of its path is a file'],
      ['EIO', 'cannot be read: i/o error'],
    ];
    for (const [code, text = ''] of rows) {
      const error = explainReadError('/x', 'configuration file', Object.assign(new Error('i/o error'), { code }));
      expect(describeError(error)).toContain(`/x: configuration file ${text}`);
    }
  });

  test('is named as what it is wanted for', () => {
    expect(() => readTextFile(folder.path('absent'), 'API_TOKEN_FILE')).toThrow(
      /absent: API_TOKEN_FILE does not exist/,
    );
    expect(() => readTextFile(`${folder.path(SYSTEM)}/x`, 'certificate')).toThrow(
      /certificate does not exist: a part of its path/,
    );
  });
});
