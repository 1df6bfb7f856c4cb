import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { identify } from '../process/facts.ts';
import { findTool, type FindToolOptions } from './find.ts';
import type { ToolPin } from './pins.ts';

/** A tool that says its version, as a shell script. */
const program = (version: string) => `#!/bin/sh\necho "tool v${version} (test)"\n`;

describe('finding a tool', () => {
  let dir: string;
  let served: Map<string, Buffer>;
  let server: Server;
  let asked: string[];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'papergate-tools-'));
    served = new Map();
    asked = [];
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      const file = served.get((request.url ?? '').slice(1));
      response.writeHead(file === undefined ? 404 : 200);
      response.end(file);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });
  afterEach(async () => {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    rmSync(dir, { recursive: true, force: true });
  });

  const pin = (): ToolPin => ({
    name: 'tool',
    version: '1.2.3',
    versionArgs: ['version'],
    versionPattern: /tool v(\d+\.\d+\.\d+)/,
    release: (platform) =>
      platform === 'beos'
        ? undefined
        : {
            base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
            archive: 'tool.tar.gz',
            checksums: 'checksums.txt',
            member: 'tool-1.2.3/tool',
          },
    go: { module: 'mod', package: 'example.com/tool' },
    homepage: 'https://example.com/tool',
  });

  function put(path: string, content: string): string {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, 0o755);
    return path;
  }

  /** Serves a release archive with its checksum, or with a wrong one. */
  function serveRelease(version = '1.2.3', checksum?: string): void {
    const stage = join(dir, 'stage');
    put(join(stage, 'tool-1.2.3', 'tool'), program(version));
    execFileSync('tar', ['-czf', join(dir, 'tool.tar.gz'), '-C', stage, 'tool-1.2.3']);
    const archive = readFileSync(join(dir, 'tool.tar.gz'));
    const digest = checksum ?? createHash('sha256').update(archive).digest('hex');
    served.set('tool.tar.gz', archive);
    served.set('checksums.txt', Buffer.from(`${'0'.repeat(64)}  other.tar.gz\n${digest}  tool.tar.gz\n`));
  }

  /** A `go` that "builds" the tool, or fails, and the module that it builds from. */
  function installGo(script: string): string {
    put(join(dir, 'root', 'mod', 'go.mod'), 'module x\n');
    put(join(dir, 'root', 'mod', 'go.sum'), '');
    put(join(dir, 'gobin', 'go'), `#!/bin/sh\n${script}\n`);
    return join(dir, 'gobin');
  }
  const BUILDS = `while [ "$1" != "-o" ]; do shift; done; printf '%s' '${program('1.2.3')}' > "$2"; chmod 755 "$2"`;

  const find = (over: Partial<FindToolOptions> & { path?: string } = {}) =>
    findTool('k6', {
      env: { PATH: `${over.path ?? ''}:/usr/bin:/bin`, XDG_CACHE_HOME: join(dir, 'cache') },
      root: join(dir, 'root'),
      pin: pin(),
      ...over,
    });

  test('takes it from the PATH in the pinned version', async () => {
    const path = put(join(dir, 'bin', 'tool'), program('1.2.3'));
    expect(await find({ path: join(dir, 'bin') })).toEqual({ path, version: '1.2.3', source: 'path' });
    expect(asked).toEqual([]);
  });

  test('passes by a program of that name in another version, and takes the right one behind it', async () => {
    put(join(dir, 'old', 'tool'), program('1.2.4'));
    const path = put(join(dir, 'new', 'tool'), program('1.2.3'));
    expect((await find({ path: `${join(dir, 'old')}:${join(dir, 'new')}` })).path).toBe(path);
  });

  test('downloads the release, checks it, and finds it in the cache from then on', async () => {
    serveRelease();
    const first = await find();
    expect(first).toMatchObject({ source: 'download', version: '1.2.3' });
    expect(execFileSync(first.path, ['version'], { encoding: 'utf8' })).toContain('1.2.3');
    served.clear();
    expect(await find()).toEqual({ ...first, source: 'cache' });
    expect(readdirSync(join(dir, 'cache', 'papergate', 'tools'))).toEqual([expect.stringMatching(/^tool-1\.2\.3-/)]);
  });

  test('does not take a cached program that was changed', async () => {
    serveRelease();
    const { path } = await find();
    writeFileSync(path, program('1.2.3').replace('test', 'evil'));
    expect((await find()).source).toBe('download');
  });

  test('does not take a cached program that lost its tail', async () => {
    serveRelease();
    const { path } = await find();
    writeFileSync(path, '');
    expect((await find()).source).toBe('download');
  });

  test('does not install an archive that is not the one the checksums name', async () => {
    serveRelease('1.2.3', 'f'.repeat(64));
    await expect(find()).rejects.toThrow(/download: tool\.tar\.gz has sha256 .* not installed/);
    expect(readdirSync(join(dir, 'cache', 'papergate', 'tools'))).toEqual([]);
  });

  test('does not install a release that holds another version', async () => {
    serveRelease('9.9.9');
    await expect(find()).rejects.toThrow(/download: .* is version 9\.9\.9, wanted 1\.2\.3/);
  });

  test('builds it with Go where there is no release to be had', async () => {
    const said: string[] = [];
    const found = await find({ path: installGo(BUILDS), onProgress: ({ message }) => said.push(message) });
    expect(found.source).toBe('go');
    expect(said.join('\n')).toMatch(/download of tool did not work: .* answered 404[^]*building tool 1\.2\.3 with go/);
    expect((await find()).source).toBe('cache');
  });

  test('says everything that was tried, each with its reason, and what to do', async () => {
    put(join(dir, 'old', 'tool'), program('1.0.0'));
    const path = `${join(dir, 'old')}:${installGo('echo "go: no such module" >&2; exit 1')}`;
    const error = await find({ path }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'TOOL_MISSING',
      exitCode: 3,
      fix: expect.stringContaining('https://example.com/tool'),
    });
    const lines = (error as Error).message.split('\n').map((line) => line.trim());
    expect(lines).toEqual([
      'tool 1.2.3 is not to be had:',
      expect.stringMatching(/^PATH: .*old\/tool is version 1\.0\.0, wanted 1\.2\.3$/),
      expect.stringMatching(/^cache: .* does not exist$/),
      expect.stringMatching(/^download: .*checksums\.txt answered 404$/),
      expect.stringMatching(/^go: go build of example\.com\/tool failed: go: no such module$/),
    ]);
  });

  test('holds a release without checksums against the digest of its pin, and offers no Go where Go cannot build it', async () => {
    serveRelease();
    const sha256 = createHash('sha256')
      .update(readFileSync(join(dir, 'tool.tar.gz')))
      .digest('hex');
    const wheel = (expected: string): ToolPin => {
      const { go: _go, release, ...rest } = pin();
      const files = release('linux', 'x64');
      if (files === undefined) throw new Error('the pin has no release');
      return { ...rest, release: () => ({ ...files, checksums: { sha256: expected } }) };
    };
    const error = await find({ pin: wheel('f'.repeat(64)) }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'TOOL_MISSING', fix: expect.not.stringContaining('install Go') });
    expect((error as Error).message).toContain(`has sha256 ${sha256}, its pin says`);
    expect((error as Error).message).not.toContain('go:');
    expect((await find({ pin: wheel(sha256) })).source).toBe('download');
  });

  test('says so where there is no release for the machine', async () => {
    await expect(find({ platform: 'beos', arch: 'z80' })).rejects.toThrow(/no official release for beos on z80/);
  });

  test('says so where the cache cannot be made', async () => {
    writeFileSync(join(dir, 'cache'), 'a file');
    await expect(find()).rejects.toMatchObject({
      code: 'TOOL_CACHE_UNUSABLE',
      fix: expect.stringContaining('XDG_CACHE_HOME'),
    });
  });

  test('installs once where several ask at the same time', async () => {
    serveRelease();
    const found = await Promise.all(Array.from({ length: 5 }, () => find()));
    expect(new Set(found.map(({ path }) => path)).size).toBe(1);
    expect(found.filter(({ source }) => source === 'download')).toHaveLength(1);
    expect(asked.filter((url) => url === '/tool.tar.gz')).toHaveLength(1);
  });

  test('takes over the lock of a process that died', async () => {
    serveRelease();
    const tools = join(dir, 'cache', 'papergate', 'tools');
    const lock = join(tools, `tool-1.2.3-${process.platform}-${process.arch}.lock`);
    put(lock, JSON.stringify({ pid: process.pid, started: 'in another life' }));
    expect((await find()).source).toBe('download');
    expect(existsSync(lock)).toBe(false);
  });

  test('waits for a living holder and says for whom', async () => {
    serveRelease();
    const lock = join(dir, 'cache', 'papergate', 'tools', `tool-1.2.3-${process.platform}-${process.arch}.lock`);
    put(lock, JSON.stringify(identify(process.pid)));
    const said = await new Promise<string>((resolve, reject) => {
      find({
        onProgress: ({ message }) => {
          resolve(message);
          rmSync(lock, { force: true });
        },
      }).catch(reject);
    });
    expect(said).toBe(`waiting for the install of tool by process ${process.pid}`);
  });

  test('stops at once when it is interrupted, and leaves no half install', async () => {
    const aborter = new AbortController();
    const path = installGo('sleep 60');
    const running = find({
      path,
      signal: aborter.signal,
      onProgress: ({ message }) => {
        if (message.startsWith('building')) aborter.abort(new Error('interrupted'));
      },
    });
    await expect(running).rejects.toThrow('interrupted');
    expect(readdirSync(join(dir, 'cache', 'papergate', 'tools'))).toEqual([]);
  });
});
