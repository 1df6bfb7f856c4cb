import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { waitFor } from '../process/wait.ts';
import { localHost, sshHost, type Host } from './index.ts';
import { startSshd, type TestSshd } from './testing/sshd.ts';

const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], MINE: 'only here' };
let sshd: TestSshd;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-host-'));
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
  rmSync(dir, { recursive: true, force: true });
});

const there = (): Host => sshHost({ url: sshd.url, identity: sshd.identity, knownHosts: sshd.knownHosts, env });

describe.each([
  ['this machine', () => localHost({ env })],
  ['a machine behind SSH', there],
])('a host: %s', (_name, make) => {
  let host: Host;
  let count = 0;
  const path = (): string => join(dir, `file-${process.pid}-${(count += 1)}-${host.name.length}`);
  const node = (code: string, ...args: string[]): [string, string[]] => [process.execPath, ['-e', code, '--', ...args]];
  beforeAll(() => {
    host = make();
  });
  afterAll(() => host.close());

  test('runs a program and gives its exit code and words', async () => {
    const [command, args] = node('console.log(1); console.error(2); process.exitCode = 3');
    expect(await host.run(command, args)).toEqual({ code: 3, stdout: '1\n', stderr: '2\n' });
  });

  test('hands arguments on as they are, whatever signs are in them', async () => {
    const [command, args] = node('process.stdout.write(JSON.stringify(process.argv.slice(1)))');
    const same = async (words: string[]): Promise<void> => {
      const { stdout } = await host.run(command, [...args, ...words]);
      expect(JSON.parse(stdout)).toEqual(words);
    };
    await same([
      '',
      ' ',
      "it's",
      '"',
      '$HOME',
      '`id`',
      '$(id)',
      'a\nb',
      '\\',
      "\\'",
      '-rf',
      '--',
      '*',
      '~',
      '!!',
      'é ü 語 🚀',
      '#',
      ';',
      '|',
      '&&',
    ]);
    const nasty = fc.string({ unit: fc.constantFrom(...`'"\\$\`!*?[]{}()<>|&;# \n\t-=~%^aé語`.split(''), '🚀') });
    // With `--` in front of a program of its own, node takes the rest as it comes.
    await fc.assert(
      fc.asyncProperty(fc.array(nasty, { maxLength: 6 }), (words) => same(['first', ...words])),
      { numRuns: 25 },
    );
  });

  test('refuses an argument that no program could be given', async () => {
    await expect(host.run('true', ['a\0b'])).rejects.toThrow();
  });

  test('gives a program the variables of its run, as they are', async () => {
    const [command, args] = node('process.stdout.write(process.env.NASTY ?? "none")');
    const value = `a 'b' "c" $HOME\n-`;
    expect((await host.run(command, args, { env: { NASTY: value } })).stdout).toBe(value);
  });

  test('says 127 where there is no such program', async () => {
    const { code, stderr } = await host.run('no-such-program-here', ['x']);
    expect(code).toBe(127);
    expect(stderr).toMatch(/no-such-program-here: .*not found/);
  });

  test('passes text and streams to stdin, and stdout to a stream', async () => {
    expect((await host.run('cat', [], { stdin: 'é text' })).stdout).toBe('é text');
    const big = Buffer.alloc(3_000_000, 'papergate');
    const out = new PassThrough();
    const [result, got] = await Promise.all([
      host.run('cat', [], { stdin: Readable.from([big.subarray(0, 1_000_000), big.subarray(1_000_000)]), stdout: out }),
      text(out),
    ]);
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(got === big.toString()).toBe(true);
  });

  test('does not end the stream of a program that failed, so that half a dump never looks whole', async () => {
    const out = new PassThrough();
    const seen = text(out).then(
      () => 'whole',
      () => 'cut off',
    );
    expect((await host.run('sh', ['-c', 'echo half; exit 1'], { stdout: out })).code).toBe(1);
    expect(await seen).toBe('cut off');
  });

  test('fails where the stream for its input breaks', async () => {
    const broken = Readable.from(
      (async function* () {
        yield 'some';
        throw new Error('the source broke');
      })(),
    );
    await expect(host.run('cat', [], { stdin: broken })).rejects.toThrow('the source broke');
  });

  test('gives lines as they come', async () => {
    const lines: string[] = [];
    const [command, args] = node('console.log("a"); console.error("b"); process.stdout.write("c\\nd")');
    await host.run(command, args, { onLine: (line, stream) => lines.push(`${stream}: ${line}`) });
    expect(lines.sort()).toEqual(['stderr: b', 'stdout: a', 'stdout: c', 'stdout: d']);
  });

  test('ends what takes too long, and what the caller gives up, also over there', async () => {
    const trace = path();
    const alive = (): Promise<boolean> =>
      host.run('pgrep', ['-f', `${trace} [s]leeper`]).then(({ code }) => code === 0);
    const sleeper = node(
      `require('fs').writeFileSync(process.argv[1], ''); setInterval(() => {}, 1000)`,
      trace,
      'sleeper',
    );
    const late = await host.run(...sleeper, { timeoutMs: 1_500 });
    expect(late.code).toBeUndefined();
    expect(late.stderr).toContain('ended after 1.5 s');
    expect(await waitFor(async () => !(await alive()), { timeoutMs: 5_000 })).toBe(true);
    const aborter = new AbortController();
    rmSync(trace);
    const given = host.run(...sleeper, { signal: aborter.signal });
    const outcome = expect(given).rejects.toThrow('enough');
    expect(await waitFor(() => host.files.read(trace).then((found) => found !== undefined), { timeoutMs: 5_000 })).toBe(
      true,
    );
    aborter.abort(new Error('enough'));
    await outcome;
    expect(await waitFor(async () => !(await alive()), { timeoutMs: 5_000 })).toBe(true);
  });

  test('reads and writes files, in folders that it makes for this user alone', async () => {
    const file = join(path(), 'a', "it's $HOME\nb");
    expect(await host.files.read(file)).toBeUndefined();
    await host.files.write(file, 'öld');
    await host.files.write(file, 'new\n');
    expect(await host.files.read(file)).toBe('new\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
    await host.files.write(file, '', 0o444);
    expect(statSync(file).mode & 0o777).toBe(0o444);
    expect(await host.files.read(file)).toBe('');
    expect(await host.files.list(join(file, '..'))).toEqual(["it's $HOME\nb"]);
    expect(await host.files.list(join(file, '..', 'none').replace('/..', ''))).toEqual([]);
  });

  test('lists what is there in order, hidden files too', async () => {
    const folder = path();
    await host.files.makeDir(folder, 0o755);
    expect(statSync(folder).mode & 0o777).toBe(0o755);
    expect(await host.files.list(folder)).toEqual([]);
    for (const name of ['b', '.hidden', 'a', '-rf', '..odd']) writeFileSync(join(folder, name), '');
    expect(await host.files.list(folder)).toEqual(['-rf', '..odd', '.hidden', 'a', 'b']);
  });

  test('appends lines, and closes one that was cut off before', async () => {
    const file = path();
    await host.files.append(file, '{"n":1}');
    await host.files.append(file, 'zwei é');
    expect(await host.files.read(file)).toBe('{"n":1}\nzwei é\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, '{"n":1}\n{"n"');
    await host.files.append(file, '{"n":3}');
    expect(await host.files.read(file)).toBe('{"n":1}\n{"n"\n{"n":3}\n');
    await expect(host.files.append(file, 'a\nb')).rejects.toThrow('line break');
    await host.files.appendLines?.(file, []);
    await host.files.appendLines?.(file, ['{"n":4}', 'fünf']);
    expect(await host.files.read(file)).toBe('{"n":1}\n{"n"\n{"n":3}\n{"n":4}\nfünf\n');
  });

  test('links where nothing is, and says EEXIST or ENOENT', async () => {
    const [from, to] = [path(), path()];
    await host.files.write(from, 'x');
    await host.files.link(from, to);
    expect(await host.files.read(to)).toBe('x');
    await expect(host.files.link(from, to)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(host.files.link(path(), path())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('renames, also over what is there, and removes files and folders', async () => {
    const [from, to] = [path(), path()];
    await host.files.write(from, 'new');
    await host.files.write(to, 'old');
    await host.files.rename(from, to);
    expect([await host.files.read(from), await host.files.read(to)]).toEqual([undefined, 'new']);
    await expect(host.files.rename(path(), to)).rejects.toMatchObject({ code: 'ENOENT' });
    await host.files.remove(to);
    await host.files.remove(to);
    expect(await host.files.read(to)).toBeUndefined();
  });

  test('touches what is there with its own clock', async () => {
    const file = path();
    expect(await host.files.modifiedAt(file)).toBeUndefined();
    await expect(host.files.touch(file)).rejects.toMatchObject({ code: 'ENOENT' });
    await host.files.write(file, '');
    await host.run('touch', ['-d', '@1000000000.25', '--', file]);
    expect(await host.files.modifiedAt(file)).toBeCloseTo(1_000_000_000_250, 0);
    const before = await host.now();
    await host.files.touch(file);
    const at = (await host.files.modifiedAt(file)) ?? 0;
    // A file's time has the resolution of the kernel's tick.
    expect(at).toBeGreaterThanOrEqual(before - 20);
    expect(at).toBeLessThanOrEqual((await host.now()) + 1);
  });

  test('tells its time and the home of its user', async () => {
    expect(Math.abs((await host.now()) - Date.now())).toBeLessThan(5_000);
    // HOME here, and that of the login behind SSH.
    expect([process.env['HOME'], userInfo().homedir]).toContain(await host.home());
  });

  test('streams a file out and in, and lets half a file never come to its place', async () => {
    const [from, to] = [path(), path()];
    const big = 'papergate '.repeat(200_000);
    await host.files.write(from, big);
    await pipeline(await host.files.openRead(from), await host.files.openWrite(to, 0o640));
    expect((await host.files.read(to)) === big).toBe(true);
    expect(statSync(to).mode & 0o777).toBe(0o640);
    await expect(host.files.openRead(path())).rejects.toMatchObject({ code: 'ENOENT' });

    const broken = Readable.from(
      (async function* () {
        yield 'half';
        throw new Error('the source broke');
      })(),
    );
    await expect(pipeline(broken, await host.files.openWrite(to))).rejects.toThrow('the source broke');
    expect((await host.files.read(to)) === big).toBe(true);
    const left = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.part'));
    expect(await waitFor(() => left().length === 0, { timeoutMs: 5_000 })).toBe(true);
  });

  test('takes the output of a program into a file that appears when it is complete', async () => {
    const file = path();
    await host.run('sh', ['-c', 'echo dump'], { stdout: await host.files.openWrite(file) });
    expect(await host.files.read(file)).toBe('dump\n');
    await host.run('sh', ['-c', 'echo half; exit 1'], { stdout: await host.files.openWrite(file) });
    expect(await host.files.read(file)).toBe('dump\n');
  });

  test('knows the space that is left, also where the folder is not there yet', async () => {
    const free = await host.files.freeBytes(join(dir, 'not', 'there'));
    expect(free).toBeGreaterThan(1_000_000);
    expect(Number.isInteger(free)).toBe(true);
  });

  test('says which file could not be written, and why', async () => {
    const file = path();
    await host.files.write(file, '');
    await expect(host.files.write(join(file, 'below'), '')).rejects.toMatchObject({
      code: 'HOST_FILE_FAILED',
      exitCode: 3,
      message: expect.stringContaining(join(file, 'below')),
    });
  });

  test('says that the disk is full, and keeps the old file', async () => {
    // The device that is always full.
    await expect(host.run('sh', ['-c', 'echo x > /dev/full']).then(({ code }) => code)).resolves.not.toBe(0);
    await expect(host.files.append('/dev/full', 'x')).rejects.toMatchObject({ code: 'HOST_DISK_FULL' });
  });

  test.each(['relative', '/a/../b', '/nul\0'])('refuses the path %j', async (bad) => {
    await expect(host.files.read(bad)).rejects.toThrow(TypeError);
    await expect(host.files.remove(bad)).rejects.toThrow(TypeError);
  });

  test('leads a port of the host here', async () => {
    const server = createServer((socket) => socket.end('hello from there'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      const [local, again] = await Promise.all([host.forward(port), host.forward(port)]);
      expect(again).toBe(local);
      expect(await text(connect(local, '127.0.0.1'))).toBe('hello from there');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('runs many things at a time', async () => {
    const results = await Promise.all(Array.from({ length: 25 }, (_, n) => host.run('echo', [String(n)])));
    expect(results.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 25 }, (_, n) => n));
  });
});

describe('a host behind SSH', () => {
  const refused = async (over: Partial<Parameters<typeof sshHost>[0]>): Promise<unknown> => {
    const host = sshHost({ url: sshd.url, identity: sshd.identity, knownHosts: sshd.knownHosts, env, ...over });
    try {
      return await host.run('true', []).then(
        () => 'got through',
        (error: unknown) => error,
      );
    } finally {
      await host.close();
    }
  };

  test('is not told our variables', async () => {
    const host = there();
    expect((await host.run('env', [])).stdout).not.toContain('only here');
    await host.close();
  });

  test('with a wrong key is refused', async () => {
    expect(await refused({ identity: sshd.stranger })).toMatchObject({
      code: 'SSH_KEY_REFUSED',
      exitCode: 2,
      message: expect.stringContaining(sshd.stranger),
      fix: expect.stringContaining('authorized_keys'),
    });
  });

  test('with a key that is not there is refused before anything is done', () => {
    const identity = join(dir, 'none');
    expect(() => sshHost({ url: sshd.url, identity, env })).toThrow(
      expect.objectContaining({ code: 'SSH_KEY_REFUSED', message: expect.stringContaining('no such file') }),
    );
  });

  test('with a file that is no key is refused', async () => {
    const identity = join(dir, 'no-key');
    writeFileSync(identity, 'no key\n', { mode: 0o600 });
    expect(await refused({ identity })).toMatchObject({ code: 'SSH_KEY_REFUSED', exitCode: 2 });
  });

  test('whose key is unknown, or has changed, is refused', async () => {
    expect(await refused({ knownHosts: sshd.emptyHosts })).toMatchObject({
      code: 'HOST_KEY_REFUSED',
      exitCode: 2,
      message: expect.stringContaining('does not know'),
    });
    expect(await refused({ knownHosts: sshd.changedHosts })).toMatchObject({
      code: 'HOST_KEY_REFUSED',
      exitCode: 2,
      message: expect.stringContaining('another host key'),
    });
  });

  test('that does not answer is unreachable, within its time', async () => {
    expect(await refused({ url: 'ssh://nobody@127.0.0.1:1' })).toMatchObject({ code: 'HOST_UNREACHABLE', exitCode: 3 });
    expect(await refused({ url: 'ssh://nobody@no-such-host.invalid' })).toMatchObject({ code: 'HOST_UNREACHABLE' });
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const begun = performance.now();
    expect(await refused({ url: `ssh://nobody@127.0.0.1:${port}`, connectTimeoutMs: 1_000 })).toMatchObject({
      code: 'HOST_UNREACHABLE',
    });
    expect(performance.now() - begun).toBeLessThan(8_000);
    await new Promise((resolve) => silent.close(resolve));
  });

  test('cannot be had without an OpenSSH client', async () => {
    expect(await refused({ env: { PATH: dir } })).toMatchObject({
      code: 'SSH_MISSING',
      exitCode: 3,
      fix: expect.stringContaining('openssh-client'),
    });
  });

  test('that was lost in the middle of a command says so, and is there again for the next', async () => {
    const host = there();
    const server = createServer((socket) => socket.end('still here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      const tunnel = await host.forward(port);
      const trace = join(dir, 'begun');
      const cut = host.run('sh', ['-c', 'touch -- "$1"; sleep 60', 'sh', trace]);
      const outcome = expect(cut).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', exitCode: 3 });
      await waitFor(() => readdirSync(dir).includes('begun'), { timeoutMs: 5_000 });
      await sshd.cut();
      await outcome;
      expect((await host.run('echo', ['again'])).stdout).toBe('again\n');
      expect(await text(connect(tunnel, '127.0.0.1'))).toBe('still here');
    } finally {
      await host.close();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('tells an exit code of 255 from a lost connection', async () => {
    const host = there();
    expect((await host.run('sh', ['-c', 'echo words >&2; exit 255'])).code).toBeUndefined();
    expect((await host.run('echo', ['fine'])).code).toBe(0);
    await host.close();
  });

  test('leaves nothing behind: no connection, no socket', async () => {
    // A folder for temporary files of our own: others come and go in the usual one.
    const own = join(dir, 'temporary');
    mkdirSync(join(own, 'pg-ssh-of-a-killed-one'), { recursive: true });
    utimesSync(join(own, 'pg-ssh-of-a-killed-one'), 1_000_000_000, 1_000_000_000);
    const { url, identity, knownHosts } = sshd;
    const host = sshHost({ url, identity, knownHosts, env: { ...env, TMPDIR: own } });
    try {
      await host.run('true', []);
      expect(readdirSync(own)).toEqual([expect.stringMatching(/^pg-ssh-.{6}$/)]);
    } finally {
      await host.close();
    }
    expect(readdirSync(own)).toEqual([]);
  });
});
