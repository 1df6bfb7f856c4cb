import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { millisecondsOf } from './clock.ts';
import { connectionError, fileError } from './errors.ts';
import { parseSshUrl, shellCommand, shellQuote } from './index.ts';
import { hostPath } from './path.ts';
import { slots } from './slots.ts';

describe('quoting for a shell', () => {
  test('gives every shell argument back as it was', () => {
    const word = fc.string({
      unit: fc.oneof(fc.constantFrom(...`'"\\$\`!*\n\r\t -`.split('')), fc.string({ unit: 'binary', minLength: 1 })),
    });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        const clean = words.map((text) => Buffer.from(text.replaceAll('\0', '0')).toString());
        const given = execFileSync('sh', ['-c', `printf '%s\\0' ${shellCommand(clean)}`], { encoding: 'utf8' });
        expect(given.split('\0').slice(0, -1)).toEqual(clean);
      }),
      { numRuns: 60 },
    );
  });

  test('refuses what no argument can hold', () => {
    expect(() => shellQuote('a\0b')).toThrow(TypeError);
  });
});

describe('the address of a host', () => {
  test.each([
    ['ssh://deploy@staging.example.com:2222', { user: 'deploy', host: 'staging.example.com', port: 2222 }],
    ['ssh://staging', { user: undefined, host: 'staging', port: undefined }],
    ['ssh://a.b-c_d@10.0.0.1/', { user: 'a.b-c_d', host: '10.0.0.1', port: undefined }],
    ['ssh://root@[fe80::1]:22', { user: 'root', host: 'fe80::1', port: 22 }],
    ['ssh://[::1]', { user: undefined, host: '::1', port: undefined }],
  ])('%s is read', (text, wanted) => {
    expect(parseSshUrl(text)).toMatchObject({ ...wanted, name: text.replace(/\/$/, '') });
  });

  test.each([
    'staging.example.com',
    'http://staging',
    'ssh://',
    'ssh://-oProxyCommand=id',
    'ssh://-l@host',
    'ssh://a@-host',
    'ssh://a b@host',
    'ssh://host:0',
    'ssh://host:65536',
    'ssh://host:x',
    'ssh://host/path',
    'ssh://user:word@host',
    'ssh://ho\nst',
    'ssh://a@b@c',
  ])('%j is refused', (text) => {
    expect(() => parseSshUrl(text)).toThrow(expect.objectContaining({ code: 'HOST_ADDRESS_INVALID', exitCode: 2 }));
  });

  test('with a password in it is not repeated', () => {
    expect(() => parseSshUrl('ssh://user:word@host')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('word@') }),
    );
  });
});

describe('what ssh says when it does not get through', () => {
  test.each([
    ['ssh: connect to host h port 22: Connection refused', 'HOST_UNREACHABLE'],
    ['ssh: Could not resolve hostname h: Name or service not known', 'HOST_UNREACHABLE'],
    ['kex_exchange_identification: Connection closed by remote host', 'HOST_UNREACHABLE'],
    ['', 'HOST_UNREACHABLE'],
    ['u@h: Permission denied (publickey).', 'SSH_KEY_REFUSED'],
    ['Received disconnect from h port 22:2: Too many authentication failures', 'SSH_KEY_REFUSED'],
    ['@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nu@h: Permission denied (publickey).', 'SSH_KEY_REFUSED'],
    [
      'No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.',
      'HOST_KEY_REFUSED',
    ],
    ['@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.', 'HOST_KEY_REFUSED'],
  ])('%j is %s', (stderr, code) => {
    const error = connectionError('ssh://h', stderr, undefined);
    expect(error).toMatchObject({ code, exitCode: code === 'HOST_UNREACHABLE' ? 3 : 2, fix: expect.any(String) });
    expect(error.message).toContain('ssh://h');
  });

  test('a full disk is told from other failures of a file', () => {
    expect(fileError('h', 'write /x', 'cat: write error: No space left on device').code).toBe('HOST_DISK_FULL');
    expect(fileError('h', 'write /x', 'EROFS: read-only file system').code).toBe('HOST_FILE_FAILED');
  });
});

describe('the clock of a host', () => {
  const said = (stdout: string) => millisecondsOf({ code: 0, stdout, stderr: '' }, 'h');
  test('is read with and without nanoseconds', () => {
    expect(said('1700000000123456789\n')).toBeCloseTo(1_700_000_000_123.456, 2);
    expect(said('1700000000N\n')).toBe(1_700_000_000_000);
    expect(said('1700000000\n')).toBe(1_700_000_000_000);
  });
  test.each(['', 'soon', '17'])('is not guessed from %j', (text) => {
    expect(() => said(text)).toThrow(expect.objectContaining({ code: 'HOST_CLOCK_UNREADABLE' }));
  });
});

test.each([
  ['/a//b/', '/a/b'],
  ['/', '/'],
])('the path %s is %s', (given, wanted) => {
  expect(hostPath(given)).toBe(wanted);
});

test('no more tasks than there are slots run at a time, and a failed one gives its slot back', async () => {
  const limited = slots(2);
  let [running, most] = [0, 0];
  const task = async (fail: boolean): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    if (fail) throw new Error('failed');
  };
  const ends = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => limited(() => task(n % 3 === 0))));
  expect(most).toBe(2);
  expect(ends.filter(({ status }) => status === 'rejected').length).toBe(3);
});
