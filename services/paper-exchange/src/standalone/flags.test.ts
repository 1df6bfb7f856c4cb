import { describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { HELP, readFlags } from './flags.ts';

describe('flags of the standalone exchange', () => {
  test('without any it is a synthetic market with Alpaca’s limits', () => {
    expect(readFlags([])).toMatchObject({
      port: 5600,
      host: '127.0.0.1',
      replay: [],
      speed: 1,
      rateLimit: 200,
      connections: 1,
      cash: 10n ** 20n,
      json: false,
    });
  });

  test('several paths may follow --replay', () => {
    expect(
      readFlags(['--replay', 'a.zip', 'b.zip', '--speed', '0', '--from', '09:30', '--to', '09:40:30', '--json']),
    ).toMatchObject({
      replay: ['a.zip', 'b.zip'],
      speed: 0,
      from: 34_200_000_000,
      to: 34_830_000_000,
      json: true,
    });
  });

  test.each<[string[], string]>([
    [['--port', 'x'], '--port is "x", allowed: a whole number from 0 to 65535'],
    [['--port', '70000'], '--port is "70000"'],
    [['--speed', '-1'], 'the command line is'],
    [['--speed=fast'], '--speed is "fast"'],
    [['--symbols', 'aapl'], '--symbols is "aapl"'],
    [['--hours', 'night'], '--hours is "night", allowed: always, regular'],
    [['--cash', '0'], '--cash is "0"'],
    [['--from', '25:00'], '--from is "25:00"'],
    [['--from', '10:00', '--to', '09:00'], '--to is "09:00", allowed: a time of day after --from'],
    [['--nope'], 'the command line is "--nope"'],
    [['a.zip'], 'an argument is "a.zip"'],
  ])('%j is refused', (args, message) => {
    expect(() => readFlags(args)).toThrow(UserError);
    expect(() => readFlags(args)).toThrow(message);
  });

  test('every flag is in the help', () => {
    for (const flag of [
      'port',
      'host',
      'seed',
      'symbols',
      'ticks-per-second',
      'replay',
      'speed',
      'from',
      'to',
      'wait',
      'hours',
      'cash',
      'rate-limit',
      'connections',
      'json',
      'watch-stdin',
      'help',
    ]) {
      expect(HELP).toContain(`--${flag}`);
    }
  });
});
