import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { storeArtifact } from '../artifact/store.ts';
import { MEDIA } from '../media.ts';
import type { RetryPolicy } from '../retry/schedule.ts';
import { dockerConfig } from '../testing/docker-config.ts';
import { startFakeRegistry } from '../testing/fake-registry.ts';
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts';
import type { TestServer } from '../testing/server.ts';
import { RegistryClient, sha256, type ClientOptions } from './client.ts';

const POLICY: RetryPolicy = { tries: 4, baseMs: 100, capMs: 1000, retryAfterMaxMs: 60_000 };
const NAME = 'team/bundle';
const content = new TextEncoder().encode('x'.repeat(20_000));
const digest = sha256(content);

let registry: TestServer;
let proxy: FaultProxy;
let pauses: number[];
const clients: RegistryClient[] = [];
beforeEach(async () => {
  registry = await startFakeRegistry();
  proxy = await startFaultProxy(registry.address);
  pauses = [];
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await proxy.close();
  await registry.close();
});

function open(options: Partial<ClientOptions> = {}, address = proxy.address): RegistryClient {
  const sleep = (ms: number): Promise<void> => {
    pauses.push(ms);
    return Promise.resolve();
  };
  const client = new RegistryClient(address, { env: {}, policy: POLICY, random: () => 0.5, sleep, ...options });
  clients.push(client);
  return client;
}

describe('a registry that stumbles', () => {
  test('two answers of 500 and then a good one: the upload is stored, after pauses of half the ceiling', async () => {
    proxy.fail({ method: 'POST', times: 2, fault: { kind: 'status', status: 500 } });
    const client = open();
    await client.putBlob(NAME, content);
    expect(await client.getBlob(NAME, digest)).toEqual(Buffer.from(content));
    expect(pauses).toEqual([50, 100]);
  });

  test.each(['HEAD', 'GET'])('an answer of 503 to a %s, and then a good one', async (method) => {
    const client = open();
    await client.putBlob(NAME, content);
    proxy.fail({ method, times: 1, fault: { kind: 'status', status: 503 } });
    expect(await client.headBlob(NAME, digest)).toBe(content.length);
    expect(await client.getBlob(NAME, digest)).toEqual(Buffer.from(content));
    expect(pauses).toEqual([50]);
  });

  test('an upload that is cut off in the middle is begun anew', async () => {
    proxy.fail({ method: 'PUT', path: /uploads/, times: 2, fault: { kind: 'cut', bytes: 1000 } });
    const client = open();
    await client.putBlob(NAME, content);
    expect(await client.getBlob(NAME, digest)).toEqual(Buffer.from(content));
    expect(pauses).toHaveLength(2);
  });

  test('an upload whose answer is lost is stored once more, and there is still one of it', async () => {
    proxy.fail({ method: 'PUT', path: /uploads/, times: 1, fault: { kind: 'lost-answer' } });
    const client = open();
    await client.putBlob(NAME, content);
    expect(await client.headBlob(NAME, digest)).toBe(content.length);
  });

  test('an upload that the registry has forgotten is begun anew', async () => {
    const body = JSON.stringify({ errors: [{ code: 'BLOB_UPLOAD_UNKNOWN', message: 'gone' }] });
    proxy.fail({ method: 'PUT', path: /uploads/, times: 1, fault: { kind: 'status', status: 404, body } });
    await open().putBlob(NAME, content);
    expect(pauses).toHaveLength(1);
  });

  test('429 is waited out for as long as the registry says, and not less', async () => {
    const fault = { kind: 'status', status: 429, headers: { 'retry-after': '7' } } as const;
    proxy.fail({ method: 'HEAD', times: 1, fault });
    await open().headBlob(NAME, digest);
    expect(pauses).toEqual([7050]);
  });

  test('429 for longer than we wait is given up at once', async () => {
    proxy.fail({ fault: { kind: 'status', status: 429, headers: { 'retry-after': '3600' } } });
    await expect(open().headBlob(NAME, digest)).rejects.toMatchObject({
      kind: 'rate-limited',
      retryAfterMs: 3_600_000,
    });
    expect(pauses).toEqual([]);
  });

  test('what keeps failing is given up after the last try', async () => {
    proxy.fail({ fault: { kind: 'reset' } });
    await expect(open().headManifest(NAME, 'one')).rejects.toMatchObject({ kind: 'network' });
    expect(pauses).toHaveLength(POLICY.tries - 1);
  });

  test.each([
    [401, 'unauthorized'],
    [403, 'denied'],
    [413, 'too-large'],
  ])('%d is not asked for again', async (status, kind) => {
    proxy.fail({ method: 'PUT', fault: { kind: 'status', status } });
    await expect(open().putBlob(NAME, content)).rejects.toMatchObject({ kind });
    expect(pauses).toEqual([]);
    expect(proxy.seen.filter((line) => line.startsWith('PUT'))).toHaveLength(1);
  });

  test('one that never answers is left after the time for a request', async () => {
    proxy.fail({ fault: { kind: 'silence' } });
    const client = open({ timeoutMs: 500, policy: { ...POLICY, tries: 2 } });
    await expect(client.headManifest(NAME, 'one')).rejects.toMatchObject({
      kind: 'timeout',
      message: `${proxy.address} did not answer within 0.5 s`,
    });
    expect(proxy.seen).toHaveLength(2);
  });

  test('one that is not there is unreachable by name', async () => {
    const gone = await startFakeRegistry();
    await gone.close();
    await expect(open({}, gone.address).headManifest(NAME, 'one')).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringContaining(gone.address),
    });
  });

  test('a caller who gives up is not kept waiting, and no try follows', async () => {
    const giveUp = new AbortController();
    proxy.fail({ fault: { kind: 'silence' } });
    const asked = open({ signal: giveUp.signal }).headManifest(NAME, 'one');
    giveUp.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    expect(pauses).toEqual([]);
  });
});

