import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { waitFor } from '@papergate/delivery';
import { OrderClient } from './order-client.ts';

let server: Server;
let answer: (response: ServerResponse, id: string) => void;
const taken: string[] = [];

beforeEach(async () => {
  taken.length = 0;
  answer = (response, id) => {
    taken.push(id);
    response.end(JSON.stringify({ order_id: 'x', client_order_id: id, status: 'accepted' }));
  };
  server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => answer(response, (JSON.parse(text) as { client_order_id: string }).client_order_id));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const client = (): OrderClient =>
  new OrderClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: undefined,
    perSecond: 200,
  }).start();

describe('a client that goes on ordering', () => {
  test('counts as acknowledged what was answered with 200, and nothing else', async () => {
    let number = 0;
    answer = (response, id) => {
      number += 1;
      if (number % 3 === 1) {
        response.socket?.destroy();
        return;
      }
      response.statusCode = number % 3 === 2 ? 503 : 200;
      if (response.statusCode === 200) taken.push(id);
      response.end('{}');
    };
    const orders = client();
    await waitFor(() => taken.length >= 5, { timeoutMs: 10_000 });
    await orders.stop();
    expect([...orders.acknowledged].sort()).toEqual([...taken].sort());
    expect(orders.sent.some(({ status }) => status === 503)).toBe(true);
    expect(orders.sent.some(({ status }) => status === undefined)).toBe(true);
  });

  test('knows for how long nothing was taken', async () => {
    let away = false;
    const normal = answer;
    answer = (response, id) => {
      if (!away) return normal(response, id);
      response.statusCode = 503;
      response.end('{}');
    };
    const orders = client();
    await waitFor(() => taken.length >= 5, { timeoutMs: 10_000 });
    away = true;
    const before = orders.sent.length;
    await waitFor(() => orders.sent.length >= before + 60, { timeoutMs: 10_000 });
    away = false;
    const back = taken.length;
    await waitFor(() => taken.length >= back + 5, { timeoutMs: 10_000 });
    await orders.stop();
    expect(orders.longestAwayMs()).toBeGreaterThan(250);
    expect(orders.longestAwayMs()).toBeLessThan(5_000);
  });
});
