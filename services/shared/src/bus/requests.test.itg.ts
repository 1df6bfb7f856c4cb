import { afterEach, describe, expect, test } from '@jest/globals';
import { createRequester, createResponder } from './requests.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});

async function pair(handle: (body: unknown) => unknown, timeoutMs = 5_000) {
  const responder = await createResponder({ service: 'risk-manager', host: '127.0.0.1', port: 0, handle });
  const requester = createRequester({ endpoint: `tcp://127.0.0.1:${responder.port}`, timeoutMs });
  open.push(responder, requester);
  return requester;
}

describe('requests', () => {
  test('a thousand at once each get their own answer, whatever the order in which these come', async () => {
    const requester = await pair(async (body) => {
      const { n } = body as { n: number };
      for (let turn = 0; turn < n % 7; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return { n };
    });
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => requester.request({ n })));
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, n) => ({ n })));
  });

  test('no answer in time is BUS_TIMEOUT, and a late answer harms nobody', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const requester = await pair(async (body) => {
      if (body === 'hold') await held;
      return body;
    }, 100);
    await expect(requester.request('hold')).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    release();
    await expect(requester.request('next')).resolves.toBe('next');
  });

  test('nobody there is BUS_TIMEOUT too', async () => {
    const requester = createRequester({ endpoint: 'tcp://127.0.0.1:1', timeoutMs: 50 });
    open.push(requester);
    await expect(requester.request({})).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
  });

  test('a handler that throws answers with the error', async () => {
    const requester = await pair(() => {
      throw new Error('no such order');
    });
    await expect(requester.request({})).resolves.toEqual({ error: 'no such order' });
  });
});
