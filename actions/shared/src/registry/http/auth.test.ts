import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dockerConfig, program } from '../testing/docker-config.ts';
import { startFakeRegistry } from '../testing/fake-registry.ts';
import { startFaultProxy, type FaultProxy, type Login } from '../testing/fault-proxy.ts';
import type { TestServer } from '../testing/server.ts';
import { RegistryClient } from './client.ts';
import { findCredentials } from './credentials.ts';

const PASSWORD = ['sentinel', 'of', 'the', 'registry'].join('-');
const NAME = 'team/bundle';
const content = new TextEncoder().encode('content');

let registry: TestServer;
const closers: (() => unknown)[] = [];
beforeEach(async () => {
  registry = await startFakeRegistry();
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  await registry.close();
});

async function ask(kind: Login['kind']): Promise<FaultProxy> {
  const proxy = await startFaultProxy(registry.address, { kind, username: 'robot', password: PASSWORD });
  closers.push(proxy.close);
  return proxy;
}

function config(value: unknown): string {
  const { dir, remove } = dockerConfig(value);
  closers.push(remove);
  return dir;
}

function open(address: string, dir?: string, env: Record<string, string> = {}): RegistryClient {
  const client = new RegistryClient(address, { env: { ...env, ...(dir === undefined ? {} : { DOCKER_CONFIG: dir }) } });
  closers.push(() => client.close());
  return client;
}

const auth = (password: string): string => Buffer.from(`robot:${password}`).toString('base64');

describe.each(['basic', 'bearer'] as const)('a registry that asks for a login (%s)', (kind) => {
  test('gets the one that docker’s configuration has for it, and not before it asks', async () => {
    const proxy = await ask(kind);
    const client = open(proxy.address, config({ auths: { [proxy.address]: { auth: auth(PASSWORD) } } }));
    await client.putBlob(NAME, content);
    expect(Buffer.from((await client.getBlob(NAME, (await client.putBlob(NAME, content)).digest)) ?? [])).toEqual(
      Buffer.from(content),
    );
    expect(proxy.authorizations.length).toBeLessThan(proxy.seen.length);
  });

  test('is not asked in vain for each request: what it wanted is remembered', async () => {
    const proxy = await ask(kind);
    const client = open(proxy.address, config({ auths: { [proxy.address]: { auth: auth(PASSWORD) } } }));
    await client.headManifest(NAME, 'one');
    const before = proxy.seen.length;
    await client.headManifest(NAME, 'two');
    expect(proxy.seen.length).toBe(before + 1);
  });

  test('refuses a wrong password: once, with words that hold none of it', async () => {
    const proxy = await ask(kind);
    const wrong = `${PASSWORD}-wrong`;
    const client = open(proxy.address, config({ auths: { [proxy.address]: { auth: auth(wrong) } } }));
    const refused: unknown = await client.headManifest(NAME, 'one').catch((error: unknown) => error);
    expect(refused).toMatchObject({ kind: 'unauthorized' });
    expect(inspect(refused, { depth: 9 })).not.toContain(PASSWORD);
    expect(proxy.seen.length).toBeLessThanOrEqual(3);
  });

  test('says that there is no login where docker has none', async () => {
    const proxy = await ask(kind);
    await expect(open(proxy.address, config({})).headManifest(NAME, 'one')).rejects.toMatchObject({
      kind: 'unauthorized',
    });
  });
});