describe('a registry that is not to be believed', () => {
  test('content that is not what its digest says is refused, and not asked for again', async () => {
    const client = open();
    await client.putBlob(NAME, content);
    proxy.fail({ method: 'GET', fault: { kind: 'changed', body: (bytes) => Buffer.from(bytes.fill('y')) } });
    await expect(client.getBlob(NAME, digest)).rejects.toMatchObject({ kind: 'content' });
    expect(pauses).toEqual([]);
  });

  test('a manifest under another digest than was asked for is refused', async () => {
    const client = open();
    const { digest: stored } = await storeArtifact(client, NAME, {
      artifactType: MEDIA.spdx,
      mediaType: MEDIA.spdx,
      content: new TextEncoder().encode('{}'),
    });
    proxy.fail({
      method: 'GET',
      fault: { kind: 'changed', body: (bytes) => Buffer.concat([bytes, Buffer.from(' ')]) },
    });
    await expect(client.getManifest(NAME, stored)).rejects.toMatchObject({ kind: 'content' });
  });

  test('a digest of its own for what we stored is refused', async () => {
    const headers = { 'docker-content-digest': `sha256:${'1'.repeat(64)}` };
    proxy.fail({ method: 'PUT', path: /manifests/, fault: { kind: 'changed', headers } });
    const bytes = new TextEncoder().encode('{"schemaVersion":2}');
    await expect(open().putManifest(NAME, 'one', bytes, MEDIA.manifest)).rejects.toMatchObject({ kind: 'content' });
  });

  test('an answer without end is cut off', async () => {
    const endless = createServer((_request, response) => {
      const more = (): void => {
        while (response.writable && response.write(Buffer.alloc(1024 * 1024)));
        if (response.writable) response.once('drain', more);
      };
      more();
    });
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    try {
      const address = `127.0.0.1:${(endless.address() as AddressInfo).port}`;
      await expect(open({}, address).getBlob(NAME, digest)).rejects.toMatchObject({ kind: 'content' });
    } finally {
      endless.closeAllConnections();
      await new Promise((resolve) => endless.close(resolve));
    }
  });

  test('it cannot lead us off to plain http elsewhere', async () => {
    const headers = { location: 'http://registry.example/blob' };
    proxy.fail({ method: 'GET', fault: { kind: 'status', status: 307, headers } });
    await expect(open().getBlob(NAME, digest)).rejects.toMatchObject({ kind: 'tls' });
  });

  test('an upload that it sends elsewhere goes there, without the login', async () => {
    const storage = await startFaultProxy(registry.address);
    const login = { kind: 'basic', username: 'robot', password: 'pass' } as const;
    const asking = await startFaultProxy(registry.address, login);
    const auth = Buffer.from('robot:pass').toString('base64');
    const { dir, remove } = dockerConfig({ auths: { [asking.address]: { auth } } });
    try {
      const opened = await fetch(`http://${registry.address}/v2/${NAME}/blobs/uploads/`, { method: 'POST' });
      const location = `http://${storage.address}${opened.headers.get('location')}`;
      asking.fail({ method: 'POST', fault: { kind: 'status', status: 202, headers: { location } } });
      await open({ env: { DOCKER_CONFIG: dir } }, asking.address).putBlob(NAME, content);
      expect(asking.authorizations).not.toEqual([]);
      expect(storage.seen).toHaveLength(1);
      expect(storage.authorizations).toEqual([]);
    } finally {
      remove();
      await asking.close();
      await storage.close();
    }
  });

  test('its storage elsewhere is followed, without the login', async () => {
    const storage = await startFaultProxy(registry.address);
    const login = { kind: 'basic', username: 'robot', password: 'pass' } as const;
    const asking = await startFaultProxy(registry.address, login);
    try {
      await open({}, registry.address).putBlob(NAME, content);
      const headers = { location: `http://${storage.address}/v2/${NAME}/blobs/${digest}` };
      asking.fail({ method: 'GET', path: /blobs/, fault: { kind: 'status', status: 307, headers } });
      const auth = Buffer.from('robot:pass').toString('base64');
      const { dir, remove } = dockerConfig({ auths: { [asking.address]: { auth } } });
      try {
        const client = open({ env: { DOCKER_CONFIG: dir } }, asking.address);
        expect(await client.getBlob(NAME, digest)).toEqual(Buffer.from(content));
        expect(asking.authorizations).not.toEqual([]);
        expect(storage.authorizations).toEqual([]);
      } finally {
        remove();
      }
    } finally {
      await asking.close();
      await storage.close();
    }
  });
});
