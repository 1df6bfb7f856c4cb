import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { engineInfo, isOlder, requireBuilder, requireCompose, type EngineInfo } from './engine.ts';
import { docker, runDocker } from './run.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-docker-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A command line that answers as the script says, and the environment that finds it alone. */
function fakeDocker(script: string): { PATH: string } {
  const path = join(dir, 'docker');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return { PATH: dir };
}
const versions = (engine: string): string =>
  JSON.stringify({ Client: { Version: '26.1.5' }, Server: { Version: engine, Os: 'linux', Arch: 'amd64' } });

const info: EngineInfo = {
  engine: '26.1.5+dfsg1',
  client: '26.1.5',
  compose: '2.26.1',
  buildx: '0.13.1',
  os: 'linux',
  arch: 'amd64',
};

describe('versions', () => {
  test.each<[string, string, boolean]>([
    ['24.0.9', '25.0.0', true],
    ['25.0.0', '25.0.0', false],
    ['25.0', '25.0.0', false],
    ['26.1.5+dfsg1', '25.0.0', false],
    ['v2.24.0-desktop.1', '2.24.0', false],
    ['2.9.0', '2.24.0', true],
    ['0.13.1+ds1', '0.12.0', false],
    ['nonsense', '0.12.0', true],
    ['100.0.0', '25.0.0', false],
    ['26.0.1', '25.9.9', false],
  ])('%s is older than %s: %s', (a, b, older) => expect(isOlder(a, b)).toBe(older));
});

describe('the look at an engine', () => {
  test('gives the versions of all that is needed', async () => {
    const env = fakeDocker(`
case "$1" in
  version) echo '${versions('26.1.5+dfsg1')}' ;;
  compose) echo 2.26.1-4 ;;
  buildx) echo 'github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3' ;;
esac`);
    expect(await engineInfo(env)).toEqual(info);
  });

  test('says which plugins are not there', async () => {
    const env = fakeDocker(`[ "$1" = version ] && echo '${versions('26.1.5')}' && exit 0; exit 1`);
    expect(await engineInfo(env)).toMatchObject({ compose: undefined, buildx: undefined });
  });

  test('without the program is DOCKER_MISSING', async () => {
    await expect(engineInfo({ PATH: dir })).rejects.toMatchObject({ code: 'DOCKER_MISSING', exitCode: 3 });
  });

  test.each([
    'Cannot connect to the Docker daemon at unix:///nowhere.sock. Is the docker daemon running?',
    'error during connect: Get "http://%2Fnowhere": dial unix: no such file',
    'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock',
  ])('that does not answer is ENGINE_UNREACHABLE: %s', async (words) => {
    const env = fakeDocker(`echo '${words}' >&2; exit 1`);
    const looked = engineInfo(env);
    await expect(looked).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE', exitCode: 3 });
    await expect(looked).rejects.toThrow(words.slice(0, 30));
  });
});

describe('what is too old or missing is refused by name', () => {
  test.each<[string, Partial<EngineInfo>, (info: EngineInfo) => void, string, string]>([
    ['an engine for builds', { engine: '20.10.24+dfsg1' }, requireBuilder, 'ENGINE_TOO_OLD', '20.10.24'],
    ['an engine for places', { engine: '24.0.9' }, requireCompose, 'ENGINE_TOO_OLD', '25.0.0'],
    ['buildx', { buildx: undefined }, requireBuilder, 'BUILDX_MISSING', 'buildx'],
    ['an old buildx', { buildx: '0.10.4' }, requireBuilder, 'BUILDX_TOO_OLD', '0.10.4'],
    ['Compose', { compose: undefined }, requireCompose, 'COMPOSE_MISSING', 'compose'],
    ['an old Compose', { compose: '2.20.3' }, requireCompose, 'COMPOSE_TOO_OLD', '2.20.3'],
  ])('%s', (_what, changed, require, code, named) => {
    const look = (): void => require({ ...info, ...changed });
    expect(look).toThrow(expect.objectContaining({ code, exitCode: 3 }));
    expect(look).toThrow(named);
  });

  test('and what is new enough is not', () => {
    expect(() => requireBuilder(info)).not.toThrow();
    expect(() => requireCompose(info)).not.toThrow();
  });
});

describe('a call', () => {
  test('that fails is told with its last words', async () => {
    const env = fakeDocker('for i in 1 2 3 4 5 6 7; do echo "word $i" >&2; done; exit 4');
    const called = docker(['image', 'inspect', 'x'], { env });
    await expect(called).rejects.toMatchObject({ code: 'DOCKER_FAILED' });
    await expect(called).rejects.toThrow(
      'docker image inspect ended with 4: word 3 | word 4 | word 5 | word 6 | word 7',
    );
  });

  test('that is aborted ends with the reason', async () => {
    const env = fakeDocker('exec sleep 60'.replace('sleep', '/bin/sleep'));
    const control = new AbortController();
    const called = runDocker(['x'], { env, signal: control.signal });
    control.abort(new Error('enough'));
    await expect(called).rejects.toThrow('enough');
  });

  test('that takes too long is ended', async () => {
    const env = fakeDocker('exec /bin/sleep 60');
    expect(await runDocker(['x'], { env, timeoutMs: 50 })).toMatchObject({ code: undefined });
  });

  test('hands on each line of stderr', async () => {
    const env = fakeDocker('echo one >&2; echo two >&2; echo out');
    const lines: string[] = [];
    const result = await runDocker(['x'], { env, onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['one', 'two']);
    expect(result).toEqual({ code: 0, stdout: 'out\n', stderr: 'one\ntwo\n' });
  });
});
