import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeError } from '../errors.ts';
import { LIVE } from '../policy/cases/fixtures.ts';
import { ENVIRONMENTS } from '../schema/system.ts';
import { ConfigFolder } from './fixtures.ts';
import { ConfigError, loadRiskLimits, loadSystemConfig, readTextFile } from './index.ts';
import { explainReadError } from './read.ts';

let folder: ConfigFolder;
beforeEach(() => {
  folder = new ConfigFolder();
});
afterEach(() => folder.remove());

const SYSTEM = 'system.staging.json';
const RISK = 'risk_limits.toml';
const OVER = 'risk_limits.staging.toml';

function refusal(load: () => unknown): ConfigError {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

type Row = readonly [what: string, edit: (folder: ConfigFolder) => void, code: string, ...texts: string[]];
const edit = (from: string | RegExp, to: string) => (folder: ConfigFolder) => folder.edit(SYSTEM, from, to);
const write = (content: string | Buffer) => (folder: ConfigFolder) => folder.write(SYSTEM, content);
const INVALID = 'CONFIG_INVALID';
const SYNTAX = 'CONFIG_SYNTAX';
const UNREADABLE = 'CONFIG_UNREADABLE';

const SYSTEM_ROWS: readonly Row[] = [
  ['an absent file', (folder) => folder.remove(SYSTEM), UNREADABLE, 'does not exist', 'create it'],
  [
    'a folder in place of the file',
    (folder) => {
      folder.remove(SYSTEM);
      mkdirSync(folder.path(SYSTEM));
    },
    UNREADABLE,
    'is a folder',
  ],
  [
    'a link in a circle',
    (folder) => {
      folder.remove(SYSTEM);
      symlinkSync(folder.path(SYSTEM), folder.path(SYSTEM));
    },
    UNREADABLE,
    'circle',
  ],
  [
    'a named pipe',
    (folder) => {
      folder.remove(SYSTEM);
      execFileSync('mkfifo', [folder.path(SYSTEM)]);
    },
    UNREADABLE,
    'no plain file',
  ],
  ['an empty file', write(''), SYNTAX, 'is empty', '{}'],
  ['a file of blanks', write(' \n\t\n'), SYNTAX, 'is empty'],
  ['a huge file', write(Buffer.alloc(1024 * 1024 + 1, 0x20)), UNREADABLE, '1048577 bytes', 'allowed: up to 1048576'],
  ['a byte-order mark', write('\ufeff{}'), UNREADABLE, 'byte-order mark', 'UTF-8 without'],
  ['UTF-16', write(Buffer.from('\ufeff{}', 'utf16le')), UNREADABLE, 'UTF-16'],
  ['UTF-16 without a mark', write(Buffer.from('{}', 'utf16le')), UNREADABLE, 'NUL'],
  ['Latin 1', write(Buffer.from('{\n"a": "caf\u00e9"}', 'latin1')), UNREADABLE, 'not UTF-8 (line 2)'],
  ['a picture', write(Buffer.from('89504e470d0a1a0a0000000d', 'hex')), UNREADABLE, 'no text'],
  ['YAML', write('environment: staging\n'), SYNTAX, 'line 1, column 1', 'expected a value'],
  ['a comment', write('{\n  // staging\n  "a": 1}'), SYNTAX, 'line 2, column 3', 'comment'],
  ['a trailing comma', write('{"a": 1,\n}'), SYNTAX, 'line 2, column 1', 'comma'],
  ['single quotes', write("{'a': 1}"), SYNTAX, 'column 2', 'double quotes'],
  ['a missing colon', write('{"a" 1}'), SYNTAX, 'column 6', 'colon'],
  ['a missing comma', write('{"a": 1 "b": 2}'), SYNTAX, 'column 9', 'comma or }'],
  ['a text that does not end', write('{"a": "b}'), SYNTAX, 'column 7', 'does not end'],
  ['a file that was cut off', write('{"a": [1, 2'), SYNTAX, 'it ends'],
  ['two documents', write('{}\n{}'), SYNTAX, 'line 2, column 1', 'more follows'],
  ['a number with a zero in front', write('{"a": 012}'), SYNTAX, 'column 8'],
  ['NaN', write('{"a": NaN}'), SYNTAX, 'expected a value'],
  ['nesting without end', write('['.repeat(100_000)), SYNTAX, 'nested more than 64 deep'],
  [
    'a key that stands twice',
    edit('"symbols"', '"environment": "staging",\n  "symbols"'),
    SYNTAX,
    'twice in the same object',
  ],
  ['a key that stands twice, once escaped', write('{"a": 1, "\\u0061": 2}'), SYNTAX, 'column 10', 'twice'],
  ['a list', write('[]'), INVALID, 'the whole file is an empty list', 'allowed: a table of keys and values'],
  ['null', write('null'), INVALID, 'the whole file is null'],
  [
    'another environment',
    edit('"staging"', '"production"'),
    INVALID,
    'environment is "production", allowed: "staging"',
  ],
  [
    'an unknown environment',
    edit('"staging"', '"stage"'),
    INVALID,
    'environment is "stage", allowed: "development", "staging", "production"',
  ],
  [
    'an unknown key',
    edit('"symbols"', '"weather": 1,\n  "symbols"'),
    INVALID,
    'unknown key weather, allowed here: environment, services',
  ],
  [
    'a misspelt key',
    edit('"feed"', '"fed"'),
    INVALID,
    'unknown key alpaca.fed (did you mean "feed"?)',
    'rename it to feed',
  ],
  ['a key in capitals', edit('"logging"', '"Logging"'), INVALID, 'unknown key Logging (did you mean "logging"?)'],
  [
    'swapped letters in a key',
    edit('"http_port": 5001', '"htpt_port": 5001'),
    INVALID,
    'services.market-data.htpt_port (did you mean "http_port"?)',
  ],
  ['a key of JavaScript’s own', edit('"symbols"', '"__proto__": {},\n  "symbols"'), INVALID, 'unknown key __proto__'],
  ['a missing key', edit(/\s*"feed": "iex"/, '\n"feed": "iex", "x": 1'), INVALID, 'unknown key alpaca.x'],
  ['a missing section', edit(/,\s*"logging": \{[^}]*\}/, ''), INVALID, 'missing key logging, allowed: a table'],
  [
    'a missing service',
    edit(/"dashboard": \{[^}]*\}/, '"board": {"host": "127.0.0.1", "http_port": 3000}'),
    INVALID,
    'missing key services.dashboard',
  ],
  [
    'a port of 0',
    edit('5001', '0'),
    INVALID,
    'services.market-data.http_port is 0, allowed: a whole number from 1 to 65535',
  ],
  ['a port of 65536', edit('5001', '65536'), INVALID, 'is 65536, allowed: a whole number from 1 to 65535'],
  ['a port that is text', edit('5001', '"5001"'), INVALID, 'is "5001", allowed: a whole number'],
  ['a port with a fraction', edit('5001', '5001.5'), INVALID, 'is 5001.5, allowed: a whole number'],
  ['a port that two services have', edit('5001', '5002'), INVALID, 'both 5002', 'its own port'],
  [
    'a service on the port of the database',
    edit('5001', '5433'),
    INVALID,
    'services.market-data.http_port and database.port are both 5433',
  ],
  [
    'a host with its scheme',
    edit('"host": "127.0.0.1"', '"host": "http://127.0.0.1"'),
    INVALID,
    'allowed: a host name or IP address, without scheme and port',
  ],
  ['an empty host', edit('"host": "127.0.0.1"', '"host": ""'), INVALID, 'services.paper-exchange.host is ""'],
  [
    'money as a number',
    edit('"1000000"', '1000000'),
    INVALID,
    'exchange.starting_cash is 1000000, allowed: a decimal number as text',
    'put it in quotes',
  ],
  ['money with a sign', edit('"1000000"', '"-5"'), INVALID, 'is "-5", allowed: a decimal number as text, not negative'],
  ['money with an exponent', edit('"1000000"', '"1e6"'), INVALID, 'is "1e6"'],
  ['money with a comma', edit('"1000000"', '"1,000"'), INVALID, 'is "1,000"'],
  ['no cash at all', edit('"1000000"', '"0.00"'), INVALID, 'exchange.starting_cash is "0.00", allowed: more than 0'],
  [
    'a symbol in lower case',
    edit('"AAPL", "AMZN"', '"aapl", "AMZN"'),
    INVALID,
    'symbols.0 is "aapl", allowed: a symbol in capitals',
  ],
  ['a symbol that stands twice', edit('"AAPL", "AMZN"', '"AAPL", "AAPL", "AMZN"'), INVALID, 'symbols has "AAPL" twice'],
  [
    'no symbols',
    edit(/"symbols": \["AAPL", "AMZN"[^\]]*\]/, '"symbols": []'),
    INVALID,
    'symbols is an empty list, allowed: a list of at least 1 of at most 500',
  ],
  ['a strategy of a kind that does not exist', edit('"kind": "momentum"', '"kind": "magic"'), INVALID, '"magic"'],
  [
    'a strategy’s name in capitals',
    edit('"name": "momentum"', '"name": "Momentum"'),
    INVALID,
    'strategies.1.name is "Momentum", allowed: up to 32 lower-case',
  ],
  [
    'two strategies of one name',
    edit('"name": "momentum"', '"name": "mean-reversion"'),
    INVALID,
    'strategies.1.name is "mean-reversion"',
    'which another strategy has',
  ],
  [
    'a strategy of a symbol that nobody has',
    edit('["AMZN", "NVDA"]', '["AMZN", "TSLA"]'),
    INVALID,
    'strategies.1.symbols has TSLA',
    '"symbols"',
  ],
  [
    'a strategy that trades nothing',
    edit('"quantity": "5"', '"quantity": "0"'),
    INVALID,
    'strategies.0.quantity is "0", allowed: more than 0',
  ],
  [
    'a window of one bar',
    edit('"window": 20', '"window": 1'),
    INVALID,
    'strategies.0.window is 1, allowed: a whole number from 2 to 10000',
  ],
  [
    'a threshold of 0',
    edit('"threshold": 2', '"threshold": 0'),
    INVALID,
    'allowed: a number greater than 0 and up to 100',
  ],
  [
    'a replay of nothing',
    edit('"bus"', '"replay"'),
    INVALID,
    'exchange.replay_paths is an empty list',
    'at least one path',
  ],
  [
    'a log level that does not exist',
    edit('"level": "info"', '"level": "verbose"'),
    INVALID,
    'logging.level is "verbose", allowed: "fatal"',
  ],
  [
    'an address with a path',
    edit('"https://paper-api.alpaca.markets"', '"https://paper-api.alpaca.markets/v2"'),
    INVALID,
    'alpaca.base_url',
    'without a path',
  ],
  [
    'a patience of no time',
    edit('"shutdown_timeout_ms": 10000', '"shutdown_timeout_ms": 0'),
    INVALID,
    'shutdown_timeout_ms is 0',
  ],
];

