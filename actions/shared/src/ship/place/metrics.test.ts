import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { HostResult } from '../../host/types.ts';
import { alertsOf } from './metrics.ts';
import type { OpenPlace } from './open.ts';

let server: Server;
let port: number;
let asked: string[];
let series: { metric: Record<string, string>; values: [number, string][] }[];
beforeEach(async () => {
  asked = [];
  series = [];
  server = createServer((request, response) => {
    let form = '';
    request.setEncoding('utf8').on('data', (part: string) => void (form += part));
    request.on('end', () => {
      const query = new URLSearchParams(form).get('query') ?? '';
      asked.push(query);
      const data =
        query === 'time()'
          ? { resultType: 'scalar', result: [1_767_614_400, '1767614400'] }
          : { resultType: 'matrix', result: series };
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ status: 'success', data }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const placeOf = (monitoring: boolean, listed = '127.0.0.1:9091->9090/tcp'): OpenPlace =>
  ({
    place: {
      kind: 'compose',
      project: 'papergate-production',
      host: {
        name: 'local',
        run: (): Promise<HostResult> => Promise.resolve({ code: 0, stdout: listed, stderr: '' }),
        forward: (wanted: number) => Promise.resolve(wanted === 9091 ? port : 1),
      },
    },
    settings: { monitoring },
    options: { env: {} },
  }) as unknown as OpenPlace;

describe('the alerts of the Prometheus beside a bundle', () => {
  test('are those that fire now, of the severities that are asked for, each once', async () => {
    const one = { alertname: 'ServiceDown', alertstate: 'firing', severity: 'critical' };
    series = ['a', 'b'].map((instance) => ({ metric: { ...one, instance }, values: [[1_767_614_400, '1']] }));
    const alerts = await alertsOf(placeOf(true));
    expect(await alerts?.firing(['critical', 'page'])).toEqual(['ServiceDown']);
    expect(asked).toEqual(['time()', 'ALERTS{alertstate="firing",severity=~"critical|page"}']);
    series = [];
    expect(await alerts?.firing(['critical'])).toEqual([]);
    await alerts?.close();
  });

  test('are none of a bundle without monitoring, and missing where it should have some', async () => {
    expect(await alertsOf(placeOf(false))).toBeUndefined();
    await expect(alertsOf(placeOf(true, ''))).rejects.toMatchObject({ code: 'NO_PROMETHEUS' });
  });
});
