import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { testContext } from '../testing/context.ts';
import { until } from '../testing/until.ts';
import { buildServiceApp } from './build-app.ts';

async function listening(shutdownMs: number, handler: () => Promise<unknown>) {
  const context = testContext('market-data', { system: (system) => (system.shutdown_timeout_ms = shutdownMs) });
  const app = await buildServiceApp(context);
  app.get('/slow', handler);
  return { app, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

describe('a service app that closes', () => {
  test('answers the requests that it has begun, and refuses new ones', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let begun = false;
    const { app, url } = await listening(20_000, async () => {
      begun = true;
      await gate;
      return { done: true };
    });
    const answer = fetch(`${url}/slow`);
    await until('the request to begin', () => begun);
    const closed = app.close();
    const refused = await until('a refusal', async () => {
      const status = await fetch(`${url}/health`).then(
        (response) => response.status,
        () => 503,
      );
      return status === 503;
    });
    expect(refused).toBe(true);
    open();
    expect(await (await answer).json()).toEqual({ done: true });
    await closed;
  });

  test('does not wait for ever for a request that hangs', async () => {
    let begun = false;
    const { app, url } = await listening(100, () => {
      begun = true;
      return new Promise(() => undefined);
    });
    const answer = fetch(`${url}/slow`).catch(() => 'cut');
    await until('the request to begin', () => begun);
    await app.close();
    expect(await answer).toBe('cut');
  });

  test('does not wait for a client that has gone', async () => {
    let begun = false;
    const { app, url } = await listening(60_000, () => {
      begun = true;
      return new Promise(() => undefined);
    });
    const gone = new AbortController();
    const answer = fetch(`${url}/slow`, { signal: gone.signal }).catch(() => 'aborted');
    await until('the request to begin', () => begun);
    gone.abort();
    expect(await answer).toBe('aborted');
    const startedAt = performance.now();
    await app.close();
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  test('has already closed the connection of an upgrade that was refused', async () => {
    const { app, url } = await listening(60_000, () => Promise.resolve({}));
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    let ended = false;
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('close', () => {
      ended = true;
    });
    socket.write(
      `GET /slow HTTP/1.1\r\nHost: ${hostname}:${port}\r\nOrigin: http://elsewhere.example\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await until('the refused connection to be closed', () => ended);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    await app.close();
  });
});
