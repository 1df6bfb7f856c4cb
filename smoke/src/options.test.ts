import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseOptions, SERVICES } from './options.ts';

const ALL = SERVICES.flatMap((service, index) => [`--${service}`, `http://127.0.0.1:${5000 + index}/`]);

describe('the options', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'papergate-smoke-test-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));
  const file = (content: string) => {
    const path = join(dir, 'token');
    writeFileSync(path, content);
    return path;
  };

  test('are read whole', () => {
    const options = parseOptions([
      ...ALL,
      '--exchange',
      'http://127.0.0.1:5600',
      '--token-file',
      file('abc\n'),
      '--timeout',
      '2.5',
      '--json',
    ]);
    expect(options).toMatchObject({ patienceMs: 2500, json: true, help: false });
    expect(options.targets.exchange).toBe('http://127.0.0.1:5600');
    expect(options.targets.services['market-data']).toBe('http://127.0.0.1:5000');
    expect(options.token?.reveal()).toBe('abc');
  });

  test('need neither simulator nor token', () => {
    expect(parseOptions(ALL)).toMatchObject({ patienceMs: 30_000, json: false, token: undefined });
  });

  test('may ask for help without any URL', () => {
    expect(parseOptions(['--help']).help).toBe(true);
  });

  test.each([
    ['nothing', () => [], /--market-data is missing/],
    ['one URL less', () => ALL.slice(0, -2), /--dashboard is missing/],
    ['a flag that is not known', () => [...ALL, '--quick'], /--quick/],
    ['a word without a flag', () => [...ALL, 'staging'], /staging/],
    ['a flag without its value', () => [...ALL, '--exchange'], /--exchange/],
    [
      'a URL without scheme',
      () => [...ALL, '--exchange', '127.0.0.1:5600'],
      /--exchange is "127.0.0.1:5600", allowed: an http/,
    ],
    ['a URL of another scheme', () => [...ALL, '--exchange', 'ftp://127.0.0.1'], /allowed: an http or https base URL/],
    ['a URL with a query', () => [...ALL, '--exchange', 'http://127.0.0.1/?a=1'], /allowed: an http/],
    ['a URL with user and password', () => [...ALL, '--exchange', 'http://a:b@127.0.0.1'], /allowed: an http/],
    ['a timeout of zero', () => [...ALL, '--timeout', '0'], /--timeout is "0", allowed: seconds above 0/],
    ['a timeout that is no number', () => [...ALL, '--timeout', 'soon'], /--timeout is "soon"/],
    ['an endless timeout', () => [...ALL, '--timeout', '601'], /at most 600/],
    ['an empty timeout', () => [...ALL, '--timeout', ''], /--timeout is ""/],
    ['a token file that is not there', () => [...ALL, '--token-file', join(dir, 'none')], /--token-file/],
    ['an empty token file', () => [...ALL, '--token-file', file('\n')], /holds no token/],
    ['a token with blanks', () => [...ALL, '--token-file', file('a b')], /holds no token/],
  ])('are refused with one clear message: %s', (_title, argv, message) => {
    expect(() => parseOptions(argv())).toThrow(message);
    expect(() => parseOptions(argv())).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});
