import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { startFakeRegistry } from '../registry/testing/fake-registry.ts';
import { startFaultProxy, type FaultProxy } from '../registry/testing/fault-proxy.ts';
import type { TestServer } from '../registry/testing/server.ts';
import { PrivateFolder, removePrivateFolder, sshKeyText } from './private.ts';
import { checkLogin, loggedIn, registryNamespace } from './registry-login.ts';

const PASSWORD = ['sentinel', 'of', 'the', 'registry'].join('-');
const signal = new AbortController().signal;

let dir: string;
let folder: PrivateFolder;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-login-'));
  folder = new PrivateFolder({ tempDir: dir });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const inputs = (token = PASSWORD, username: string | undefined = 'robot') => ({
  registry: undefined,
  'registry-username': username,
  'registry-token': new Secret(token),
});
const configIn = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')) as Record<string, unknown>;

describe('the login of a job', () => {
  test('lies in a folder of its own, for its owner only, and leaves that of the runner as it is', () => {
    const runner = join(dir, 'runner');
    mkdirSync(join(runner, 'cli-plugins'), { recursive: true });
    const before = JSON.stringify({
      auths: { 'ghcr.io': { auth: 'b3RoZXI6bG9naW4=' }, 'other.example': { auth: 'b3RoZXI6bG9naW4=' } },
      credsStore: 'desktop',
      credHelpers: { 'ghcr.io': 'desktop', 'gcr.io': 'gcloud' },
      cliPluginsExtraDirs: ['/somewhere'],
    });
    writeFileSync(join(runner, 'config.json'), before);
    const env = loggedIn({ DOCKER_CONFIG: runner }, inputs(), 'ghcr.io/acme/trading', folder);
    expect(env['DOCKER_CONFIG']).toBe(folder.dir);
    expect(configIn(folder.dir)).toEqual({
      auths: {
        'ghcr.io': { auth: Buffer.from(`robot:${PASSWORD}`).toString('base64') },
        'other.example': { auth: 'b3RoZXI6bG9naW4=' },
      },
      credHelpers: { 'gcr.io': 'gcloud' },
      cliPluginsExtraDirs: ['/somewhere'],
    });
    expect(lstatSync(join(folder.dir, 'cli-plugins')).isSymbolicLink()).toBe(true);
    expect(statSync(join(folder.dir, 'config.json')).mode & 0o777).toBe(0o600);
    expect(statSync(folder.dir).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(runner, 'config.json'), 'utf8')).toBe(before);
    folder.remove();
    expect(existsSync(folder.dir)).toBe(false);
    expect(existsSync(join(runner, 'cli-plugins'))).toBe(true);
  });

  test('is that of the runner where none is given', () => {
    const env = { HOME: dir };
    const none = { registry: undefined, 'registry-username': undefined, 'registry-token': undefined };
    expect(loggedIn(env, none, 'ghcr.io/a/b', folder)).toBe(env);
  });

  test('is refused by halves', () => {
    const half = { ...inputs(), 'registry-username': undefined };
    expect(() => loggedIn({}, half, 'ghcr.io/a/b', folder)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    const other = { ...inputs(), 'registry-token': undefined };
    expect(() => loggedIn({}, other, 'ghcr.io/a/b', folder)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });

  test('goes to ghcr.io under the repository’s name in small letters, where no registry is named', () => {
    const context = { repository: 'Acme/Trading' };
    expect(registryNamespace({ registry: undefined }, context)).toBe('ghcr.io/acme/trading');
    expect(registryNamespace({ registry: '127.0.0.1:5000/x' }, context)).toBe('127.0.0.1:5000/x');
    expect(() => registryNamespace({ registry: 'https://ghcr.io/x' }, context)).toThrow(
      expect.objectContaining({ code: 'REGISTRY_INVALID', message: expect.stringContaining('scheme') }),
    );
  });
});

describe('a registry that wants a login', () => {
  let registry: TestServer;
  let proxy: FaultProxy;
  beforeEach(async () => {
    registry = await startFakeRegistry();
    proxy = await startFaultProxy(registry.address, { kind: 'bearer', username: 'robot', password: PASSWORD });
  });
  afterEach(async () => {
    await proxy.close();
    await registry.close();
  });

  test('is asked before anything is built, and takes the right one', async () => {
    const namespace = `${proxy.address}/team`;
    await expect(checkLogin(namespace, loggedIn({}, inputs(), namespace, folder), signal)).resolves.toBeUndefined();
    expect(proxy.authorizations.length).toBeGreaterThan(0);
  });

  test.each([
    ['another password', inputs('wrong-password')],
    ['another user', inputs(PASSWORD, 'somebody')],
  ])('refuses %s at once, and nobody says what was sent', async (_what, wrong) => {
    const namespace = `${proxy.address}/team`;
    const asked = checkLogin(namespace, loggedIn({}, wrong, namespace, folder), signal);
    await expect(asked).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED', exitCode: 2 });
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(String(error)).not.toMatch(/wrong-password|sentinel/);
  });

  test('that is away is said at once; one that only knows nothing of us yet is no reason to stop', async () => {
    const namespace = `${proxy.address}/team`;
    const env = loggedIn({}, inputs(), namespace, folder);
    proxy.fail({ method: 'GET', path: /tags/, fault: { kind: 'status', status: 403 } });
    await expect(checkLogin(namespace, env, signal)).resolves.toBeUndefined();
    await proxy.close();
    await expect(checkLogin(namespace, env, signal)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  });
});

describe('what a killed step left', () => {
  test('is removed by its path, and nothing else is', () => {
    const other = join(dir, 'precious');
    mkdirSync(other);
    for (const path of ['', other, dir, join(folder.dir, '..', 'precious')])
      removePrivateFolder(path, { tempDir: dir });
    expect(existsSync(other)).toBe(true);
    expect(existsSync(folder.dir)).toBe(true);
    removePrivateFolder(folder.dir, { tempDir: dir });
    expect(existsSync(folder.dir)).toBe(false);
  });
});

describe('a key for ssh', () => {
  const kind = ['OPENSSH', 'PRIVATE', 'KEY'].join(' ');
  const key = `-----BEGIN ${kind}-----\nYWJj\n-----END ${kind}-----`;

  test('ends with an end of line, whatever the secret ends with', () => {
    for (const text of [key, `${key}\n`, `\n${key}\n\n`, key.replaceAll('\n', '\r\n')]) {
      expect(sshKeyText(new Secret(text))).toBe(`${key}\n`);
    }
  });

  test.each([
    ['a word', 'hunter2-hunter2'],
    ['a public key', 'ssh-ed25519 AAAA name'],
    ['one with a passphrase', key.replace('YWJj', 'Proc-Type: 4,ENCRYPTED\nYWJj')],
    ['one that is cut off', key.slice(0, -10)],
  ])('is not %s, and it is not shown', (_what, text) => {
    expect(() => sshKeyText(new Secret(text))).toThrow(
      expect.objectContaining({ code: 'SSH_KEY_INVALID', message: expect.not.stringContaining(text.slice(0, 12)) }),
    );
  });
});