const risk = (from: string | RegExp, to: string) => (folder: ConfigFolder) => folder.edit(RISK, from, to);
const over = (from: string | RegExp, to: string) => (folder: ConfigFolder) => folder.edit(OVER, from, to);

const RISK_ROWS: readonly Row[] = [
  ['absent limits', (folder) => folder.remove(RISK), UNREADABLE, 'risk_limits.toml', 'does not exist'],
  ['limits that are no TOML', risk('[loss_limits]', '[loss_limits'), SYNTAX, 'is not TOML at line'],
  ['limits as JSON', (folder) => folder.write(RISK, '{"a": 1}'), SYNTAX, 'is not TOML at line 1'],
  [
    'a key that stands twice',
    risk('allow_short = false', 'allow_short = false\nallow_short = true'),
    SYNTAX,
    'is not TOML at line',
  ],
  ['a table that stands twice', risk('[stop_loss]', '[loss_limits]'), SYNTAX, 'is not TOML at line'],
  ['empty limits', (folder) => folder.write(RISK, ''), INVALID, 'missing key stop_loss'],
  ['a broken override', (folder) => folder.write(OVER, 'x = '), SYNTAX, 'risk_limits.staging.toml', 'is not TOML'],
  [
    'an unknown key',
    risk('trailing = false', 'trailing = false\ntrailing_stop = 1'),
    INVALID,
    'unknown key stop_loss.trailing_stop',
  ],
  [
    'a misspelt key',
    risk('max_daily_loss =', 'max_dayly_loss ='),
    INVALID,
    'unknown key loss_limits.max_dayly_loss (did you mean "max_daily_loss"?)',
  ],
  [
    'a misspelt key in the override',
    over('max_open_orders', 'max_opened_orders'),
    INVALID,
    'risk_limits.staging.toml',
    'did you mean "max_open_orders"?',
  ],
  [
    'a table that does not exist',
    over('[circuit_breaker]', '[circuit_braker]'),
    INVALID,
    'risk_limits.staging.toml',
    'unknown key circuit_braker (did you mean "circuit_breaker"?)',
  ],
  [
    'money as a float',
    risk('"2000"', '2000.0'),
    INVALID,
    'loss_limits.max_daily_loss is 2000, allowed: a decimal number as text',
    'put it in quotes',
  ],
  [
    'a percent of 0',
    risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = 0'),
    INVALID,
    'is 0, allowed: a number greater than 0 and up to 100',
  ],
  ['a percent of 101', risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = 101'), INVALID, 'is 101'],
  [
    'a percent that is no number',
    risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = nan'),
    INVALID,
    'is NaN, allowed: a number',
  ],
  [
    'a percent without end',
    risk('max_daily_loss_percent = 2.0', 'max_daily_loss_percent = inf'),
    INVALID,
    'is Infinity',
  ],
  [
    'a number that no float holds',
    risk('max_open_orders = 100', 'max_open_orders = 99999999999999999999'),
    SYNTAX,
    'is not TOML',
  ],
  [
    'a boolean as text',
    over('allow_short = true', 'allow_short = "false"'),
    INVALID,
    'position_limits.allow_short is "false", allowed: true, false',
  ],
  [
    'a limit of 0',
    risk('max_order_value = "25000"', 'max_order_value = "0"'),
    INVALID,
    'order_validation.max_order_value is "0", allowed: more than 0',
  ],
  [
    'a state that does not exist',
    risk('"HALTED"', '"PAUSED"'),
    INVALID,
    'circuit_breaker.trip_state is "PAUSED", allowed: "REDUCING", "HALTED"',
  ],
  [
    'an order type that does not exist',
    risk('"stop_limit"', '"stop_loss"'),
    INVALID,
    'order_validation.allowed_types.3 is "stop_loss", allowed: "market"',
  ],
  ['an order type twice', risk('"stop_limit"', '"market"'), INVALID, 'has "market" twice'],
  [
    'prices the wrong way round',
    risk('min_price = "1"', 'min_price = "100000.01"'),
    INVALID,
    'order_validation.min_price is "100000.01", allowed: at most order_validation.max_price',
  ],
  [
    'orders larger than positions',
    risk('max_order_quantity = "500"', 'max_order_quantity = "1000001"'),
    INVALID,
    'at most position_limits.max_position_quantity',
  ],
  [
    'order values larger than position values',
    risk('max_order_value = "25000"', 'max_order_value = "500000001"'),
    INVALID,
    'at most position_limits.max_position_value',
  ],
  [
    'positions larger than the exposure',
    over('max_position_value = "500000000"', 'max_position_value = "5000000000"'),
    INVALID,
    'risk_limits.staging.toml',
    'at most position_limits.max_gross_exposure',
  ],
  [
    'net above gross',
    over('max_net_exposure = "1000000000"', 'max_net_exposure = "1000000001"'),
    INVALID,
    'max_net_exposure',
    'at most position_limits.max_gross_exposure',
  ],
  [
    'a day that closes before it opens',
    risk('open = "09:30"', 'open = "16:30"'),
    INVALID,
    'time_restrictions.open is "16:30", allowed: before close, which is "16:00"',
  ],
  ['a day without length', risk('open = "09:30"', 'open = "16:00"'), INVALID, 'before close'],
  [
    'a time of 24:00',
    risk('close = "16:00"', 'close = "24:00"'),
    INVALID,
    'time_restrictions.close is "24:00", allowed: a time of day HH:MM',
  ],
  [
    'a time without quotes',
    risk('close = "16:00"', 'close = 16:00:00'),
    INVALID,
    'time_restrictions.close',
    'in quotes',
  ],
  [
    'a time zone that does not exist',
    risk('"America/New_York"', '"America/Gotham"'),
    INVALID,
    'time_restrictions.time_zone is "America/Gotham", allowed: a name of the IANA',
  ],
  ['a time zone that is an offset', risk('"America/New_York"', '"-05:00"'), INVALID, 'is "-05:00"'],
  [
    'no time left to trade',
    (folder) => {
      folder.edit(OVER, 'no_new_positions_before_close_minutes = 0', 'no_new_positions_before_close_minutes = 390');
    },
    INVALID,
    'is 390, allowed: less than the 390 minutes',
  ],
  ...(
    [
      [
        'a blackout that is no time',
        'from = "tomorrow"\nto = "09:32"',
        'from is "tomorrow", allowed: HH:MM, or a time with date',
      ],
      ['a blackout that ends before it begins', 'from = "09:40"\nto = "09:32"', 'is not before'],
      ['a blackout of two kinds', 'from = "09:30"\nto = "2026-07-03T13:00:00Z"', 'two kinds'],
      [
        'a blackout on a day that does not exist',
        'from = "2026-04-31T13:00:00Z"\nto = "2026-05-03T13:00:00Z"',
        'from is "2026-04-31T13:00:00Z"',
      ],
      [
        'a blackout without offset',
        'from = "2026-07-03T13:00:00"\nto = "2026-07-03T14:00:00"',
        'from is "2026-07-03T13:00:00"',
      ],
      ['a blackout over no time', 'from = "2026-07-03T13:00:00Z"\nto = "2026-07-03T09:00:00-04:00"', 'is not before'],
      [
        'a blackout without quotes',
        'from = 2026-07-03T13:00:00Z\nto = "2026-07-03T14:00:00Z"',
        'is the date 2026-07-03T13:00:00.000Z, allowed: HH:MM or a time',
      ],
      ['a blackout without a name', 'from = "09:30"\nto = "09:32"\nname = ""', 'SYNTAX'],
    ] as const
  ).map(([what, times, text]): Row => [
    what,
    (folder) => {
      folder.edit(OVER, 'blackout_periods = []', '');
      folder.edit(RISK, /from = "09:30"\nto = "09:32"/, times);
    },
    text === 'SYNTAX' ? SYNTAX : INVALID,
    text === 'SYNTAX' ? 'is not TOML' : text,
  ]),
];

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
      expect(loadSystemConfig(folder.dir, environment).environment).toBe(environment);
    }
  });

  test.each(SYSTEM_ROWS)('is refused for %s', (_what, edit, code, ...texts) => {
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
    for (const environment of ENVIRONMENTS) expect(loadRiskLimits(folder.dir, environment)).toBeDefined();
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

  test.each(RISK_ROWS)('are refused for %s', (_what, edit, code, ...texts) => {
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