describe('where docker keeps its logins', () => {
  const password = async (value: unknown, host = 'registry.example', env: Record<string, string> = {}) => {
    const found = await findCredentials(host, { DOCKER_CONFIG: config(value), ...env });
    return found?.kind === 'password' ? [found.username, found.password.reveal()] : found;
  };

  test('no file, an empty one, and one for others are no login', async () => {
    expect(await findCredentials('registry.example', {})).toBeUndefined();
    expect(await findCredentials('registry.example', { DOCKER_CONFIG: '/nonexistent' })).toBeUndefined();
    expect(await password({})).toBeUndefined();
    expect(await password({ auths: { 'other.example': { auth: auth('x') } } })).toBeUndefined();
  });

  test('an entry may have auth, or user and password, under the name or the old address', async () => {
    expect(await password({ auths: { 'registry.example': { auth: auth('a:b') } } })).toEqual(['robot', 'a:b']);
    const spelled = { username: 'robot', password: 'word' };
    expect(await password({ auths: { 'https://registry.example/v2/': spelled } })).toEqual(['robot', 'word']);
  });

  test('Docker Hub stands under its old address', async () => {
    const value = { auths: { 'https://index.docker.io/v1/': { auth: auth('hub') } } };
    expect(await password(value, 'docker.io')).toEqual(['robot', 'hub']);
  });

  test('an identity token goes before the password beside it', async () => {
    const found = await findCredentials('registry.example', {
      DOCKER_CONFIG: config({ auths: { 'registry.example': { auth: auth(''), identitytoken: 'identity' } } }),
    });
    expect(found?.kind).toBe('identity');
    expect(inspect(found, { depth: 9 })).not.toContain('"identity"');
  });

  test('a credential helper is asked for its registry, over stdin', async () => {
    const dir = config({ credHelpers: { 'registry.example': 'test' } });
    program(dir, 'docker-credential-test', 'read server; printf \'{"Username":"%s","Secret":"%s"}\' "$server" "$1"');
    const found = await findCredentials('registry.example', { DOCKER_CONFIG: dir, PATH: `${dir}:/usr/bin:/bin` });
    expect(found).toMatchObject({ kind: 'password', username: 'registry.example' });
    expect(found?.kind === 'password' && found.password.reveal()).toBe('get');
  });

  test('a store that does not know the registry leaves it to the file', async () => {
    const dir = config({ credsStore: 'test', auths: { 'registry.example': { auth: auth('file') } } });
    program(dir, 'docker-credential-test', 'echo "credentials not found in native keychain"; exit 1');
    const found = await findCredentials('registry.example', { DOCKER_CONFIG: dir, PATH: `${dir}:/usr/bin:/bin` });
    expect(found?.kind === 'password' && found.password.reveal()).toBe('file');
  });

  test('a helper that fails or is missing is named, and nothing that it printed', async () => {
    const dir = config({ credsStore: 'test' });
    const env = { DOCKER_CONFIG: dir, PATH: `${dir}:/usr/bin:/bin` };
    await expect(findCredentials('registry.example', env)).rejects.toMatchObject({
      code: 'CREDENTIAL_HELPER_FAILED',
      message: expect.stringMatching(/docker-credential-test.*is not installed/),
    });
    program(dir, 'docker-credential-test', `echo ${PASSWORD}; echo ${PASSWORD} >&2; exit 1`);
    const failed: unknown = await findCredentials('registry.example', env).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'CREDENTIAL_HELPER_FAILED' });
    expect(inspect(failed, { depth: 9 })).not.toContain(PASSWORD);
  });

  test.each([
    ['not JSON', `{"auths": {"registry.example": {"auth": "${PASSWORD}"`],
    ['a list', '[]'],
    ['auths that is a text', '{"auths": "x"}'],
  ])('a file that is %s is refused by its path, without its content', async (_title, text) => {
    const refused: unknown = await password(text).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'DOCKER_CONFIG_INVALID', exitCode: 2 });
    expect(inspect(refused, { depth: 9 })).not.toContain(PASSWORD);
  });
});

describe('a token service', () => {
  const challenge = (realm: string) => ({
    kind: 'status' as const,
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="${realm}",service="registry"` },
  });

  test('that is not protected gets no password', async () => {
    const proxy = await startFaultProxy(registry.address);
    closers.push(proxy.close);
    proxy.fail({ fault: challenge('http://tokens.example/token') });
    const client = open(proxy.address, config({ auths: { [proxy.address]: { auth: auth(PASSWORD) } } }));
    await expect(client.headManifest(NAME, 'one')).rejects.toMatchObject({
      kind: 'unexpected',
      message: expect.stringContaining('http://tokens.example'),
    });
  });

  test('gets an identity token in the body of a POST, and only there', async () => {
    const tokens = await startFaultProxy(registry.address);
    closers.push(tokens.close);
    const body = JSON.stringify({ access_token: 'short-lived', expires_in: 60 });
    tokens.fail({ method: 'POST', path: /^\/token$/, fault: { kind: 'status', status: 200, body } });
    const proxy = await startFaultProxy(registry.address);
    closers.push(proxy.close);
    proxy.fail({ times: 1, fault: challenge(`http://${tokens.address}/token`) });
    const client = open(proxy.address, config({ auths: { [proxy.address]: { identitytoken: PASSWORD } } }));
    expect(await client.headManifest(NAME, 'one')).toBeUndefined();
    expect(proxy.authorizations).toEqual(['Bearer short-lived']);
    expect([...tokens.seen, ...proxy.seen].join()).not.toContain(PASSWORD);
  });

  test('that answers without a token is named', async () => {
    const tokens = await startFaultProxy(registry.address);
    const proxy = await startFaultProxy(registry.address);
    closers.push(tokens.close, proxy.close);
    tokens.fail({ fault: { kind: 'status', status: 200, body: '{}' } });
    proxy.fail({ fault: challenge(`http://${tokens.address}/token`) });
    await expect(open(proxy.address).headManifest(NAME, 'one')).rejects.toThrow(/without a token/);
  });
});
