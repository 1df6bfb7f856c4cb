import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import type { ConfigFolder } from '../fixtures.ts';
import { INVALID, SYNTAX, SYSTEM, UNREADABLE, type BadInput } from './row.ts';

const edit = (from: string | RegExp, to: string) => (folder: ConfigFolder) => folder.edit(SYSTEM, from, to);
const write = (content: string | Buffer) => (folder: ConfigFolder) => folder.write(SYSTEM, content);

export const BAD_SYSTEM_FILES: readonly BadInput[] = [
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
    'a strategy that is nothing at all',
    edit('"kind": "momentum",', ''),
    INVALID,
    'strategies.1 has neither "kind" nor "plugin", allowed: one of them',
  ],
  [
    'a strategy that is two things',
    edit('"kind": "momentum",', '"kind": "momentum", "plugin": "./breakout",'),
    INVALID,
    'strategies.1 has both "kind" and "plugin"',
  ],
  [
    'a built-in strategy without its window',
    edit('"window": 20,', ''),
    INVALID,
    'missing key strategies.0.window, which a strategy with "kind" has',
  ],
  [
    'a built-in strategy with the parameters of a plug-in',
    edit('"kind": "momentum",', '"kind": "momentum", "parameters": {},'),
    INVALID,
    'unknown key strategies.1.parameters, allowed beside "kind": window, threshold',
  ],
  [
    'a plug-in with the numbers of a built-in strategy',
    edit('"kind": "momentum",', '"plugin": "./breakout", "parameters": {},'),
    INVALID,
    'unknown key strategies.1.window, allowed beside "plugin": parameters',
  ],
  [
    'a plug-in from outside the repository',
    edit('"kind": "momentum",', '"plugin": "../../elsewhere", "parameters": {},'),
    INVALID,
    'strategies.1.plugin is "../../elsewhere", allowed: a file of services/signal-bridge/strategies',
  ],
  [
    'parameters that are a list',
    edit('"kind": "momentum",', '"plugin": "./breakout", "parameters": [],'),
    INVALID,
    'strategies.1.parameters is an empty list, allowed: a table of the plug-in’s parameters',
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
