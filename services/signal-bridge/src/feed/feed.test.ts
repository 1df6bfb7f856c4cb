import { describe, expect, test } from '@jest/globals';
import type { Envelope, Heartbeat, Tick } from '@papergate/service-kit';
import { closes } from '../testing/tape.ts';
import { TickFeed, type FetchTicks } from './feed.ts';

const tape = closes(Array.from({ length: 30_000 }, (_, index) => 100 + (index % 10)));

function message(from: number, to: number, epoch = 'one'): Envelope<Tick[]> {
  return { src: 'market-data', epoch, seq: 0, ts: 0, data: tape.slice(from - 1, to) };
}
function heartbeat(n: number, epoch = 'one'): Envelope<Heartbeat> {
  return { src: 'market-data', epoch, seq: 0, ts: 0, data: { n } };
}

/** market-data's answer out of the tape: at most `limit` ticks, none older than `oldest`. */
function kept(options: { oldest?: number; last?: number; epochs?: string[] } = {}): FetchTicks {
  const { oldest = 1, last = tape.length, epochs = ['one', 'two'] } = options;
  return (epoch, after, limit) => {
    if (!epochs.includes(epoch)) return Promise.resolve(undefined);
    const from = Math.max(after, oldest - 1);
    return Promise.resolve({ oldest, last, ticks: tape.slice(from, Math.min(from + limit, last)) });
  };
}

function feed(fetchTicks: FetchTicks = kept()) {
  const log = { numbers: [] as number[], resets: [] as string[], repaired: 0, missed: 0, duplicates: 0, fetches: 0 };
  const under = new TickFeed({
    fetchTicks: (...ask) => {
      log.fetches += 1;
      return fetchTicks(...ask);
    },
    onTick: ({ n }) => log.numbers.push(n),
    onReset: (reason) => log.resets.push(reason),
    onRepaired: (ticks) => (log.repaired += ticks),
    onMissed: (ticks) => (log.missed += ticks),
    onDuplicate: (ticks) => (log.duplicates += ticks),
    retryDelaysMs: [1, 1],
  });
  return { under, log };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('the feed', () => {
  test('joins the tape at its first message and asks for nothing older', async () => {
    const { under, log } = feed();
    await under.onTicks(message(501, 510));
    await under.onTicks(message(511, 512));
    expect(log).toMatchObject({ numbers: range(501, 512), fetches: 0, resets: [] });
  });

  test('fetches what is missing, page by page, before it hands on anything newer', async () => {
    const { under, log } = feed();
    await under.onTicks(message(1, 10));
    await under.onTicks(message(25_001, 25_010));
    expect(log.numbers).toEqual(range(1, 25_010));
    expect(log).toMatchObject({ repaired: 24_990, missed: 0, resets: [], fetches: 3 });
  });

  test('learns from a heartbeat that the last ticks were lost', async () => {
    const { under, log } = feed();
    await under.onTicks(message(1, 10));
    await under.onHeartbeat(heartbeat(10));
    expect(log.fetches).toBe(0);
    await under.onHeartbeat(heartbeat(15));
    expect(log.numbers).toEqual(range(1, 15));
  });

  test('ignores ticks that it has seen, also in a message that is half new', async () => {
    const { under, log } = feed();
    await under.onTicks(message(1, 10));
    await under.onTicks(message(6, 12));
    await under.onTicks(message(3, 4));
    expect(log.numbers).toEqual(range(1, 12));
    expect(log.duplicates).toBe(7);
  });

  test('a new epoch starts the strategies anew and is followed from its first tick', async () => {
    const { under, log } = feed();
    await under.onTicks(message(1, 10));
    await under.onTicks(message(4, 6, 'two'));
    expect(log.numbers).toEqual([...range(1, 10), ...range(1, 6)]);
    expect(log).toMatchObject({ resets: ['epoch'], repaired: 3 });
    expect(under.epoch).toBe('two');
  });

  test('ticks that market-data no longer keeps are missed: strategies start anew and the tape goes on', async () => {
    const { under, log } = feed(kept({ oldest: 1_001 }));
    await under.onTicks(message(1, 10));
    await under.onTicks(message(2_001, 2_010));
    expect(log.numbers).toEqual([...range(1, 10), ...range(1_001, 2_010)]);
    expect(log).toMatchObject({ missed: 990, repaired: 1_000, resets: ['missed'] });
  });

  test('a market-data that does not answer is asked again, then the ticks count as missed', async () => {
    const { under, log } = feed(() => Promise.reject(new Error('refused')));
    await under.onTicks(message(1, 10));
    await under.onTicks(message(21, 30));
    expect(log.numbers).toEqual([...range(1, 10), ...range(21, 30)]);
    expect(log).toMatchObject({ fetches: 3, missed: 10, repaired: 0, resets: ['missed'] });
  });

  test('one failed request is no loss', async () => {
    let calls = 0;
    const good = kept();
    const { under, log } = feed((...ask) => {
      calls += 1;
      return calls === 1 ? Promise.reject(new Error('reset')) : good(...ask);
    });
    await under.onTicks(message(1, 10));
    await under.onTicks(message(21, 30));
    expect(log).toMatchObject({ numbers: range(1, 30), missed: 0, resets: [] });
  });

  test('closing ends a repair: nothing is handed on and nothing is asked for again', async () => {
    const { under, log } = feed(() => {
      under.close();
      return Promise.reject(new Error('refused'));
    });
    await under.onTicks(message(1, 10));
    await under.onTicks(message(21, 30));
    expect(log).toMatchObject({ numbers: range(1, 10), fetches: 1, missed: 0, resets: [] });
  });

  test('an epoch that market-data has already left is not asked for again and again', async () => {
    const { under, log } = feed(kept({ epochs: ['two'] }));
    await under.onTicks(message(1, 10));
    await under.onTicks(message(21, 30));
    expect(log).toMatchObject({ fetches: 1, missed: 10, resets: ['missed'] });
  });
});
