import { afterEach, describe, expect, test } from '@jest/globals';
import { Publisher, Subscriber } from 'zeromq';
import { until } from '../testing/until.ts';
import { createPublisher, type BusPublisher } from './publisher.ts';
import { createSubscriber, type BusGap } from './subscriber.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});

const keep = <T extends { close(): Promise<void> }>(part: T): T => {
  open.push(part);
  return part;
};

async function publisher(
  options: { port?: number; stallMs?: number; highWaterMark?: number; onLossy?: () => void } = {},
): Promise<BusPublisher> {
  return keep(await createPublisher({ service: 'market-data', host: '127.0.0.1', port: 0, ...options }));
}

/** Publishes `probe` until the subscriber has seen one: PUB sends nothing to whom it does not know yet. */
async function joined(pub: BusPublisher, received: ReadonlyMap<string, number>): Promise<void> {
  await until('the subscriber to join', async () => {
    await pub.publish('probe', 0);
    return (received.get('market-data/probe') ?? 0) > 0;
  });
}

describe('the bus', () => {
  test('delivers every message in order, numbered without a gap, also a burst above the default high-water mark', async () => {
    const pub = await publisher();
    const seen: number[] = [];
    const gaps: BusGap[] = [];
    const sub = keep(
      createSubscriber({
        endpoints: [`tcp://127.0.0.1:${pub.port}`],
        topics: ['tick', 'probe'],
        onMessage: (topic, { data }) => void (topic === 'tick' && seen.push(data as number)),
        onGap: (gap) => void gaps.push(gap),
      }),
    );
    await joined(pub, sub.received);
    for (let n = 1; n <= 50_000; n += 1) void pub.publish('tick', n);
    await until('50 000 messages', () => seen.length === 50_000);
    expect(seen).toEqual(Array.from({ length: 50_000 }, (_, at) => at + 1));
    expect(gaps).toEqual([]);
    expect(pub.sequence('tick')).toBe(50_000);
  });

  test('a slow subscriber holds the publisher back instead of losing messages', async () => {
    const pub = await publisher({ stallMs: 30_000, highWaterMark: 10 });
    let got = 0;
    const sub = keep(
      createSubscriber({
        endpoints: [`tcp://127.0.0.1:${pub.port}`],
        topics: ['tick', 'probe'],
        highWaterMark: 10,
        onMessage: async (topic) => {
          if (topic !== 'tick') return;
          got += 1;
          if (got % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
        },
      }),
    );
    await joined(pub, sub.received);
    const payload = 'x'.repeat(20_000);
    for (let n = 0; n < 2_000; n += 1) await pub.publish('tick', payload);
    await until('all 2000', () => got === 2_000);
  });

  test('a subscriber that is stuck for good costs one stall; the others go on and it sees a gap', async () => {
    let lossy = 0;
    const pub = await publisher({ stallMs: 50, highWaterMark: 5, onLossy: () => void (lossy += 1) });
    const stuck = new Subscriber({ receiveHighWaterMark: 5 });
    stuck.connect(`tcp://127.0.0.1:${pub.port}`);
    stuck.subscribe('tick');
    const live: number[] = [];
    const sub = keep(
      createSubscriber({
        endpoints: [`tcp://127.0.0.1:${pub.port}`],
        topics: ['tick', 'probe'],
        onMessage: (topic, { seq }) => void (topic === 'tick' && live.push(seq)),
      }),
    );
    await joined(pub, sub.received);
    const payload = 'x'.repeat(200_000);
    for (let n = 0; n < 300; n += 1) await pub.publish('tick', payload);
    // While the bus is lossy a subscriber that is merely slow may lose some too; it goes on with what comes next.
    const burst = pub.sequence('tick');
    await until('the live subscriber to get what comes after the burst', async () => {
      await pub.publish('tick', 'small');
      return (live.at(-1) ?? 0) > burst;
    });
    // Not one stall a message: 300 of them would have been 15 s.
    expect(lossy).toBeGreaterThanOrEqual(1);
    expect(lossy).toBeLessThan(5);
    stuck.close();
  });

  test('a gap in the numbers and a new epoch are told', async () => {
    const raw = new Publisher();
    await raw.bind('tcp://127.0.0.1:*');
    const gaps: BusGap[] = [];
    const epochs: string[] = [];
    const got: number[] = [];
    const sub = keep(
      createSubscriber({
        endpoints: [raw.lastEndpoint ?? ''],
        topics: ['tick'],
        onMessage: (_topic, { seq }) => void got.push(seq),
        onGap: (gap) => void gaps.push(gap),
        onEpoch: (_src, epoch) => void epochs.push(epoch),
      }),
    );
    const send = (epoch: string, seq: number) =>
      raw.send(['tick', JSON.stringify({ src: 'x', epoch, seq, ts: 0, data: null })]);
    await until('the subscriber to join', async () => {
      await send('a', 1);
      return (sub.received.get('x/tick') ?? 0) > 0;
    });
    await send('a', 5);
    await send('b', 1);
    await until('the epoch b', () => epochs.includes('b'));
    expect(gaps).toEqual([{ src: 'x', topic: 'tick', epoch: 'a', from: 2, to: 4 }]);
    expect(epochs).toEqual(['a', 'b']);
    raw.close();
  });

  test('garbage on the wire is reported and does not end the subscription', async () => {
    const raw = new Publisher();
    await raw.bind('tcp://127.0.0.1:*');
    const errors: unknown[] = [];
    let good = 0;
    keep(
      createSubscriber({
        endpoints: [raw.lastEndpoint ?? ''],
        topics: ['tick'],
        onMessage: () => void (good += 1),
        onError: (error) => void errors.push(error),
      }),
    );
    await until('both kinds to arrive', async () => {
      await raw.send(['tick', '{not json']);
      await raw.send(['tick', JSON.stringify({ src: 'x', epoch: 'e', seq: 1, ts: 0, data: 1 })]);
      return good > 0 && errors.length > 0;
    });
    raw.close();
  });

  test('a port that is taken is named', async () => {
    const first = await publisher();
    await expect(
      createPublisher({ service: 'signal-bridge', host: '127.0.0.1', port: first.port }),
    ).rejects.toMatchObject({
      code: 'BUS_PORT_IN_USE',
      exitCode: 3,
      message: expect.stringContaining(`signal-bridge cannot bind its bus port ${first.port}`),
    });
  });
});
