import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../secret.ts';
import { key, makeText, PAPER, SECRET } from '../cases/fixtures.ts';
import { probeCredentials, type ProbeInput } from './probe.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A simulator that knows one key. */
const knows = (id: string, number = 'PA1SIMULATED1'): RequestListener => {
  return (request, response) => {
    const fits =
      request.url === '/v2/account' &&
      request.headers['apca-api-key-id'] === id &&
      request.headers['apca-api-secret-key'] === SECRET;
    response.writeHead(fits ? 200 : 401, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(fits ? { account_number: number } : { code: 40110000, message: 'request is not authorized' }),
    );
  };
};

const input = (baseUrl: string, over: Partial<ProbeInput> = {}): ProbeInput => ({
  environment: 'development',
  baseUrl,
  key: new Secret(PAPER),
  secret: new Secret(SECRET),
  ...over,
});

describe('the probe against servers on loopback', () => {
  test('asks a simulator for its account only, asks no live host, and says so', async () => {
    const report = await probeCredentials(input(await serve(knows(PAPER))));
    expect(report).toMatchObject({ ok: true, findings: [] });
    expect(report.checked).not.toContain('probe-elsewhere');
    expect(report.notes.join()).toContain('live host was not asked');
  });

  test('asks a second simulator in the live host’s place where one is given', async () => {
    const [paper, live] = [await serve(knows(PAPER)), await serve(knows(key('PK', 99)))];
    expect(await probeCredentials(input(paper, { liveUrl: live }))).toMatchObject({ ok: true, notes: [] });
    const accepting = await serve(knows(PAPER));
    expect((await probeCredentials(input(paper, { liveUrl: accepting }))).findings[0]?.rule).toBe('probe-elsewhere');
  });

  test('blocks where the simulator does not know the key', async () => {
    const report = await probeCredentials(input(await serve(knows(key('PK', 98)))));
    expect(report.findings.map(({ rule }) => rule)).toEqual(['probe-account']);
  });

  test('follows no redirect, so that nobody else is shown the key', async () => {
    let shown = 0;
    const thief = await serve((_request, response) => {
      shown++;
      response.end('{}');
    });
    const honest = await serve((_request, response) => {
      response.writeHead(302, { location: `${thief}/v2/account` }).end();
    });
    expect((await probeCredentials(input(honest))).findings[0]?.message).toContain('redirects (302)');
    expect(shown).toBe(0);
  });

  test('gives up on a server that never answers, and on one that never ends its answer', async () => {
    const silent = await serve(() => undefined);
    const endless = await serve((_request, response) => {
      response.write('{"account_number":"PA');
    });
    for (const url of [silent, endless]) {
      const report = await probeCredentials(input(url), { timeoutMs: 200 });
      expect(report.findings[0]?.message).toContain('did not answer within 200 ms');
    }
  });

  test('ends at once when it is interrupted', async () => {
    const silent = await serve(() => undefined);
    const report = await probeCredentials(input(silent), { signal: AbortSignal.abort() });
    expect(report.findings[0]?.message).toContain('interrupted');
  });

  test('tells a port where nothing listens', async () => {
    const url = await serve(() => undefined);
    const gone = servers.pop();
    await new Promise((resolve) => gone?.close(resolve));
    expect((await probeCredentials(input(url))).findings[0]?.message).toContain('nothing listens there (ECONNREFUSED)');
  });

  test('tells a server that breaks off', async () => {
    const url = await serve((request) => request.socket.destroy());
    expect((await probeCredentials(input(url))).findings[0]?.message).toContain('broke the connection off');
  });

  test('stops reading an answer that does not end', async () => {
    const sockets: Socket[] = [];
    const url = await serve((request, response) => {
      sockets.push(request.socket);
      const chunk = makeText(1, 16 * 1024, 'abcdef');
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    const report = await probeCredentials(input(url), { timeoutMs: 5000 });
    expect(report.findings[0]?.message).toContain('no JSON');
    expect(sockets[0]?.bytesWritten).toBeLessThan(20 * 1024 * 1024);
  });
});
