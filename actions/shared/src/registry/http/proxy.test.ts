import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startFakeRegistry } from '../testing/fake-registry.ts';
import { RegistryClient } from './client.ts';

let proxy: Server;
let env: Record<string, string>;
let asked: string[];
beforeEach(async () => {
  asked = [];
  proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(502).end();
  });
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  env = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  env['HTTP_PROXY'] = env['HTTPS_PROXY'] ?? '';
});
afterEach(async () => {
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});

const once = { tries: 1, baseMs: 1, capMs: 1, retryAfterMaxMs: 0 };

test('a registry elsewhere is reached over the proxy that the environment names', async () => {
  const client = new RegistryClient('registry.example', { env, policy: once });
  try {
    await expect(client.headManifest('team/bundle', 'one')).rejects.toMatchObject({ name: 'RegistryFailure' });
    expect(asked).toEqual(['registry.example:443']);
  } finally {
    await client.close();
  }
});

test('a registry on this machine is not', async () => {
  const registry = await startFakeRegistry();
  const client = new RegistryClient(registry.address, { env, policy: once });
  try {
    expect(await client.headManifest('team/bundle', 'one')).toBeUndefined();
    expect(asked).toEqual([]);
  } finally {
    await client.close();
    await registry.close();
  }
});
